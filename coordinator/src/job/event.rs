//! What happens to a job, and what it wants done.

use super::BuiltBody;
use alloy_consensus::{ReceiptEnvelope, TxEnvelope};
use alloy_primitives::{Address, B256, Bytes};
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey},
    header::BlockResults,
    ids::{AccessIndex, Attempt, BootId, ShardIndex, SliceId, WorkerId},
    outcome::{FinalWrite, SliceOutcome, TxReceipt},
    task::SliceTask,
};
use proto::{
    coordinator::{JobCounts, JobEnd, PlanSummary},
    status::Status,
};
use std::sync::Arc;

/// One attempt of one slice.
pub type Dispatch = (SliceId, Attempt);

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The job may begin.
    Started,
    /// A worker recovered senders of one part.
    Prepared {
        /// Who.
        worker: WorkerId,
        /// Which part.
        part: u32,
        /// Senders of the part's transactions; `None` where a signature is none.
        senders: Vec<(AccessIndex, Option<Address>)>,
        /// CPU time in microseconds.
        cpu_us: u64,
    },
    /// A worker did not recover senders.
    PrepareFailed {
        /// Who.
        worker: WorkerId,
        /// Which part.
        part: u32,
        /// Why.
        status: Status,
    },
    /// The coordinator recovered senders itself.
    Recovered {
        /// The senders.
        senders: Vec<(AccessIndex, Option<Address>)>,
    },
    /// A worker answered a dispatch.
    SliceAnswered {
        /// Who.
        worker: WorkerId,
        /// With what; it names slice and attempt.
        outcome: Box<SliceOutcome>,
    },
    /// A worker refused a dispatch or gave it up, and lives.
    SliceFailed {
        /// Who.
        worker: WorkerId,
        /// Which dispatch.
        dispatch: Dispatch,
        /// Why.
        status: Status,
    },
    /// A worker is gone, or was silent for too long.
    WorkerLost(WorkerId),
    /// A worker finishes what it has and takes nothing new.
    WorkerLeaving(WorkerId),
    /// A worker is there.
    WorkerJoined(WorkerId),
    /// A shard answered keys.
    SnapshotRead {
        /// Which.
        shard: ShardIndex,
        /// Its boot id.
        boot: BootId,
        /// Keys and answers.
        answers: Vec<(SnapshotKey, SnapshotAnswer)>,
    },
    /// Receipts and roots were put together; or a deposit log shows that the block is invalid.
    Assembled(Result<Box<Assembled>, String>),
    /// The block's writes are sealed, at every shard.
    Sealed {
        /// The shards' boot ids.
        boots: Vec<(ShardIndex, BootId)>,
        /// Shards that lacked some of the writes and were asked a second time, with these.
        n_repeated: u64,
        /// State root, if the Snapshot has a trie.
        state_root: Option<B256>,
        /// State root after each transaction, if the Snapshot has a trie and the block's receipts
        /// hold these.
        tx_roots: Option<Vec<B256>>,
    },
    /// What was sealed is dropped.
    Aborted,
    /// The block is committed: shard 0 has decided.
    Committed,
    /// The state service did not do what it was asked, however often.
    StateFailed(Status),
    /// Something that the job cannot do without failed: its parent, or work on a CPU thread.
    CannotGoOn(String),
    /// The job's time is over.
    Deadline,
}

/// Receipts in order, and what the header says of them.
#[derive(Debug)]
pub struct Assembled {
    /// Receipts with cumulative gas.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Roots, bloom, gas.
    pub results: BlockResults,
}

/// What receipts are put together from.
#[derive(Debug)]
pub struct UnassembledReceipts {
    /// The block's transactions; where it is built, those that are in it.
    pub transactions: Vec<Arc<TxEnvelope>>,
    /// Receipts in order, as transactions gave them.
    pub receipts: Vec<TxReceipt>,
    /// Requests of system contracts.
    pub requests: Vec<Bytes>,
    /// State root after each transaction, which receipts before Byzantium hold; `None` from then
    /// on, and where they are not known.
    pub roots: Option<Vec<B256>>,
}

/// Something that is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Have a worker recover senders.
    Prepare {
        /// Who.
        worker: WorkerId,
        /// Number of the part.
        part: u32,
        /// Its transactions.
        indices: Vec<AccessIndex>,
    },
    /// Recover senders on the coordinator's own CPU threads.
    RecoverLocally {
        /// The transactions.
        indices: Vec<AccessIndex>,
    },
    /// Send a slice.
    Dispatch {
        /// To whom.
        worker: WorkerId,
        /// What.
        task: Box<SliceTask>,
    },
    /// Give a dispatch up: nobody waits for its answer any more.
    Cancel {
        /// Who has it.
        worker: WorkerId,
        /// Which.
        dispatch: Dispatch,
    },
    /// Read keys of the Snapshot.
    ReadSnapshot {
        /// Whom to ask.
        shard: ShardIndex,
        /// The keys; all of them are this shard's.
        keys: Vec<SnapshotKey>,
    },
    /// Put receipts and roots together.
    Assemble(UnassembledReceipts),
    /// Seal the block's writes.
    Seal {
        /// All final writes in order.
        writes: Vec<FinalWrite>,
    },
    /// Drop what was sealed, or staged.
    Abort,
    /// Commit the sealed block.
    Commit,
    /// Use a worker no more, in any job.
    Quarantine {
        /// Who.
        worker: WorkerId,
        /// What it did.
        reason: String,
    },
    /// Start again from nothing, under a new job id.
    StartAgain {
        /// Why.
        reason: String,
    },
    /// Tell workers that the job is over.
    EndJob {
        /// Who has to do with it.
        workers: Vec<WorkerId>,
    },
    /// Answer the client.
    Finish(Box<JobReport>),
}

/// How a job ended, and what it produced.
#[derive(Debug)]
pub struct JobReport {
    /// How it ended.
    pub end: JobEnd,
    /// What execution produced.
    pub results: Option<BlockResults>,
    /// Receipts in order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Final writes in order.
    pub writes: Vec<(AccessIndex, Arc<WriteSet>)>,
    /// The body of the block, if one was built.
    pub built: Option<BuiltBody>,
    /// The cut.
    pub plan: PlanSummary,
    /// Counts.
    pub counts: JobCounts,
}

/// Where a job is, for those who measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It has not begun.
    Planned,
    /// Senders are recovered.
    Preparing,
    /// Slices run.
    Running,
    /// Receipts and roots are put together, the writes are sealed.
    Sealing,
    /// The block is committed.
    Committing,
    /// It is over.
    Ended,
}
