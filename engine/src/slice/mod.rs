//! One attempt of a slice, as a state machine: run what can run, say which keys are missing, go on.

mod predict;
mod room;
mod view;

use crate::{
    access::{ReadSet, WriteSet},
    account::{SnapshotAnswer, SnapshotKey, TouchRule},
    execute::{CancelFlag, Executor, Guesses, RunEnd, RunLimits},
    ids::AccessIndex,
    outcome::{ReadStats, SliceOutcome, TxOutcome, Verdict},
    task::{SliceTask, TaskItem},
};
use room::Room;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
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

impl Place {
    /// Returns what the outcome here read and wrote.
    fn reads_and_writes<'a>(
        &'a self,
        item: &'a TaskItem,
    ) -> Option<(&'a ReadSet, Option<&'a Arc<WriteSet>>)> {
        match self {
            Self::Open => None,
            Self::Kept => {
                let standing = item.standing.as_ref()?;
                Some((&standing.reads, standing.writes.as_ref()))
            }
            Self::Ran(outcome) => {
                let writes = outcome.executed().map(|executed| &executed.writes);
                Some((&outcome.reads, writes))
            }
        }
    }
}

/// One attempt of a slice. Knows only what it was given: the task, the overlay, answers.
#[derive(Debug)]
pub struct SliceRun {
    task: SliceTask,
    /// `None` only while [`Self::advance`] runs.
    view: Option<SliceView>,
    places: Vec<Place>,
    /// For each position, whether every index below it is final or in this slice.
    is_certain: Vec<bool>,
    /// Positions whose outcome is no execution: what stands above them saw a state without their
    /// writes.
    voids: BTreeSet<usize>,
    /// Indices to look at: they have not run, wait for keys, or something below them changed.
    open: BTreeSet<AccessIndex>,
    guesses: Guesses,
    /// Where a block is built: what is left of its gas.
    room: Option<Room>,
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
                view.put(*index, Some(Arc::clone(writes)), &mut BTreeSet::new());
            }
        }
        Self {
            places: task.items.iter().map(|_| Place::Open).collect(),
            is_certain: certain_positions(&task),
            voids: BTreeSet::new(),
            open: task.items.iter().map(|item| item.index).collect(),
            view: Some(view),
            guesses: Guesses::default(),
            room: task.gas_left.map(Room::new),
            task,
            limits,
            cancel,
            n_executions: 0,
        }
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
    /// Indices are looked at in order: an outcome whose reads hold stays, everything else runs.
    /// What runs above an index that waits is a guess, looked at again when something that it read
    /// changes.
    pub fn advance(&mut self) -> Step {
        let Some(view) = self.view.take() else { return Step::Cancelled };
        let frame = Arc::clone(&self.task.frame);
        let guesses = std::mem::take(&mut self.guesses);
        let mut executor = Executor::new(frame, view, guesses, self.limits, self.cancel.clone());
        let mut missing = Vec::new();
        let mut waiting = BTreeSet::new();
        while let Some(index) = self.next_open(executor.view(), waiting.is_empty()) {
            if self.cancel.is_cancelled() {
                return Step::Cancelled;
            }
            let Some(position) = self.position(index) else { continue };
            executor.view().at = index;
            if !self.has_room(executor.view(), position) || self.holds(executor.view(), position) {
                continue;
            }
            match self.run(&mut executor, position, waiting.is_empty()) {
                RunEnd::Outcome(_, Verdict::Parked) if !waiting.is_empty() => {
                    self.settle(executor.view(), position, Place::Open);
                    waiting.insert(index);
                }
                RunEnd::Outcome(reads, verdict) => {
                    let incarnation = self.task.items[position].incarnation;
                    let outcome = TxOutcome { index, incarnation, reads, verdict };
                    self.settle(executor.view(), position, Place::Ran(outcome));
                }
                RunEnd::Missing(keys) => {
                    missing.extend(keys);
                    self.settle(executor.view(), position, Place::Open);
                    waiting.insert(index);
                }
                RunEnd::Cancelled => return Step::Cancelled,
            }
        }
        let (view, guesses) = executor.into_parts();
        if waiting.is_empty() {
            return Step::Done(Box::new(self.outcome(&view)));
        }
        self.open = waiting;
        self.view = Some(view);
        self.guesses = guesses;
        missing.sort_unstable();
        missing.dedup();
        Step::Missing(missing)
    }

    /// Returns where an index stands in the slice, if it is one of the slice's own.
    fn position(&self, index: AccessIndex) -> Option<usize> {
        self.task.items.binary_search_by_key(&index, |item| item.index).ok()
    }

    /// Tells whether what stands at a position holds; a standing outcome that came with the task
    /// is taken over if it does.
    fn holds(&mut self, view: &mut SliceView, position: usize) -> bool {
        let standing = self.task.items[position].standing.as_ref();
        match (&self.places[position], standing) {
            (Place::Ran(outcome), _) => view.holds(&outcome.reads),
            (Place::Kept, Some(standing)) => view.holds(&standing.reads),
            (Place::Open, Some(standing)) if view.holds(&standing.reads) => {
                self.settle(view, position, Place::Kept);
                true
            }
            _ => false,
        }
    }

    /// Opens the positions whose payments do not fit, once nothing else is open: they saw other
    /// balances, which are no reads of theirs (rule 6).
    fn open_unfit(&mut self, view: &mut SliceView) {
        let beneficiary = self.task.frame.attributes.header.beneficiary;
        for position in 0..self.places.len() {
            let item = &self.task.items[position];
            let written = self.places[position].reads_and_writes(item).and_then(|(_, it)| it);
            let Some(writes) = written.filter(|_| item.transaction.is_some()) else { continue };
            if view.payments_fit(item.index, writes, &beneficiary) {
                continue;
            }
            self.open.insert(item.index);
            self.settle(view, position, Place::Open);
            self.task.items[position].standing = None;
        }
    }

    fn run(
        &mut self,
        executor: &mut Executor<SliceView>,
        position: usize,
        nothing_waits: bool,
    ) -> RunEnd {
        self.n_executions += 1;
        let item = &self.task.items[position];
        let is_above_void = self.voids.range(..position).next().is_some();
        let is_guess = !nothing_waits || !self.is_certain[position] || is_above_void;
        let budget = is_guess.then_some(self.limits.speculative_gas);
        executor.run(item.index, item.transaction.as_ref(), budget)
    }

    /// Puts something else at a position, and opens what read its writes.
    fn settle(&mut self, view: &mut SliceView, position: usize, place: Place) {
        let item = &self.task.items[position];
        if let Some((reads, _)) = self.places[position].reads_and_writes(item) {
            view.remove_reads(item.index, reads);
        }
        let mut writes = None;
        if let Some((reads, written)) = place.reads_and_writes(item) {
            view.add_reads(item.index, reads);
            writes = written.cloned();
        }
        view.put(item.index, writes, &mut self.open);
        if self.is_void(item, &place) {
            self.voids.insert(position);
        } else {
            self.voids.remove(&position);
        }
        self.places[position] = place;
    }

    /// Tells whether what came of an index is no execution. Where a block is built, a transaction
    /// that is dropped leaves nothing amiss.
    fn is_void(&self, item: &TaskItem, place: &Place) -> bool {
        let verdict = match place {
            Place::Open => return false,
            Place::Kept => {
                let writes = item.standing.as_ref().and_then(|standing| standing.writes.as_ref());
                return writes.is_none() && self.room.is_none();
            }
            Place::Ran(outcome) => &outcome.verdict,
        };
        match verdict {
            Verdict::Executed(_) | Verdict::NoRoom => false,
            Verdict::Invalid { .. } => self.room.is_none(),
            Verdict::Unavailable { .. } | Verdict::Parked | Verdict::Failed { .. } => true,
        }
    }

    fn outcome(&mut self, view: &SliceView) -> SliceOutcome {
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
            snapshot: view.used(),
            n_executions: self.n_executions,
            reads: ReadStats::default(),
            n_stages: 0,
            cpu_us: 0,
        }
    }
}

/// Tells of each position whether every index below it is final or in the slice.
fn certain_positions(task: &SliceTask) -> Vec<bool> {
    let final_below = task.final_below.position();
    let mut n_here = 0;
    let certain = task.items.iter().map(|item| {
        let index = item.index.position();
        let is_certain = index <= final_below || index - final_below == n_here;
        n_here += u32::from(index >= final_below);
        is_certain
    });
    certain.collect()
}
