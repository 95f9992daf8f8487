//! What the actor carries out for the machine.

use crate::{
    advance::{Finish, StagedWrites},
    error::WorkerError,
    pool::WorkOrder,
};
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey},
    execute::CancelFlag,
    ids::{AccessIndex, JobId, ShardIndex},
    outcome::{SliceOutcome, TxOutcome},
    slice::SliceRun,
    task::SliceTask,
};
use proto::state::ReadRequest;
use std::{collections::BTreeMap, fmt, sync::Arc};
use tracing::Span;

/// One attempt of a slice on this worker, as the machine counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunId(u64);

impl RunId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One read under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BatchId(u64);

impl BatchId {
    pub(super) const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Make a slice's run on a CPU thread; then call `began`.
    Begin(Begin),
    /// Run a slice on a CPU thread; then call `advanced`.
    Advance(Advance),
    /// Read from the state service; then call `read`.
    Read(Reading),
    /// Stage writes; then call `staged`.
    Stage(Staging),
    /// Answer the caller.
    Answer {
        /// Whose call.
        run: RunId,
        /// With what.
        answer: Result<Box<SliceOutcome>, WorkerError>,
    },
}

/// Makes a slice's run.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) run: RunId,
    pub(crate) order: WorkOrder,
    pub(crate) task: SliceTask,
    pub(crate) overlay: Arc<BTreeMap<AccessIndex, Arc<WriteSet>>>,
    pub(crate) cancel: CancelFlag,
    pub(crate) span: Span,
}

/// A slice's run, made.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) slice: Box<SliceRun>,
    pub(crate) predicted: Vec<SnapshotKey>,
    /// In a Confirmation: the first transaction whose signature has no sender. It and all above
    /// it are no part of the run.
    pub(crate) no_sender: Option<TxOutcome>,
}

/// Runs a slice.
#[derive(Debug)]
pub(crate) struct Advance {
    pub(crate) run: RunId,
    pub(crate) order: WorkOrder,
    pub(crate) slice: Box<SliceRun>,
    pub(crate) answers: Vec<(SnapshotKey, SnapshotAnswer)>,
    pub(crate) finish: Finish,
    pub(crate) span: Span,
}

/// Reads keys of one shard.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) batch: BatchId,
    pub(crate) shard: ShardIndex,
    pub(crate) request: ReadRequest,
    pub(crate) span: Span,
}

/// Stages what a slice wrote at one shard.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) shard: ShardIndex,
    pub(crate) job: JobId,
    pub(crate) writes: Vec<StagedWrites>,
    pub(crate) span: Span,
}
