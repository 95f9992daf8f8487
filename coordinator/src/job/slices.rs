//! Slices that are open, and the workers that a job may use.

use super::event::Dispatch;
use engine::{
    ids::{AccessIndex, Attempt, SliceId, WorkerId},
    task::SliceKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// A slice of the present round.
///
/// ```text
/// Pending ──assign──▶ Running ──answer──▶ done, no longer open
///    ▲                   │
///    └── lost, refused ──┘   (attempt + 1)
/// ```
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) kind: SliceKind,
    /// Whether its worker may keep what stands.
    pub(super) may_keep: bool,
    pub(super) indices: Vec<AccessIndex>,
    pub(super) attempt: Attempt,
    /// Who runs it; `None` while it is pending.
    pub(super) worker: Option<WorkerId>,
    /// Who should not run it if there is anybody else.
    pub(super) avoid: BTreeSet<WorkerId>,
    /// Attempts that were refused or given up by a worker that lives.
    pub(super) n_refusals: u32,
}

/// Open slices by number.
#[derive(Debug, Default)]
pub(super) struct OpenSlices {
    slices: BTreeMap<SliceId, Slice>,
    next: SliceId,
}

impl OpenSlices {
    pub(super) fn add(
        &mut self,
        (kind, may_keep): (SliceKind, bool),
        indices: Vec<AccessIndex>,
        avoid: BTreeSet<WorkerId>,
    ) {
        let attempt = Attempt::new(1);
        let slice = Slice { kind, may_keep, indices, attempt, worker: None, avoid, n_refusals: 0 };
        self.slices.insert(self.next, slice);
        self.next = self.next.next();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    pub(super) fn pending(&self) -> Vec<SliceId> {
        let is_pending = |slice: &Slice| slice.worker.is_none();
        self.slices.iter().filter(|(_, slice)| is_pending(slice)).map(|(id, _)| *id).collect()
    }

    pub(super) fn get_mut(&mut self, id: SliceId) -> Option<&mut Slice> {
        self.slices.get_mut(&id)
    }

    /// Pending slices lose what became final without a run: dropped for want of room.
    pub(super) fn forget_final(&mut self, final_below: AccessIndex) {
        self.slices.retain(|_, slice| {
            let is_pending = slice.worker.is_none();
            if is_pending {
                slice.indices.retain(|index| *index >= final_below);
            }
            !(is_pending && slice.indices.is_empty())
        });
    }

    /// Takes a slice out if this is the dispatch that runs, and this worker runs it.
    pub(super) fn take(&mut self, worker: WorkerId, dispatch: Dispatch) -> Option<Slice> {
        let (id, attempt) = dispatch;
        let slice = self.slices.get(&id)?;
        if slice.attempt != attempt || slice.worker != Some(worker) {
            return None;
        }
        self.slices.remove(&id)
    }

    /// Makes a slice pending again, as a new attempt.
    pub(super) fn again(&mut self, id: SliceId) {
        if let Some(slice) = self.slices.get_mut(&id) {
            slice.worker = None;
            slice.attempt = slice.attempt.next();
        }
    }

    /// Returns the dispatches that a worker runs.
    pub(super) fn of_worker(&self, worker: WorkerId) -> Vec<Dispatch> {
        let running = self.slices.iter().filter(|(_, slice)| slice.worker == Some(worker));
        running.map(|(id, slice)| (*id, slice.attempt)).collect()
    }

    /// Takes all slices out; returns the dispatches that ran.
    pub(super) fn clear(&mut self) -> Vec<(WorkerId, Dispatch)> {
        let slices = std::mem::take(&mut self.slices);
        let running = |(id, slice): (_, Slice)| Some((slice.worker?, (id, slice.attempt)));
        slices.into_iter().filter_map(running).collect()
    }

    fn n_of(&self, worker: WorkerId) -> usize {
        self.slices.values().filter(|slice| slice.worker == Some(worker)).count()
    }

    /// Picks a worker for a slice: one that it need not avoid; of these one with the least
    /// `burden`, then with the fewest slices, then the first in the job's order.
    pub(super) fn pick(
        &self,
        id: SliceId,
        crew: &Crew,
        burden: impl Fn(WorkerId) -> usize,
    ) -> Option<WorkerId> {
        let slice = self.slices.get(&id)?;
        let mut candidates: Vec<_> = crew.present().collect();
        if candidates.iter().any(|worker| !slice.avoid.contains(worker)) {
            candidates.retain(|worker| !slice.avoid.contains(worker));
        }
        candidates.into_iter().min_by_key(|worker| (burden(*worker), self.n_of(*worker)))
    }
}

/// Workers as one job sees them.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Those that may be used, in the order in which the job prefers them.
    present: Vec<WorkerId>,
    /// Those that broke the protocol in this job.
    quarantined: BTreeSet<WorkerId>,
}

impl Crew {
    pub(super) const fn new(present: Vec<WorkerId>) -> Self {
        Self { present, quarantined: BTreeSet::new() }
    }

    pub(super) fn present(&self) -> impl Iterator<Item = WorkerId> + use<'_> {
        self.present.iter().copied()
    }

    pub(super) const fn n_present(&self) -> usize {
        self.present.len()
    }

    pub(super) fn is_alone(&self, worker: WorkerId) -> bool {
        self.present.iter().all(|other| *other == worker)
    }

    pub(super) fn join(&mut self, worker: WorkerId) {
        if !self.present.contains(&worker) && !self.quarantined.contains(&worker) {
            self.present.push(worker);
        }
    }

    pub(super) fn lose(&mut self, worker: WorkerId) {
        self.present.retain(|other| *other != worker);
    }

    pub(super) fn quarantine(&mut self, worker: WorkerId) {
        self.lose(worker);
        self.quarantined.insert(worker);
    }
}
