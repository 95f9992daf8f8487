//! The embedded cluster: state shards, workers and coordinator in one process, wired by their
//! in-process handles. The same code as without the wire.
//!
//! It lives on threads of its own, so that whoever uses it is ordinary blocking code.

mod fault;
mod wiring;

pub use fault::Fault;

use crate::{failure::Failure, serial::DelayPaid};
use cluster::clock::SharedClock;
use coordinator::config::CoordinatorConfig;
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::SnapshotId,
    shard::ShardCount,
};
use proto::{coordinator::CoordinatorService, status::Status};
use state_service::config::StateConfig;
use std::{num::NonZeroU16, sync::Arc, thread::JoinHandle, time::Duration};
use tokio::{runtime::Handle, sync::oneshot};
use wiring::{Parts, Wiring};
use worker::config::WorkerConfig;

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct SandboxSpec {
    /// Number of workers.
    pub workers: NonZeroU16,
    /// The coordinator's settings; how many slices a worker runs at once comes from the worker's.
    pub coordinator: CoordinatorConfig,
    /// Each worker's settings.
    pub worker: WorkerConfig,
    /// Number of state shards.
    pub state_shards: ShardCount,
    /// Each state shard's settings.
    pub state: StateConfig,
    /// Something that is broken on purpose.
    pub fault: Option<Fault>,
}

/// A running cluster.
#[derive(Debug)]
pub struct Sandbox {
    parts: Parts,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Sandbox {
    /// Starts a cluster; it is ready when this returns.
    ///
    /// # Errors
    /// If the system gives no threads, or settings do not go together.
    pub fn start(spec: &SandboxSpec, clock: &SharedClock) -> Result<Self, Failure> {
        let (stop, stopped) = oneshot::channel();
        let (started, parts) = std::sync::mpsc::sync_channel(1);
        let wiring = Wiring { spec: spec.clone(), clock: clock.clone() };
        let thread = std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || wiring.run(&started, stopped))
            .map_err(|error| wiring::cannot_start(&error))?;
        match parts.recv() {
            Ok(parts) => Ok(Self { parts, stop, thread }),
            Err(_) => Err(match thread.join() {
                Ok(Err(failure)) => failure,
                Ok(Ok(())) | Err(_) => wiring::cannot_start(&"a thread of it ended"),
            }),
        }
    }

    /// Returns where the cluster's tasks run.
    pub fn runtime(&self) -> Handle {
        self.parts.runtime.clone()
    }

    /// Returns the coordinator.
    pub fn coordinator(&self) -> Arc<dyn CoordinatorService> {
        Arc::new(self.parts.coordinator.clone())
    }

    /// Returns what delayed answers of the state service really cost.
    pub fn delay_paid(&self) -> DelayPaid {
        self.parts.delay_paid()
    }

    /// Reads keys of a state from the shards that own them, in the keys' order.
    ///
    /// # Errors
    /// If a state shard has no such state, or is asked for too many keys.
    pub async fn read(
        &self,
        snapshot: SnapshotId,
        keys: &[SnapshotKey],
    ) -> Result<Vec<SnapshotAnswer>, Status> {
        self.parts.read(snapshot, keys).await
    }

    /// Returns the CPU time that the state shards spent so far.
    pub fn state_cpu(&self) -> Duration {
        self.parts.state_cpu()
    }

    /// Stops the cluster: the coordinator first, the state shards last.
    ///
    /// # Errors
    /// If a part of it panicked.
    pub fn stop(self) -> Result<(), Failure> {
        let Self { parts, stop, thread, .. } = self;
        parts.runtime.block_on(parts.stop());
        // A cluster that cannot be told has ended before; joining says how.
        let _ = stop.send(());
        thread.join().unwrap_or_else(|_| {
            let try_next = "run with --log debug, and report what it says";
            Err(Failure::cluster("a thread panicked", "the cluster in this process", try_next))
        })
    }
}
