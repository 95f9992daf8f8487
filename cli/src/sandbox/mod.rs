//! The embedded cluster: state service, workers and coordinator in one process, wired by their
//! in-process handles. The same code as without the wire.
//!
//! It lives on threads of its own, so that whoever uses it is ordinary blocking code.

mod cpu;
mod fault;
mod loaded;
mod wiring;

pub use cpu::CpuSpent;
pub use fault::Fault;
pub use loaded::Loaded;

use crate::{failure::Failure, serial::DelayPaid};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use coordinator::config::CoordinatorConfig;
use engine::ids::JobId;
use inputs::ParentState;
use proto::{
    coordinator::{BlockOutcome, CoordinatorService, ExecuteBlockRequest},
    state::StateService,
    status::{Code, Status},
};
use state_service::config::StateConfig;
use std::{num::NonZeroU16, thread::JoinHandle};
use tokio::sync::oneshot;
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
    /// The state service's settings.
    pub state: StateConfig,
    /// Something that is broken on purpose.
    pub fault: Option<Fault>,
}

/// A running cluster.
#[derive(Debug)]
pub struct Sandbox {
    parts: Parts,
    /// A cluster holds one chain.
    has_genesis: bool,
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
            Ok(parts) => Ok(Self { parts, has_genesis: false, stop, thread }),
            Err(_) => Err(match thread.join() {
                Ok(Err(failure)) => failure,
                Ok(Ok(())) | Err(_) => wiring::cannot_start(&"a thread of it ended"),
            }),
        }
    }

    /// Tells whether this cluster can take a state; another chain needs another cluster.
    pub const fn can_load(&self, parent: &ParentState) -> bool {
        match parent {
            ParentState::Genesis { .. } => !self.has_genesis,
            ParentState::Values(_) => true,
        }
    }

    /// Loads the state below an input's first block.
    ///
    /// # Errors
    /// If the state service refuses it.
    pub fn load(&mut self, parent: &ParentState) -> Result<Loaded, Failure> {
        self.has_genesis |= matches!(parent, ParentState::Genesis { .. });
        let Parts { runtime, state, .. } = &self.parts;
        runtime.block_on(Loaded::load(state, parent)).map_err(refused)
    }

    /// Drops a state that was loaded for foreign blocks; a genesis stays.
    ///
    /// # Errors
    /// If the state service does not have it.
    pub fn unload(&self, loaded: Loaded) -> Result<(), Failure> {
        match loaded {
            Loaded::Genesis(_) => Ok(()),
            Loaded::Values(snapshot) => {
                let Parts { runtime, state, .. } = &self.parts;
                runtime.block_on(state.drop_snapshot(snapshot)).map_err(refused)
            }
        }
    }

    /// Drops the Snapshot of a job that is sealed and not committed.
    ///
    /// # Errors
    /// If the job was committed.
    pub fn drop_job(&self, job: JobId) -> Result<(), Failure> {
        let Parts { runtime, state, .. } = &self.parts;
        runtime.block_on(state.abort(job)).map_err(refused)
    }

    /// Executes a block and waits for its outcome; nothing if `shutdown` comes first.
    pub fn execute(
        &self,
        request: ExecuteBlockRequest,
        shutdown: &ShutdownToken,
    ) -> Option<Result<BlockOutcome, Status>> {
        let coordinator = self.parts.coordinator.clone();
        let runtime = &self.parts.runtime;
        let job = runtime.spawn(async move { coordinator.execute_block(request).await });
        runtime.block_on(async {
            tokio::select! {
                answer = job => Some(answer.unwrap_or_else(|error| {
                    Err(Status::new(Code::Internal, format!("the coordinator panicked: {error}")))
                })),
                _ = shutdown.cancelled() => None,
            }
        })
    }

    /// Returns what delayed answers of the state service really cost.
    pub fn delay_paid(&self) -> DelayPaid {
        self.parts.delay_paid()
    }

    /// Returns the CPU time that was spent so far.
    pub fn cpu_spent(&self) -> CpuSpent {
        CpuSpent::now(self.parts.state.cpu())
    }

    /// Stops the cluster: the coordinator first, the state service last.
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

fn refused(status: Status) -> Failure {
    let try_next = "check that the input's state fits into the cluster's memory";
    Failure::cluster(status, "the state service", try_next)
}
