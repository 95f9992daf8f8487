//! All workers by id, whether they are given work or not: what `status` shows.

use engine::ids::WorkerId;
use proto::coordinator::{WorkerState, WorkerStatus};
use std::collections::{BTreeMap, VecDeque};

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
    /// Workers that are only remembered, in the order in which they went.
    gone: VecDeque<WorkerId>,
    remembered_max: usize,
}

impl Register {
    pub(crate) const fn new(remembered_max: usize) -> Self {
        Self { workers: BTreeMap::new(), gone: VecDeque::new(), remembered_max }
    }

    /// A worker is there.
    pub(crate) fn join(&mut self, facts: WorkerFacts) {
        self.gone.retain(|gone| *gone != facts.id);
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
    pub(crate) fn leave(&mut self, worker: WorkerId, remembered: Option<WorkerState>) {
        let Some((_, state)) = self.workers.get_mut(&worker) else { return };
        if *state == WorkerState::Quarantined {
            return;
        }
        let Some(remembered) = remembered else {
            self.workers.remove(&worker);
            return;
        };
        *state = remembered;
        self.gone.retain(|gone| *gone != worker);
        self.gone.push_back(worker);
        while self.gone.len() > self.remembered_max {
            if let Some(oldest) = self.gone.pop_front() {
                self.workers.remove(&oldest);
            }
        }
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

    #[test]
    fn only_so_many_workers_that_went_are_remembered_the_oldest_are_forgotten() {
        let mut register = Register::new(2);
        (1..=4).for_each(|id| register.join(facts(id)));
        for id in [3, 1, 2] {
            register.leave(WorkerId::new(id), Some(WorkerState::Lost));
        }
        let (lost, ready) = (WorkerState::Lost, WorkerState::Ready);
        assert_eq!(states(&register), [(1, lost), (2, lost), (4, ready)]);

        register.join(facts(1));
        register.leave(WorkerId::new(4), Some(WorkerState::Lost));
        assert_eq!(states(&register), [(1, ready), (2, lost), (4, lost)], "1 is back");
    }

    #[test]
    fn a_worker_that_drains_and_goes_is_forgotten_and_a_liar_is_not() {
        let mut register = Register::new(2);
        (1..=2).for_each(|id| register.join(facts(id)));
        assert!(register.drain(WorkerId::new(1)));
        assert!(!register.drain(WorkerId::new(1)));
        assert!(register.is_draining(WorkerId::new(1)));
        register.leave(WorkerId::new(1), None);
        register.leave(WorkerId::new(2), Some(WorkerState::Quarantined));
        register.leave(WorkerId::new(2), None);
        assert_eq!(states(&register), [(2, WorkerState::Quarantined)]);
        assert!(!register.drain(WorkerId::new(2)));
    }
}
