//! The line of one block.

use super::Fields;
use alloy_primitives::B256;
use serde::Serialize;

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockStatus {
    /// Equal to its header as far as that can be checked, and to the oracle if that ran.
    Equal,
    /// Executed, but a header field or the oracle differs.
    Different,
    /// It has an invalid transaction or body, and the input does not say so.
    Invalid,
    /// It is invalid, as the input says.
    RefusedAsExpected,
    /// The cluster could not finish it.
    Failed,
}

impl BlockStatus {
    /// Returns the status as reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Invalid => "invalid",
            Self::RefusedAsExpected => "refused_as_expected",
            Self::Failed => "failed",
        }
    }
}

/// One block: what it is, what became of it, and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct BlockLine {
    /// The input that the block is from, as given.
    pub input: String,
    /// Its number.
    pub number: u64,
    /// Its hash; nothing if its bytes are no block.
    pub hash: Option<B256>,
    /// Its parent's hash.
    pub parent_hash: Option<B256>,
    /// Its chain (EIP-155).
    pub chain_id: u64,
    /// The fork whose rules hold.
    pub fork: Option<String>,
    /// What became of it.
    pub status: BlockStatus,
    /// Why it is to be refused, as the input names it; nothing if it is not.
    pub expected_exception: Option<String>,
    /// Number of its transactions.
    pub transactions: u64,
    /// Gas that execution used; nothing if it did not come to that.
    pub gas_used: Option<u64>,
    /// The cut.
    pub plan: PlanObject,
    /// Runs of transactions, those that ended at a missing key included.
    pub executions: u64,
    /// Incarnations after the first.
    pub re_executions: u64,
    /// Outcomes whose reads did not hold.
    pub conflicts: u64,
    /// Attempts lost with their worker.
    pub attempts_lost: u64,
    /// Transactions that a second worker executed again to check the first.
    pub audited: u64,
    /// Workers that broke the protocol, by number.
    pub quarantined: Vec<u64>,
    /// How each header field compares: equal, different, `not_checkable` or absent; nothing where
    /// execution did not come to that.
    pub fields: Fields<Option<&'static str>>,
    /// Whether the block was built again from its parts, whatever came of it.
    pub rebuilt: bool,
    /// The comparison with serial execution.
    pub oracle: OracleObject,
    /// The first difference, by transaction.
    pub first_difference: Option<Difference>,
    /// Why the block was not executed to its end.
    pub error: Option<ErrorObject>,
    /// Times.
    #[serde(flatten)]
    pub times: Times,
    /// Messages between the processes.
    pub messages: Messages,
    /// Reads of the workers.
    pub reads: Reads,
    /// Trace of the job, if traces are exported.
    pub trace_id: Option<String>,
}

/// The cut of a block and what came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlanObject {
    /// `whole`, `optimistic` or `record`.
    pub kind: &'static str,
    /// Slices of the first round.
    pub slices: u32,
    /// Workers that ran any of it.
    pub workers_used: u32,
    /// Rounds dispatched.
    pub rounds: u32,
    /// Whether the end was run as a tail.
    pub tail: bool,
}

/// The comparison with serial execution; statuses as in [`Fields`], nothing if not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OracleObject {
    /// Whether serial execution ran and its outcome was compared.
    pub compared: bool,
    /// Receipts, one by one.
    pub receipts: Option<&'static str>,
    /// State after the block, account by account and slot by slot.
    pub writes: Option<&'static str>,
    /// State root.
    pub state_root: Option<&'static str>,
}

/// Where two outcomes are first not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Offset of the transaction in the block, from 0; nothing where no transaction is at fault.
    pub transaction: Option<u64>,
    /// What differs, as in `receipt.status` or `account 0x….balance`.
    pub field: String,
    /// What the cluster has; nothing where it has none.
    pub cluster: Option<String>,
    /// What it should be.
    pub expected: Option<String>,
    /// Who says so: `header`, `oracle` or `post_state`.
    pub against: &'static str,
}

/// Why a block was not executed to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorObject {
    /// `invalid` for a block that breaks a rule, `failed` where the cluster could not finish,
    /// `not_run` where the block's parent was not taken, `oracle` where only serial
    /// execution could not finish.
    pub code: &'static str,
    /// Offset of the transaction in the block, if it is one.
    pub transaction: Option<u64>,
    /// What happened.
    pub message: String,
}

/// Times of a block in microseconds; nothing where they were not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// From the raw bytes handed over to the outcome.
    pub wall_us: Option<u64>,
    /// Waiting for a place.
    pub queue_us: Option<u64>,
    /// Decode, prepare and plan.
    pub plan_us: Option<u64>,
    /// From the first dispatch to the last answer.
    pub execute_us: Option<u64>,
    /// Receipts, bloom, roots.
    pub finalise_us: Option<u64>,
    /// Seal.
    pub seal_us: Option<u64>,
    /// Commit.
    pub commit_us: Option<u64>,
    /// Serial execution of the same job from the same bytes, on one thread.
    pub serial_us: Option<u64>,
    /// Of that, execution alone.
    pub serial_execute_us: Option<u64>,
    /// `serial_us / wall_us`.
    pub speedup: Option<f64>,
    /// Millions of gas a second, of the cluster.
    pub mgas_per_s: Option<f64>,
}

/// Messages between the processes, one-way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Between coordinator and workers.
    pub coordinator_worker: u64,
    /// Between workers and state service.
    pub worker_state: u64,
    /// Between coordinator and state service.
    pub coordinator_state: u64,
    /// All of them.
    pub total: u64,
    /// Their size; nothing where there is no wire.
    pub bytes: Option<u64>,
    /// Most messages that the plan in use may cost.
    pub bound: u64,
}

/// Reads of the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reads {
    /// Keys asked of the state service.
    pub keys: u64,
    /// Batches sent.
    pub batches: u64,
    /// Batches that had to be sent because a run missed a key.
    pub miss_steps: u64,
    /// Keys answered by a worker's cache.
    pub cache_hits: u64,
    /// Keys that the cache did not have.
    pub cache_misses: u64,
    /// Keys read before execution asked for them.
    pub prefetched: u64,
    /// Of these, keys that execution never asked for.
    pub prefetched_unused: u64,
    /// Bytes of the answers.
    pub bytes: u64,
}
