//! All workers by id, whether they are given work or not: what `status` shows.

use engine::ids::WorkerId;
use proto::coordinator::{WorkerState, WorkerStatus};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerFacts {
    /// The worker.
    pub id: WorkerId,
    /// Slices that it runs at once.
    pub cores: u32,
    /// Where it is; empty where there is no wire.
    pub address: String,
    /// Version of its program.
    pub version: String,
}

/// The workers. One that went without a word, or was quarantined, is remembered for a while.
#[derive(Debug)]
pub(crate) struct Register {
    workers: BTreeMap<WorkerId, (WorkerFacts, WorkerState)>,
    /// Workers that are only remembered, in the order in which they went, and when that was.
    gone: VecDeque<(WorkerId, Duration)>,
    remembered_max: usize,
    lost_shown: Duration,
}

impl Register {
    /// Remembers so many workers that went, and lost ones for so long.
    pub(crate) const fn new(remembered_max: usize, lost_shown: Duration) -> Self {
        Self { workers: BTreeMap::new(), gone: VecDeque::new(), remembered_max, lost_shown }
    }

    /// A worker is there.
    pub(crate) fn join(&mut self, facts: WorkerFacts) {
        self.gone.retain(|(gone, _)| *gone != facts.id);
        self.workers.insert(facts.id, (facts, WorkerState::Ready));
    }

    /// A worker is given no more work. False if it is not one that is.
    pub(crate) fn drain(&mut self, worker: WorkerId) -> bool {
        match self.workers.get_mut(&worker) {
            Some((_, state)) if *state == WorkerState::Ready => {
                *state = WorkerState::Draining;
                true
            }
            _ => false,
        }
    }

    /// Tells whether a worker was told, or said, that it is given no more work.
    pub(crate) fn is_draining(&self, worker: WorkerId) -> bool {
        self.workers.get(&worker).is_some_and(|(_, state)| *state == WorkerState::Draining)
    }

    /// A worker went; it is remembered under a state, or forgotten. A quarantined one stays so.
    pub(crate) fn leave(
        &mut self,
        worker: WorkerId,
        remembered: Option<WorkerState>,
        now: Duration,
    ) {
        let Some((_, state)) = self.workers.get_mut(&worker) else { return };
        if *state == WorkerState::Quarantined {
            return;
        }
        let Some(remembered) = remembered else {
            self.workers.remove(&worker);
            return;
        };
        *state = remembered;
        self.gone.retain(|(gone, _)| *gone != worker);
        self.gone.push_back((worker, now));
        while self.gone.len() > self.remembered_max {
            if let Some((oldest, _)) = self.gone.pop_front() {
                self.workers.remove(&oldest);
            }
        }
    }

    /// Forgets lost workers that were shown for long enough.
    pub(crate) fn forget_lost(&mut self, now: Duration) {
        let Self { workers, gone, lost_shown, .. } = self;
        gone.retain(|(worker, since)| {
            let is_lost = matches!(workers.get(worker), Some((_, WorkerState::Lost)));
            let is_over = is_lost && now.saturating_sub(*since) >= *lost_shown;
            if is_over {
                workers.remove(worker);
            }
            !is_over
        });
    }

    /// Returns how many slices a ready worker runs at once, on average and rounded up.
    pub(crate) fn cores_per_worker(&self) -> u32 {
        let ready = self.workers.values().filter(|(_, state)| *state == WorkerState::Ready);
        let (n_workers, n_cores) =
            ready.fold((0, 0), |(n, cores), (facts, _)| (n + 1, cores + u64::from(facts.cores)));
        u32::try_from(n_cores.div_ceil(u64::max(n_workers, 1))).unwrap_or(u32::MAX)
    }

    /// Returns all workers by id, with the calls under way to each.
    pub(crate) fn list(&self, n_under_way: impl Fn(WorkerId) -> u32) -> Vec<WorkerStatus> {
        let status = |(facts, state): &(WorkerFacts, WorkerState)| WorkerStatus {
            id: facts.id,
            address: facts.address.clone(),
            cores: facts.cores,
            state: *state,
            slices_running: n_under_way(facts.id),
            version: facts.version.clone(),
        };
        self.workers.values().map(status).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: u64) -> WorkerFacts {
        let (address, version) = (String::new(), String::new());
        WorkerFacts { id: WorkerId::new(id), cores: 1, address, version }
    }

    fn states(register: &Register) -> Vec<(u64, WorkerState)> {
        register.list(|_| 0).iter().map(|it| (it.id.get(), it.state)).collect()
    }

    const NOW: Duration = Duration::from_secs(100);
    const SHOWN: Duration = Duration::from_secs(5);

    #[test]
    fn a_lost_worker_is_shown_for_a_while_and_a_quarantined_one_stays() {
        let mut register = Register::new(9, SHOWN);
        (1..=3).for_each(|id| register.join(facts(id)));
        register.leave(WorkerId::new(1), Some(WorkerState::Lost), NOW);
        register.leave(WorkerId::new(2), Some(WorkerState::Quarantined), NOW);
        let (ready, quarantined) = (WorkerState::Ready, WorkerState::Quarantined);

        register.forget_lost(NOW + SHOWN / 2);
        let all = [(1, WorkerState::Lost), (2, quarantined), (3, ready)];
        assert_eq!(states(&register), all);
        register.forget_lost(NOW + SHOWN);
        assert_eq!(states(&register), [(2, quarantined), (3, ready)]);
    }

    #[test]
    fn only_so_many_workers_that_went_are_remembered_the_oldest_are_forgotten() {
        let mut register = Register::new(2, SHOWN);
        (1..=4).for_each(|id| register.join(facts(id)));
        for id in [3, 1, 2] {
            register.leave(WorkerId::new(id), Some(WorkerState::Lost), NOW);
        }
        let (lost, ready) = (WorkerState::Lost, WorkerState::Ready);
        assert_eq!(states(&register), [(1, lost), (2, lost), (4, ready)]);

        register.join(facts(1));
        register.leave(WorkerId::new(4), Some(WorkerState::Lost), NOW);
        assert_eq!(states(&register), [(1, ready), (2, lost), (4, lost)], "1 is back");
    }

    #[test]
    fn a_worker_that_drains_and_goes_is_forgotten_and_a_liar_is_not() {
        let mut register = Register::new(2, SHOWN);
        (1..=2).for_each(|id| register.join(facts(id)));
        assert!(register.drain(WorkerId::new(1)));
        assert!(!register.drain(WorkerId::new(1)));
        assert!(register.is_draining(WorkerId::new(1)));
        register.leave(WorkerId::new(1), None, NOW);
        register.leave(WorkerId::new(2), Some(WorkerState::Quarantined), NOW);
        register.leave(WorkerId::new(2), None, NOW);
        assert_eq!(states(&register), [(2, WorkerState::Quarantined)]);
        assert!(!register.drain(WorkerId::new(2)));
    }
}
