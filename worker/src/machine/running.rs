//! One attempt of a slice on its way through the worker.

use super::KeysOf;
use crate::{
    pool::WorkOrder,
    prefetch::{KnownKey, Why},
};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    execute::CancelFlag,
    ids::{JobId, SliceId},
    outcome::{ReadStats, TxOutcome},
    slice::SliceRun,
    task::{JobFrame, SliceTask},
};
use std::{sync::Arc, time::Duration};
use tracing::Span;

/// An attempt that was received and not answered.
#[derive(Debug)]
pub(super) struct RunningSlice {
    pub(super) frame: Arc<JobFrame>,
    pub(super) slice: SliceId,
    pub(super) order: WorkOrder,
    /// Where its answers are kept.
    pub(super) keys: KeysOf,
    cancel: CancelFlag,
    pub(super) span: Span,
    pub(super) phase: Phase,
    pub(super) stats: ReadStats,
    /// Keys that were asked for because the block says they will be read; sorted within each of
    /// the few rounds of asking.
    pub(super) prefetched: Vec<KnownKey>,
    pub(super) cpu: Duration,
    /// In a Confirmation: what becomes of the first transaction that nobody signed.
    pub(super) no_sender: Option<TxOutcome>,
}

/// Who holds the run.
#[derive(Debug)]
pub(super) enum Phase {
    /// A CPU thread, or the pool's queue.
    OnPool,
    /// The machine, until all keys are there.
    Waiting(Waiting),
}

/// A run that waits for keys.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) slice: Box<SliceRun>,
    /// Keys without an answer so far.
    pub(super) open: Vec<SnapshotKey>,
    /// What the run gets when all is there.
    pub(super) answers: Vec<(SnapshotKey, SnapshotAnswer)>,
    pub(super) why: Why,
    /// How often the run is woken before it looks again.
    pub(super) n_wakes: usize,
    /// The span `prefetch`, open as long as the run waits.
    pub(super) span: Span,
}

impl RunningSlice {
    pub(super) fn new(
        task: &SliceTask,
        order: WorkOrder,
        keys: KeysOf,
        cancel: CancelFlag,
        span: Span,
    ) -> Self {
        Self {
            frame: Arc::clone(&task.frame),
            slice: task.slice,
            order,
            keys,
            cancel,
            span,
            phase: Phase::OnPool,
            stats: ReadStats::default(),
            prefetched: Vec::new(),
            cpu: Duration::ZERO,
            no_sender: None,
        }
    }

    pub(super) fn job(&self) -> JobId {
        self.frame.job
    }
}

/// Nobody waits for a run that is not known any more: it stops, whatever made it be forgotten.
impl Drop for RunningSlice {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
