//! One attempt of a slice, as a state machine: run what can run, say which keys are missing, go on.

mod predict;
mod view;

use crate::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey, TouchRule},
    execute::{CancelFlag, Executor, RunEnd, RunLimits},
    ids::AccessIndex,
    outcome::{ReadStats, SliceOutcome, TxOutcome, Verdict},
    task::{SliceTask, TaskItem},
};
use std::{collections::BTreeMap, sync::Arc};
use view::SliceView;

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

/// What stands at one index of the slice.
#[derive(Debug)]
enum Place {
    /// It has not run, or waits for keys.
    Open,
    /// The outcome that came with the task stands.
    Kept,
    /// It ran here.
    Ran(TxOutcome),
}

/// One attempt of a slice. Knows only what it was given: the task, the overlay, answers.
#[derive(Debug)]
pub struct SliceRun {
    task: SliceTask,
    /// `None` only while [`Self::advance`] runs.
    view: Option<SliceView>,
    places: Vec<Place>,
    limits: RunLimits,
    cancel: CancelFlag,
    n_executions: u64,
}

impl SliceRun {
    /// Makes a run of a task. `overlay` is the coordinator's memory of the block as this worker
    /// has it, by index; entries of the slice's own indices and above are passed over.
    pub fn new(
        task: SliceTask,
        overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
        limits: RunLimits,
        cancel: CancelFlag,
    ) -> Self {
        let header = &task.frame.attributes.header;
        let spec = task.frame.chain.spec_at(header.number, header.timestamp);
        let mut view = SliceView::new(TouchRule::of(spec));
        if let Some(last) = task.items.last() {
            let own = |index| task.items.binary_search_by_key(&index, |item| item.index).is_ok();
            for (index, writes) in overlay.range(..last.index).filter(|(index, _)| !own(**index)) {
                view.put(*index, Some(Arc::clone(writes)));
            }
        }
        let places = task.items.iter().map(|_| Place::Open).collect();
        Self { task, view: Some(view), places, limits, cancel, n_executions: 0 }
    }

    /// Returns the task.
    pub const fn task(&self) -> &SliceTask {
        &self.task
    }

    /// Returns the keys that the block itself says will be read (senders, recipients with code,
    /// access lists, authorities), sorted, each once.
    pub fn predicted_keys(&self) -> Vec<SnapshotKey> {
        predict::keys(&self.task.frame, &self.task.items)
    }

    /// Gives the answer to a key.
    pub fn provide(&mut self, key: SnapshotKey, answer: SnapshotAnswer) {
        if let Some(view) = &mut self.view {
            view.provide(key, answer);
        }
    }

    /// Runs on, on the calling thread, until the slice is done or everything that is left waits
    /// for keys.
    ///
    /// One pass over the slice in order: an outcome whose reads hold stays, everything else runs.
    /// What runs above an index that waits is a guess; the next pass looks at it again.
    pub fn advance(&mut self) -> Step {
        let Some(view) = self.view.take() else { return Step::Cancelled };
        let frame = Arc::clone(&self.task.frame);
        let mut executor = Executor::new(frame, view, self.limits, self.cancel.clone());
        let mut missing = Vec::new();
        let mut waiting = false;
        for position in 0..self.places.len() {
            if self.cancel.is_cancelled() {
                return Step::Cancelled;
            }
            executor.view().at = self.task.items[position].index;
            if self.holds(&mut executor, position) {
                continue;
            }
            match self.run(&mut executor, position, waiting) {
                RunEnd::Outcome(_, Verdict::Parked) if waiting => {
                    self.leave_open(&mut executor, position);
                }
                RunEnd::Outcome(reads, verdict) => {
                    let TaskItem { index, incarnation, .. } = self.task.items[position];
                    let outcome = TxOutcome { index, incarnation, reads, verdict };
                    let writes = outcome.executed().map(|executed| Arc::clone(&executed.writes));
                    executor.view().put(index, writes);
                    self.places[position] = Place::Ran(outcome);
                }
                RunEnd::Missing(keys) => {
                    missing.extend(keys);
                    waiting = true;
                    self.leave_open(&mut executor, position);
                }
                RunEnd::Cancelled => return Step::Cancelled,
            }
        }
        let mut view = executor.into_view();
        if waiting {
            self.view = Some(view);
            missing.sort_unstable();
            missing.dedup();
            return Step::Missing(missing);
        }
        Step::Done(Box::new(self.outcome(&mut view)))
    }

    /// Tells whether what stands at a position holds; a standing outcome that came with the task
    /// is taken over if it does.
    fn holds(&mut self, executor: &mut Executor<SliceView>, position: usize) -> bool {
        let item = &self.task.items[position];
        match (&self.places[position], &item.standing) {
            (Place::Ran(outcome), _) => executor.view().holds(&outcome.reads),
            (Place::Kept, Some(standing)) => executor.view().holds(&standing.reads),
            (Place::Open, Some(standing)) if executor.view().holds(&standing.reads) => {
                let writes = standing.writes.clone();
                executor.view().put(item.index, writes);
                self.places[position] = Place::Kept;
                true
            }
            _ => false,
        }
    }

    fn run(
        &mut self,
        executor: &mut Executor<SliceView>,
        position: usize,
        waiting: bool,
    ) -> RunEnd {
        self.n_executions += 1;
        let item = &self.task.items[position];
        let certain = !waiting && self.all_below_is_here_or_final(position);
        let budget = (!certain).then_some(self.limits.speculative_gas);
        executor.run(item.index, item.transaction.as_ref(), budget)
    }

    /// Tells whether every index below a position is final or in this slice.
    fn all_below_is_here_or_final(&self, position: usize) -> bool {
        let index = self.task.items[position].index.position();
        let final_below = self.task.final_below.position();
        let n_here = self.task.items[..position]
            .iter()
            .filter(|item| item.index.position() >= final_below)
            .count();
        index <= final_below || (index - final_below) as usize == n_here
    }

    fn leave_open(&mut self, executor: &mut Executor<SliceView>, position: usize) {
        executor.view().put(self.task.items[position].index, None);
        self.places[position] = Place::Open;
    }

    fn outcome(&mut self, view: &mut SliceView) -> SliceOutcome {
        let places = std::mem::take(&mut self.places);
        let ran = places.into_iter().filter_map(|place| match place {
            Place::Ran(outcome) => Some(outcome),
            Place::Open | Place::Kept => None,
        });
        SliceOutcome {
            job: self.task.frame.job,
            slice: self.task.slice,
            attempt: self.task.attempt,
            transactions: ran.collect(),
            snapshot: view.take_used(),
            n_executions: self.n_executions,
            reads: ReadStats::default(),
            cpu_us: 0,
        }
    }
}
