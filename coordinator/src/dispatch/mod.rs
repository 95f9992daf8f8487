//! Workers and the permits for calls to them.
//!
//! [`permits`] decides who is served next; [`Roster`] knows the workers and hands permits out; the
//! coordinator's actor (`crate::front`) holds it.

mod permits;

pub(crate) use permits::{Permits, Ticket};

use engine::ids::{AccessIndex, JobId, WorkerId};
use proto::worker::WorkerService;
use std::{collections::BTreeMap, fmt, sync::Arc};
use tokio::sync::oneshot;

/// How calls to workers are made.
pub(crate) type Service = Arc<dyn WorkerService>;

/// A permit for one call to a worker. It goes back when it is dropped.
pub(crate) struct Permit {
    worker: WorkerId,
    give_back: Option<Box<dyn FnOnce(WorkerId) + Send>>,
}

impl Permit {
    pub(crate) fn new(worker: WorkerId, give_back: impl FnOnce(WorkerId) + Send + 'static) -> Self {
        Self { worker, give_back: Some(Box::new(give_back)) }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take() {
            give_back(self.worker);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// Whoever waits for a permit; nothing comes if the worker goes first.
type Waiting = oneshot::Sender<Permit>;

/// The workers that may be used.
#[derive(Debug)]
pub(crate) struct Roster {
    services: BTreeMap<WorkerId, Service>,
    permits: Permits,
    waiting: BTreeMap<Ticket, Waiting>,
    /// Jobs begun, for taking turns.
    n_turns: u64,
}

impl Roster {
    pub(crate) const fn new(permits_per_worker: u32) -> Self {
        Self {
            services: BTreeMap::new(),
            permits: Permits::new(permits_per_worker),
            waiting: BTreeMap::new(),
            n_turns: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.services.len()
    }

    /// Adds a worker; false if it is there.
    pub(crate) fn add(&mut self, worker: WorkerId, service: Service) -> bool {
        if self.services.contains_key(&worker) {
            return false;
        }
        self.services.insert(worker, service);
        self.permits.add_worker(worker);
        true
    }

    /// Takes a worker out; false if it is not there.
    pub(crate) fn remove(&mut self, worker: WorkerId) -> bool {
        for ticket in self.permits.remove_worker(worker) {
            self.waiting.remove(&ticket);
        }
        self.services.remove(&worker).is_some()
    }

    /// Begins a job; returns the workers in the order in which it should prefer them.
    pub(crate) fn begin(&mut self, job: JobId) -> Vec<(WorkerId, Service)> {
        self.permits.add_job(job);
        let order = self.permits.by_load(self.n_turns);
        self.n_turns += 1;
        let with_service = |worker| Some((worker, Arc::clone(self.services.get(&worker)?)));
        order.into_iter().filter_map(with_service).collect()
    }

    /// Ends a job; others may be served now.
    pub(crate) fn end(&mut self, job: JobId, permit: impl Fn(WorkerId) -> Permit) {
        for (worker, tickets) in self.permits.remove_job(job) {
            self.hand_out(worker, tickets, &permit);
        }
    }

    /// Lets somebody wait for a permit.
    pub(crate) fn wait(
        &mut self,
        (worker, job, index): (WorkerId, JobId, AccessIndex),
        waiting: Waiting,
        permit: impl Fn(WorkerId) -> Permit,
    ) {
        let Some(ticket) = self.permits.wait(worker, job, index) else { return };
        self.waiting.insert(ticket, waiting);
        let served = self.permits.serve(worker);
        self.hand_out(worker, served, &permit);
    }

    /// Takes a permit back.
    pub(crate) fn release(&mut self, worker: WorkerId, permit: impl Fn(WorkerId) -> Permit) {
        self.permits.release(worker);
        let served = self.permits.serve(worker);
        self.hand_out(worker, served, &permit);
    }

    /// Whoever does not wait any more drops its permit, which then comes back.
    fn hand_out(
        &mut self,
        worker: WorkerId,
        tickets: Vec<Ticket>,
        permit: &impl Fn(WorkerId) -> Permit,
    ) {
        for ticket in tickets {
            if let Some(waiting) = self.waiting.remove(&ticket) {
                let _ = waiting.send(permit(worker));
            }
        }
    }
}
