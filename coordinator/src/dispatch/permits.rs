//! Which call goes to a worker next: permits, given in the order of the work (rule 12).

use engine::ids::{AccessIndex, JobId, WorkerId};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who waits for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// Permits of all workers. Each bounds the calls to one worker that are under way.
///
/// Who waits is served by (acceptance of the job, index). One permit of each worker is kept for
/// the oldest unfinished job, so that it never waits for the work of a younger one.
#[derive(Debug)]
pub(crate) struct Permits {
    n_per_worker_min: u32,
    workers: BTreeMap<WorkerId, Desk>,
    jobs: BTreeSet<JobId>,
    n_tickets: u64,
}

#[derive(Debug, Default)]
struct Desk {
    n_permits: u32,
    n_taken: u32,
    waiting: BTreeSet<(JobId, AccessIndex, Ticket)>,
}

impl Permits {
    pub(crate) const fn new(n_per_worker_min: u32) -> Self {
        Self { n_per_worker_min, workers: BTreeMap::new(), jobs: BTreeSet::new(), n_tickets: 0 }
    }

    /// Adds a worker with so many permits, or with as many as each has.
    pub(crate) fn add_worker(&mut self, worker: WorkerId, n_permits: u32) {
        let n_permits = n_permits.max(self.n_per_worker_min);
        self.workers.entry(worker).or_default().n_permits = n_permits;
    }

    /// Takes a worker out; returns those who waited for it.
    pub(crate) fn remove_worker(&mut self, worker: WorkerId) -> Vec<Ticket> {
        let desk = self.workers.remove(&worker).unwrap_or_default();
        desk.waiting.into_iter().map(|(_, _, ticket)| ticket).collect()
    }

    pub(crate) fn add_job(&mut self, job: JobId) {
        self.jobs.insert(job);
    }

    /// Takes a job out; returns those who are served now, by worker.
    pub(crate) fn remove_job(&mut self, job: JobId) -> Vec<(WorkerId, Vec<Ticket>)> {
        self.jobs.remove(&job);
        let workers: Vec<_> = self.workers.keys().copied().collect();
        workers.into_iter().map(|worker| (worker, self.serve(worker))).collect()
    }

    /// Waits for a permit; `None` if there is no such worker.
    pub(crate) fn wait(
        &mut self,
        worker: WorkerId,
        job: JobId,
        index: AccessIndex,
    ) -> Option<Ticket> {
        let desk = self.workers.get_mut(&worker)?;
        self.n_tickets += 1;
        let ticket = Ticket(self.n_tickets);
        desk.waiting.insert((job, index, ticket));
        Some(ticket)
    }

    /// Gives a permit back.
    pub(crate) fn release(&mut self, worker: WorkerId) {
        if let Some(desk) = self.workers.get_mut(&worker) {
            desk.n_taken = desk.n_taken.saturating_sub(1);
        }
    }

    /// Returns those who are served now at a worker.
    pub(crate) fn serve(&mut self, worker: WorkerId) -> Vec<Ticket> {
        let oldest = self.jobs.first().copied();
        let Some(desk) = self.workers.get_mut(&worker) else { return Vec::new() };
        let mut served = Vec::new();
        while let Some((job, _, _)) = desk.waiting.first() {
            let is_oldest = oldest.is_none_or(|oldest| *job <= oldest);
            // A worker with one permit has none to keep.
            let n_kept = u32::from(!is_oldest && desk.n_permits > 1);
            if desk.n_taken + n_kept >= desk.n_permits {
                break;
            }
            desk.n_taken += 1;
            served.extend(desk.waiting.pop_first().map(|(_, _, ticket)| ticket));
        }
        served
    }

    /// Returns the workers, those with the least work first; `turn` rotates among equals.
    pub(crate) fn by_load(&self, turn: u64) -> Vec<WorkerId> {
        let n_workers = self.workers.len().max(1) as u64;
        let load = |desk: &Desk| desk.n_taken as usize + desk.waiting.len();
        let mut order: Vec<_> = (0_u64..)
            .zip(&self.workers)
            .map(|(place, (worker, desk))| {
                (load(desk), (place + n_workers - turn % n_workers) % n_workers, *worker)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, worker)| worker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ids::Term;

    const WORKER: WorkerId = WorkerId::new(1);

    const fn job(sequence: u64) -> JobId {
        JobId { term: Term::new(1), sequence }
    }

    fn desk(n_per_worker: u32, n_jobs: u64) -> Permits {
        let mut permits = Permits::new(n_per_worker);
        permits.add_worker(WORKER, 0);
        (1..=n_jobs).for_each(|sequence| permits.add_job(job(sequence)));
        permits
    }

    fn wait(permits: &mut Permits, sequence: u64, index: u32) -> Ticket {
        permits.wait(WORKER, job(sequence), AccessIndex::new(index)).unwrap()
    }

    #[test]
    fn one_permit_is_kept_for_the_oldest_job() {
        let mut permits = desk(2, 2);
        let young = [wait(&mut permits, 2, 0), wait(&mut permits, 2, 1)];
        assert_eq!(permits.serve(WORKER), [young[0]], "the other permit is kept");

        let old = wait(&mut permits, 1, 9);
        assert_eq!(permits.serve(WORKER), [old]);

        permits.release(WORKER);
        permits.release(WORKER);
        assert_eq!(
            permits.remove_job(job(1)),
            [(WORKER, vec![young[1]])],
            "the young one is the oldest now"
        );
    }

    #[test]
    fn work_is_served_by_job_and_then_by_index() {
        let mut permits = desk(1, 3);
        let last = wait(&mut permits, 3, 0);
        let second = wait(&mut permits, 2, 7);
        let first = wait(&mut permits, 2, 3);
        for expected in [first, second, last] {
            assert_eq!(permits.serve(WORKER), [expected]);
            permits.release(WORKER);
        }
    }

    #[test]
    fn who_waits_for_a_worker_that_goes_is_told() {
        let mut permits = desk(1, 1);
        let tickets = [wait(&mut permits, 1, 0), wait(&mut permits, 1, 1)];
        assert_eq!(permits.serve(WORKER), [tickets[0]]);
        assert_eq!(permits.remove_worker(WORKER), [tickets[1]]);
        assert_eq!(permits.wait(WORKER, job(1), AccessIndex::new(2)), None);
    }

    #[test]
    fn jobs_prefer_workers_with_little_work_and_take_turns_among_equals() {
        let mut permits = Permits::new(4);
        (1..=3).for_each(|worker| permits.add_worker(WorkerId::new(worker), 0));
        let first = |permits: &Permits, turn| permits.by_load(turn)[0].get();
        assert_eq!([0, 1, 2, 3].map(|turn| first(&permits, turn)), [1, 2, 3, 1]);
        permits.wait(WORKER, job(1), AccessIndex::new(0)).unwrap();
        assert_eq!(permits.by_load(0).last(), Some(&WORKER));
    }
}
