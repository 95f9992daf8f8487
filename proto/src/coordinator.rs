//! The coordinator's messages and trait.

use crate::{
    state::{Head, LoadGenesisRequest, SnapshotContents},
    status::Status,
};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use engine::{
    access::WriteSet,
    block::{AncestorHashes, Ommers},
    build::{BuildAttributes, BuiltBlock},
    chain::ChainSpec,
    header::BlockResults,
    ids::{AccessIndex, ClusterId, JobId, ShardIndex, SnapshotId, Term, WorkerId},
    lineage::Lineage,
    outcome::ReadStats,
    trie::AccountProof,
};
use std::{sync::Arc, time::Duration};

/// What is to become of a block that is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Execute, compare with the header, and commit if equal; the job is named by block hash.
    #[default]
    VerifyAndCommit,
    /// Execute and compare; keep the state in memory until the Snapshot is dropped.
    Verify,
}

/// How a block is to be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanWish {
    /// Cut into slices whatever it gains.
    #[default]
    Split,
    /// One slice.
    Whole,
    /// One slice below a configured size, else split.
    Auto,
}

/// Submits a block.
#[derive(Clone, Debug)]
pub struct ExecuteBlockRequest {
    /// The raw block.
    pub block_rlp: Bytes,
    /// Rules of its chain.
    pub chain: ChainSpec,
    /// The state below it.
    pub parent: SnapshotId,
    /// Hashes of earlier blocks.
    pub ancestors: AncestorHashes,
    /// Headers of earlier blocks; without the parent's, rules about it are not checked.
    pub lineage: Lineage,
    /// Whether the block's ommers are in its bytes.
    pub ommers: Ommers,
    /// What is to become of it.
    pub mode: Mode,
    /// How it is to be cut.
    pub plan: PlanWish,
    /// Gas of a slice at most, if the caller wants a bound; 1 makes every transaction a slice.
    pub slice_gas: Option<u64>,
    /// Seed of every choice that does not change the outcome.
    pub seed: u64,
}

/// Asks for a block.
#[derive(Clone, Debug)]
pub struct BuildBlockRequest {
    /// Rules of the chain.
    pub chain: ChainSpec,
    /// The state below it.
    pub parent: SnapshotId,
    /// Hashes of earlier blocks.
    pub ancestors: AncestorHashes,
    /// Headers of earlier blocks, the parent's among them.
    pub lineage: Lineage,
    /// What the caller chooses.
    pub attributes: BuildAttributes,
    /// The candidates in order, as EIP-2718 bytes. Those that may not stand where they would are
    /// left out.
    pub candidates: Vec<Bytes>,
    /// How it is to be cut.
    pub plan: PlanWish,
    /// Gas of a slice at most, if the caller wants a bound; 1 makes every transaction a slice.
    pub slice_gas: Option<u64>,
    /// Seed of every choice that does not change the outcome.
    pub seed: u64,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Equal to its header and committed.
    Committed,
    /// Executed and sealed in memory; equal to its header as far as that can be checked.
    Verified,
    /// Executed, and a header field differs.
    Different,
    /// Built, and sealed in memory under the name of its job until it is dropped.
    Built,
    /// An invalid transaction or body; confirmed by a second run.
    Invalid {
        /// Offset of the transaction, if it is one.
        transaction: Option<usize>,
        /// The rule that is broken.
        reason: String,
    },
    /// The cluster could not finish.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The cut of a block and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanSummary {
    /// Whether the block was one slice from the start.
    pub whole: bool,
    /// Slices of the first round.
    pub slices: u32,
    /// Workers that ran any of it.
    pub workers_used: u32,
    /// Rounds dispatched.
    pub rounds: u32,
    /// Whether the end was run as a tail.
    pub tail: bool,
}

/// Counts of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Runs of transactions, those that ended at a missing key included.
    pub executions: u64,
    /// Incarnations after the first.
    pub re_executions: u64,
    /// Outcomes whose reads did not hold.
    pub conflicts: u64,
    /// Attempts lost with their worker.
    pub attempts_lost: u64,
    /// Workers that broke the protocol in this job.
    pub quarantined: Vec<WorkerId>,
    /// Messages between coordinator and workers.
    pub messages_coordinator_worker: u64,
    /// Messages between workers and state service.
    pub messages_worker_state: u64,
    /// Messages between coordinator and state service.
    pub messages_coordinator_state: u64,
    /// Bytes of all these messages as the wire carried them; `None` where there is no wire.
    pub message_bytes: Option<u64>,
    /// Most messages that the plan in use may cost (contract.md).
    pub message_bound: u64,
    /// Reads of the workers.
    pub reads: ReadStats,
    /// CPU time of the workers in microseconds.
    pub workers_cpu_us: u64,
}

/// Time that the phases of a job took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobTimes {
    /// From submission to the answer.
    pub wall: Duration,
    /// Waiting for a place.
    pub queue: Duration,
    /// Decode, prepare and plan.
    pub plan: Duration,
    /// From the first dispatch to the last answer.
    pub execute: Duration,
    /// Receipts, bloom, roots.
    pub finalise: Duration,
    /// Seal.
    pub seal: Duration,
    /// Commit.
    pub commit: Duration,
}

