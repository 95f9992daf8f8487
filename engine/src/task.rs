//! What a worker is told: the job's fixed frame, and slices to run.

use crate::{
    access::{ReadSet, WriteSet},
    block::{AncestorHashes, BlockAttributes},
    chain::ChainSpec,
    header::GasLeft,
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, SnapshotId},
};
use alloy_consensus::TxEnvelope;
use alloy_primitives::Address;
use std::sync::Arc;

/// What is fixed for all slices of a job (rule 11): everything that revm can ask besides state.
#[derive(Clone, Debug)]
pub struct JobFrame {
    /// The job.
    pub job: JobId,
    /// The chain's rules.
    pub chain: ChainSpec,
    /// The block without its results.
    pub attributes: BlockAttributes,
    /// What BLOCKHASH answers.
    pub ancestors: AncestorHashes,
    /// The state below the block.
    pub snapshot: SnapshotId,
}

/// A transaction with its recovered sender. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The transaction.
    pub transaction: Arc<TxEnvelope>,
    /// Who signed it.
    pub sender: Address,
}

/// One index that a slice has to run.
#[derive(Clone, Debug)]
pub struct TaskItem {
    /// Position in the block.
    pub index: AccessIndex,
    /// Number of this run.
    pub incarnation: Incarnation,
    /// The transaction; `None` at index 0 and at `n + 1`.
    pub transaction: Option<SignedBy>,
    /// In a tail: the outcome that stands so far. Where its reads hold the index does not run.
    pub standing: Option<Standing>,
}

/// An outcome that a tail keeps if its reads hold.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The run that it came from.
    pub incarnation: Incarnation,
    /// What that run observed.
    pub reads: Arc<ReadSet>,
    /// What it wrote; `None` if it did not run to its end.
    pub writes: Option<Arc<WriteSet>>,
    /// Gas that it used; 0 where it is no transaction's.
    pub gas_used: u64,
}

/// What the coordinator's memory holds at one index below a slice, for a worker that has
/// something else there or nothing.
#[derive(Clone, Debug)]
pub struct OverlayEntry {
    /// Position in the block.
    pub index: AccessIndex,
    /// The writes; `None` takes back what was sent before.
    pub writes: Option<Arc<WriteSet>>,
}

/// What kind of slice this is; it decides what may be parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceKind {
    /// Part of a round: others below may not be final.
    Round,
    /// The whole block.
    Whole,
    /// The whole non-final rest of the block.
    Tail,
    /// The whole block again, to confirm a verdict: nothing cached is used, senders are recovered
    /// again.
    Confirmation,
}

/// One attempt of one slice.
#[derive(Clone, Debug)]
pub struct SliceTask {
    /// The job's frame.
    pub frame: Arc<JobFrame>,
    /// The slice.
    pub slice: SliceId,
    /// Number of this dispatch of the slice.
    pub attempt: Attempt,
    /// What kind of slice it is.
    pub kind: SliceKind,
    /// The indices to run, ascending.
    pub items: Vec<TaskItem>,
    /// All indices below this one are final.
    pub final_below: AccessIndex,
    /// Where a block is built: what is left of its gas when all below `final_below` has run. What
    /// does not fit any more is not run, and ends in no block (rule 10).
    pub gas_left: Option<GasLeft>,
    /// What changed of the overlay since this worker's last dispatch of the job.
    pub overlay: Vec<OverlayEntry>,
}
