//! Workers and the permits for calls to them.
//!
//! [`permits`] decides who is served next; [`Roster`] knows the workers that are given work and hands
//! permits out; [`Register`] knows what became of the others. The coordinator's actor
//! (`crate::front`) holds both.

mod permits;
mod register;

pub(crate) use permits::{Permits, Ticket};
pub(crate) use register::Register;
pub use register::WorkerFacts;

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
    /// Calls under way, also to workers that are given no more.
    n_under_way: BTreeMap<WorkerId, u32>,
    /// Jobs begun, for taking turns.
    n_turns: u64,
}

impl Roster {
    pub(crate) const fn new(permits_per_worker: u32) -> Self {
        Self {
            services: BTreeMap::new(),
            permits: Permits::new(permits_per_worker),
            waiting: BTreeMap::new(),
            n_under_way: BTreeMap::new(),
            n_turns: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.services.len()
    }

    /// Adds a worker, to which so many calls may be under way if that is more than usual; false if
    /// it is there.
    pub(crate) fn add(&mut self, worker: WorkerId, n_permits: u32, service: Service) -> bool {
        if self.services.contains_key(&worker) {
            return false;
        }
        self.services.insert(worker, service);
        self.permits.add_worker(worker, n_permits);
        true
    }

    /// Returns how a worker is called, if it may be given work.
    pub(crate) fn service(&self, worker: WorkerId) -> Option<&Service> {
        self.services.get(&worker)
    }

    /// Returns how many calls to a worker are under way.
    pub(crate) fn n_under_way(&self, worker: WorkerId) -> u32 {
        self.n_under_way.get(&worker).copied().unwrap_or(0)
    }

    /// Takes a worker out, and turns away whoever waits for it; false if it is not there.
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
        if let Some(n_under_way) = self.n_under_way.get_mut(&worker) {
            *n_under_way = n_under_way.saturating_sub(1);
            if *n_under_way == 0 {
                self.n_under_way.remove(&worker);
            }
        }
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
                *self.n_under_way.entry(worker).or_default() += 1;
                let _ = waiting.send(permit(worker));
            }
        }
    }
}
