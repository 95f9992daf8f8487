//! The processes' parts, put together on an actix system of their own.

use super::SandboxSpec;
use crate::{failure::Failure, serial::DelayPaid};
use cluster::clock::SharedClock;
use coordinator::{Coordinator, CoordinatorHandle};
use engine::ids::{BootId, WorkerId};
use state_service::{StateHandle, StateShard};
use std::{
    fmt::Display,
    num::NonZeroU32,
    sync::{Arc, mpsc::SyncSender},
};
use tokio::{runtime::Handle, sync::oneshot};
use worker::{Worker, WorkerHandle};

/// The state service of a cluster in memory starts once.
const BOOT: BootId = BootId::new(1);

/// Everything that a cluster is made from.
#[derive(Debug)]
pub(super) struct Wiring {
    pub(super) spec: SandboxSpec,
    pub(super) clock: SharedClock,
}

/// A running cluster, as others hold it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) runtime: Handle,
    pub(super) state: StateHandle,
    pub(super) coordinator: CoordinatorHandle,
    workers: Vec<WorkerHandle>,
    /// The state service as workers and coordinator call it.
    callers: [StateHandle; 2],
}

impl Parts {
    /// Returns what delayed answers really cost.
    pub(super) fn delay_paid(&self) -> DelayPaid {
        let mut paid = DelayPaid::default();
        for caller in &self.callers {
            let counts = caller.counts();
            paid += DelayPaid { n_answers: counts.reads_delayed, total: counts.delay_paid };
        }
        paid
    }

    /// Stops workers, then the state service. The coordinator has no work left and ends with its
    /// system.
    pub(super) async fn stop(&self) {
        for worker in &self.workers {
            worker.stop().await;
        }
        self.state.stop().await;
    }
}

impl Wiring {
    /// Starts the cluster on the calling thread and keeps it running until it is told to stop, or
    /// until nobody is left who could tell.
    pub(super) fn run(
        self,
        started: &SyncSender<Parts>,
        stopped: oneshot::Receiver<()>,
    ) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("sandbox-rt")
            .enable_all()
            .build()
            .map_err(|error| cannot_start(&error))?;
        let system = actix::System::with_tokio_rt(|| runtime);
        let handle = system.runtime().tokio_runtime().handle().clone();
        let parts = system.block_on(async { self.start(handle).await })?;
        if started.send(parts).is_err() {
            return Ok(());
        }
        system.block_on(async {
            // A sender that is gone stops the cluster too.
            let _ = stopped.await;
            actix::System::current().stop();
        });
        system.run().map_err(|error| cannot_start(&error))
    }

    /// Actors start on this thread: on a thread of the runtime they could not.
    async fn start(&self, runtime: Handle) -> Result<Parts, Failure> {
        let shard = StateShard::new(BOOT, self.spec.state.clone()).clock(self.clock.clone());
        let state = shard.start().map_err(|error| cannot_start(&error))?;
        let callers = [state.with_own_counts(), state.with_own_counts()];
        let [of_workers, of_coordinator] = &callers;

        let mut config = self.spec.coordinator.clone();
        config.slices_per_worker = self.slices_per_worker();
        let coordinator = Coordinator::new(config, Arc::new(of_coordinator.clone()))
            .clock(self.clock.clone())
            .start()
            .map_err(|error| cannot_start(&error))?;
        let mut workers = Vec::new();
        for position in 0..self.spec.workers.get() {
            let worker = self.start_worker(position, of_workers)?;
            if !coordinator.add_worker(worker.id(), Arc::new(worker.clone())).await {
                return Err(cannot_start(&format!("worker {} was refused", worker.id())));
            }
            workers.push(worker);
        }
        Ok(Parts { runtime, state, coordinator, workers, callers })
    }

    fn start_worker(&self, position: u16, state: &StateHandle) -> Result<WorkerHandle, Failure> {
        let id = WorkerId::new(u64::from(position) + 1);
        let worker = Worker::new(id, self.spec.worker.clone(), Arc::new(state.clone()))
            .clock(self.clock.clone());
        let worker = match &self.spec.fault {
            Some(fault) => worker.fault(fault.of_worker(u64::from(position))),
            None => worker,
        };
        worker.start().map_err(|error| cannot_start(&error))
    }

    /// A worker is given as many slices at once as it has threads.
    fn slices_per_worker(&self) -> NonZeroU32 {
        NonZeroU32::try_from(self.spec.worker.threads).unwrap_or(NonZeroU32::MAX)
    }
}

pub(super) fn cannot_start(reason: &dyn Display) -> Failure {
    let what = format!("the cluster cannot start: {reason}");
    Failure::cluster(what, "the cluster in this process", "try fewer workers or threads")
}
