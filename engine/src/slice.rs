//! One attempt of a slice, as a state machine: run what can run, say which keys are missing, go on.

use crate::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey},
    execute::{CancelFlag, RunLimits},
    ids::AccessIndex,
    outcome::SliceOutcome,
    task::SliceTask,
};
use std::{collections::BTreeMap, sync::Arc};

/// What a slice needs next.
#[derive(Debug)]
pub enum Step {
    /// Values of these keys (sorted, each asked for the first time); then go on.
    Missing(Vec<SnapshotKey>),
    /// Nothing: this is its outcome.
    Done(Box<SliceOutcome>),
    /// Nothing: its flag was raised.
    Cancelled,
}

/// One attempt of a slice. Knows only what it was given: the task, the overlay, answers.
#[derive(Debug)]
pub struct SliceRun {}

impl SliceRun {
    /// Makes a run of a task. `overlay` is the coordinator's memory of the block as this worker
    /// has it, by index; entries of the slice's own indices and above are passed over.
    pub fn new(
        _task: SliceTask,
        _overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
        _limits: RunLimits,
        _cancel: CancelFlag,
    ) -> Self {
        todo!()
    }

    /// Returns the keys that the block itself says will be read (senders, recipients with code,
    /// access lists, authorities), sorted, each once.
    pub fn predicted_keys(&self) -> Vec<SnapshotKey> {
        todo!()
    }

    /// Gives the answer to a key.
    pub fn provide(&mut self, _key: SnapshotKey, _answer: SnapshotAnswer) {
        todo!()
    }

    /// Runs on, on the calling thread, until the slice is done or everything that is left waits
    /// for keys.
    pub fn advance(&mut self) -> Step {
        todo!()
    }
}