/// What became of a submitted block.
#[derive(Clone, Debug)]
pub struct BlockOutcome {
    /// The job.
    pub job: JobId,
    /// Hash of the block as submitted.
    pub block_hash: B256,
    /// How it ended.
    pub end: JobEnd,
    /// What execution produced; `None` if it did not come to that.
    pub results: Option<BlockResults>,
    /// Receipts in order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Final writes in order, index 0 and `n + 1` included.
    pub writes: Vec<(AccessIndex, Arc<WriteSet>)>,
    /// The cut.
    pub plan: PlanSummary,
    /// Counts.
    pub counts: JobCounts,
    /// Times.
    pub times: JobTimes,
    /// Trace of the job, if traces are exported.
    pub trace_id: Option<String>,
    /// The block, if one was to be built and was.
    pub built: Option<BuiltBlock>,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It is given slices.
    Ready,
    /// It finishes what it has and then goes.
    Draining,
    /// It broke the protocol and is given nothing.
    Quarantined,
    /// It went without a word, and is remembered for a while.
    Lost,
}

/// A worker, as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// The worker.
    pub id: WorkerId,
    /// Where it is; empty where there is no wire.
    pub address: String,
    /// Slices that it runs at once.
    pub cores: u32,
    /// What it is doing.
    pub state: WorkerState,
    /// Slices that it was sent and has not answered.
    pub slices_running: u32,
    /// Version of its program.
    pub version: String,
}

/// Whether a state shard answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// It has its place and answers.
    Ready,
    /// It does not answer.
    Away,
}

/// A state shard, as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardStatus {
    /// Its place.
    pub index: ShardIndex,
    /// Where it is; empty where there is no wire.
    pub address: String,
    /// Whether it answers.
    pub state: ShardState,
    /// The head as this shard knows it.
    pub head: Option<Head>,
    /// The leader's number that it obeys.
    pub term: Term,
}

/// Whether etcd is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtcdState {
    /// It answers.
    Up,
    /// It does not answer.
    Away,
    /// The cluster has static addresses.
    None,
}

/// A coordinator, as the cluster's members know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoordinatorStatus {
    /// Its stable name.
    pub id: String,
    /// Where it is; empty where there is no wire.
    pub address: String,
}

/// What a cluster looks like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The cluster.
    pub cluster: ClusterId,
    /// Whoever leads.
    pub leader: CoordinatorStatus,
    /// The leader's number.
    pub term: Term,
    /// All coordinators, the leader among them.
    pub coordinators: Vec<CoordinatorStatus>,
    /// Workers, by id.
    pub workers: Vec<WorkerStatus>,
    /// State shards, by index.
    pub state_shards: Vec<ShardStatus>,
    /// The head; `None` while the cluster is empty.
    pub head: Option<Head>,
    /// State root of the head, if the coordinator knows it.
    pub head_state_root: Option<B256>,
    /// Blocks that run or wait.
    pub queue: u64,
    /// Whether etcd is there.
    pub etcd: EtcdState,
}

/// Asks what the state says of an account, with proofs (EIP-1186).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetProofRequest {
    /// Whose state is meant; `None` for the head's.
    pub snapshot: Option<SnapshotId>,
    /// The account.
    pub address: Address,
    /// Slots of it.
    pub slots: Vec<U256>,
}

/// Answers a [`GetProofRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetProofResponse {
    /// Whose state it is.
    pub snapshot: SnapshotId,
    /// Root of that state: the hash of the proof's first node.
    pub state_root: B256,
    /// The account.
    pub proof: AccountProof,
}

/// A coordinator: takes blocks in and decides.
#[async_trait]
pub trait CoordinatorService: Send + Sync + std::fmt::Debug {
    /// Executes a block and answers when it is decided.
    ///
    /// # Errors
    /// `InvalidArgument` if the request is no block; `ResourceExhausted` if the queue is full.
    /// A block that is wrong is an outcome, not an error.
    async fn execute_block(&self, request: ExecuteBlockRequest) -> Result<BlockOutcome, Status>;

    /// Builds a block, and answers when it is sealed.
    ///
    /// # Errors
    /// `InvalidArgument` if the parent's header is not given, or the attributes make no block on it;
    /// `ResourceExhausted` if the queue is full. A candidate that is invalid is part of the outcome.
    async fn build_block(&self, request: BuildBlockRequest) -> Result<BlockOutcome, Status>;

    /// Fills an empty cluster, and returns the state root. The same genesis again does nothing.
    ///
    /// # Errors
    /// `FailedPrecondition` if there is another genesis; `InvalidArgument` if the state is none.
    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<B256, Status>;

    /// Makes a Snapshot of its own; head and log never see it.
    ///
    /// # Errors
    /// `ResourceExhausted` if too many are loaded; `InvalidArgument` if the state is none.
    async fn load_snapshot(&self, contents: SnapshotContents) -> Result<SnapshotId, Status>;

    /// Makes a committed block the head: fork choice is the caller's.
    ///
    /// # Errors
    /// `NotFound` if the block is not committed, or was too long ago.
    async fn set_head(&self, block_hash: B256) -> Result<Head, Status>;

    /// Drops a loaded Snapshot, or that of a verified job, with those that were made on it.
    ///
    /// # Errors
    /// `NotFound` if there is none; `FailedPrecondition` if it is a committed block's.
    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status>;

    /// Proves what the state says of an account.
    ///
    /// # Errors
    /// `NotFound` if there is no such Snapshot, or no head; `FailedPrecondition` if it has no trie;
    /// `Unavailable` if it lacks a node; `ResourceExhausted` for too many slots.
    async fn get_proof(&self, request: GetProofRequest) -> Result<GetProofResponse, Status>;

    /// Returns what the cluster looks like now.
    ///
    /// # Errors
    /// `Unavailable` if the coordinator stops. A shard that is away is part of the answer.
    async fn status(&self) -> Result<ClusterStatus, Status>;
}
