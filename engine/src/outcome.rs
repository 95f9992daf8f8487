//! What running produced: of a transaction, of a slice.

use crate::{
    access::{ReadSet, WriteSet},
    account::{SnapshotKey, SnapshotValue},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId},
};
use alloy_consensus::TxType;
use alloy_primitives::{Bloom, Bytes, Log};
use std::sync::Arc;

/// Gas of one transaction as a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GasVector {
    /// What the sender pays for: after refunds and floor. Receipts add this up.
    pub used: u64,
    /// What counts against the block's limit for regular gas.
    pub regular: u64,
    /// State gas (EIP-8037).
    pub state: u64,
    /// Blob gas (EIP-4844).
    pub blob: u64,
}

/// The part of a receipt that does not depend on the transactions before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxReceipt {
    /// Type of the transaction (EIP-2718).
    pub tx_type: TxType,
    /// Whether the transaction succeeded (EIP-658).
    pub success: bool,
    /// Gas of the transaction.
    pub gas: GasVector,
    /// Logs in order, without indices.
    pub logs: Vec<Log>,
    /// Bloom of the logs.
    pub bloom: Bloom,
}

/// What an index that ran to its end produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// What it wrote; shared with the multi-version memory.
    pub writes: Arc<WriteSet>,
    /// Receipt; `None` at index 0 and at `n + 1`.
    pub receipt: Option<TxReceipt>,
    /// Requests of system contracts, type byte first (EIP-7685); only at `n + 1`.
    pub requests: Vec<Bytes>,
}

/// How an incarnation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran to its end: success, revert or halt.
    Executed(Box<Executed>),
    /// The transaction may not stand at this place of a block.
    Invalid {
        /// The rule it breaks.
        reason: String,
    },
    /// It used up its speculative gas; it runs again when all below it is final.
    Parked,
    /// It did not run: of the gas of a block that is built, the transactions below it left too
    /// little (rule 10).
    NoRoom,
    /// The Snapshot cannot answer a key, now or ever.
    Unavailable {
        /// The key.
        key: SnapshotKey,
    },
    /// It ended without an answer: a panic, or a fault of the executor.
    Failed {
        /// What was caught.
        message: String,
    },
}

/// What one incarnation of one index produced. Its reads decide whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOutcome {
    /// Position in the block.
    pub index: AccessIndex,
    /// Number that the coordinator gave this run.
    pub incarnation: Incarnation,
    /// What it observed.
    pub reads: ReadSet,
    /// How it ended.
    pub verdict: Verdict,
}

impl TxOutcome {
    /// Returns what the incarnation produced, if it ran to its end.
    pub fn executed(&self) -> Option<&Executed> {
        match &self.verdict {
            Verdict::Executed(executed) => Some(executed),
            _ => None,
        }
    }
}

/// What an index of a block finally wrote, and which incarnation staged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalWrite {
    /// Position in the block.
    pub index: AccessIndex,
    /// The run that wrote it, under whose number it was staged.
    pub incarnation: Incarnation,
    /// The writes.
    pub writes: Arc<WriteSet>,
}

/// How often a slice asked the state service, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Keys asked of the state service.
    pub keys: u64,
    /// Batches sent.
    pub batches: u64,
    /// Steps in which batches had to be sent because runs missed keys. Batches that leave together
    /// are one step, whichever shards they go to; more than one to the same shard are more steps.
    pub miss_steps: u64,
    /// Keys answered by the worker's cache.
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

impl ReadStats {
    /// Adds another slice's counts.
    pub const fn add(&mut self, other: &Self) {
        self.keys += other.keys;
        self.batches += other.batches;
        self.miss_steps += other.miss_steps;
        self.cache_hits += other.cache_hits;
        self.cache_misses += other.cache_misses;
        self.prefetched += other.prefetched;
        self.prefetched_unused += other.prefetched_unused;
        self.bytes += other.bytes;
    }
}

/// What one attempt of a slice produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceOutcome {
    /// The job it belongs to.
    pub job: JobId,
    /// The slice.
    pub slice: SliceId,
    /// The dispatch that is answered; an answer to an older one is late.
    pub attempt: Attempt,
    /// Outcomes in block order. In a tail, standing outcomes that still hold are left out.
    pub transactions: Vec<TxOutcome>,
    /// What the slice took from the Snapshot, each key once, sorted by key.
    pub snapshot: Vec<SnapshotValue>,
    /// Number of runs, those that ended at a missing key included.
    pub n_executions: u64,
    /// How the state service was asked.
    pub reads: ReadStats,
    /// Stage messages that the worker sends for it, one a shard that its writes belong to.
    pub n_stages: u32,
    /// CPU time of the run in microseconds, measured by the worker; 0 where nobody measures.
    pub cpu_us: u64,
}
