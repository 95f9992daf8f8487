//! Workers that come, drain, and go.

use super::Front;
use crate::{
    dispatch::{Service, WorkerFacts},
    job::Event,
    job_actor::{Happened, WorkerJoined},
};
use actix::{Handler, Message};
use engine::ids::WorkerId;
use proto::coordinator::WorkerState;
use std::sync::Arc;
use tracing::{info, warn};

/// Registers a worker. False if it is quarantined; or if it is known, unless this is meant to take
/// its place.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct AddWorker {
    pub(crate) facts: WorkerFacts,
    pub(crate) service: Service,
    /// Whether a worker of the same id is gone now.
    pub(crate) replaces: bool,
}

impl Handler<AddWorker> for Front {
    type Result = bool;

    fn handle(&mut self, message: AddWorker, _: &mut Self::Context) -> bool {
        let AddWorker { facts, service, replaces } = message;
        let worker = facts.id;
        if self.quarantined.contains(&worker) {
            return false;
        }
        if replaces && self.lose(worker) {
            self.tools.metrics.workers_lost.increment();
            warn!(%worker, "worker is there a second time, the first counts as lost");
        }
        let n_permits = facts.cores.saturating_add(self.tools.config.limits.permits_spare.get());
        if !self.roster.add(worker, n_permits, Arc::clone(&service)) {
            return false;
        }
        for running in self.running.values() {
            let service = Arc::clone(&service);
            running.actor.do_send(WorkerJoined { worker, service });
        }
        self.tools.metrics.workers_joined.increment();
        info!(%worker, address = facts.address, "worker is ready");
        self.register.join(facts);
        self.gauge();
        true
    }
}

/// Gives a worker no more slices; what it has it finishes. False if it is not given any.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct DrainWorker(pub(crate) WorkerId);

impl Handler<DrainWorker> for Front {
    type Result = bool;

    fn handle(&mut self, DrainWorker(worker): DrainWorker, _: &mut Self::Context) -> bool {
        if !self.register.drain(worker) {
            return false;
        }
        info!(%worker, "worker drains");
        self.roster.remove(worker);
        self.tell_all(|| Happened(Event::WorkerLeaving(worker)));
        self.gauge();
        true
    }
}

/// Why a worker is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It was told to go, or said that it goes.
    Asked,
    /// It does not answer.
    Lost(String),
    /// It broke the protocol.
    Quarantined(String),
}

/// Takes a worker out. False if it was not there, or is another by now.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct RemoveWorker {
    pub(crate) worker: WorkerId,
    pub(crate) why: Removal,
    /// How it was called, if the worker itself is meant and not whoever has its id now.
    pub(crate) service: Option<Service>,
}

impl Handler<RemoveWorker> for Front {
    type Result = bool;

    fn handle(&mut self, message: RemoveWorker, _: &mut Self::Context) -> bool {
        let RemoveWorker { worker, why, service } = message;
        if let (Some(meant), Some(present)) = (&service, self.roster.service(worker))
            && !Arc::ptr_eq(meant, present)
        {
            return false;
        }
        let was_there = self.lose(worker);
        let remembered = match why {
            Removal::Asked => {
                info!(%worker, "worker is removed");
                None
            }
            Removal::Lost(reason) => {
                if was_there {
                    self.tools.metrics.workers_lost.increment();
                    warn!(%worker, reason, "worker is lost");
                }
                Some(WorkerState::Lost)
            }
            Removal::Quarantined(reason) => {
                self.tools.metrics.workers_quarantined.increment();
                self.quarantined.insert(worker);
                warn!(%worker, reason, "worker is quarantined");
                Some(WorkerState::Quarantined)
            }
        };
        self.register.leave(worker, remembered, self.tools.clock.now());
        was_there
    }
}
