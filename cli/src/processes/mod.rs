//! A cluster of processes of their own: state shards, a coordinator and workers on this machine,
//! that talk over gRPC.
//!
//! They listen on ports that the system gives out and say which. They end with whoever started
//! them: in an orderly way when told to, at once when dropped, and by themselves when their standard
//! input is closed, which happens however the starting process ends. What they log is kept in a
//! folder, which stays where something failed.

mod child;
mod logs;
mod numbers;
mod programs;
mod role;
mod settings;
mod start;

pub use child::Process;
pub use logs::LogFolder;
pub use numbers::{Numbers, RoleNumbers};
pub use programs::Programs;
pub use role::Role;
pub use settings::Settings;

use crate::failure::Failure;
use cluster::clock::SharedClock;
use engine::shard::ShardCount;
use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest wait for processes that were told to end: they drain before, which has a bound of its
/// own.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How the processes find each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// Each is told the addresses that it needs.
    #[default]
    Static,
    /// Through etcd.
    Etcd {
        /// Endpoints, with commas between them.
        endpoints: String,
        /// Name of the cluster, which its keys begin with.
        cluster: String,
    },
}

/// What a cluster of processes is made of.
#[derive(Clone, Debug)]
pub struct ProcessesSpec {
    /// Where the programs are.
    pub programs: Programs,
    /// Number of workers.
    pub workers: NonZeroU16,
    /// CPU threads of each worker.
    pub threads: NonZeroUsize,
    /// Number of state shards.
    pub state_shards: ShardCount,
    /// Committed Snapshots that each shard keeps by its settings.
    pub snapshots_kept: NonZeroUsize,
    /// How they find each other.
    pub discovery: Discovery,
    /// What they are told beside.
    pub settings: Settings,
    /// Folder for their logs, which is kept; without it one of this run's own, gone with it unless
    /// something fails.
    pub logs: Option<PathBuf>,
}

/// A running cluster of processes.
#[derive(Debug)]
pub struct Processes {
    spec: ProcessesSpec,
    clock: SharedClock,
    /// By index.
    shards: Vec<Process>,
    coordinator: Process,
    /// In the order of their start; those that were killed stay.
    workers: Vec<Process>,
    logs: LogFolder,
}

impl Processes {
    /// Starts a cluster; it is ready when this returns.
    ///
    /// # Errors
    /// If a program is missing, does not start, or is not ready in time. Nothing is left running.
    pub fn start(spec: &ProcessesSpec, clock: &SharedClock) -> Result<Self, Failure> {
        start::cluster(spec, clock)
    }

    /// Returns where the coordinator takes calls.
    pub fn coordinator_url(&self) -> String {
        self.coordinator.url()
    }

    /// Returns the coordinator.
    pub const fn coordinator(&mut self) -> &mut Process {
        &mut self.coordinator
    }

    /// Returns the state shards, by index.
    pub fn shards(&mut self) -> &mut [Process] {
        &mut self.shards
    }

    /// Returns the workers in the order of their start, those that were killed too.
    pub fn workers(&mut self) -> &mut [Process] {
        &mut self.workers
    }

    /// Starts one more worker and waits until the coordinator has it.
    ///
    /// # Errors
    /// If it does not start or is not ready in time.
    pub fn start_worker(&mut self) -> Result<&mut Process, Failure> {
        let name = format!("worker-{}", self.workers.len());
        let worker = self.start_more(Role::Worker, &name, start::FREE_PORT)?;
        Ok(self.add_worker(worker))
    }

    /// Starts one more worker and waits until it listens; the coordinator may not have it then.
    ///
    /// # Errors
    /// If it does not start.
    pub fn launch_worker(&mut self) -> Result<&mut Process, Failure> {
        let name = format!("worker-{}", self.workers.len());
        let worker = self.launch(Role::Worker, &name, start::FREE_PORT)?;
        Ok(self.add_worker(worker))
    }

    fn add_worker(&mut self, worker: Process) -> &mut Process {
        self.workers.push(worker);
        self.workers.last_mut().expect("it was pushed just now")
    }

    /// Starts the coordinator again on the ports that it had, after it ended.
    ///
    /// # Errors
    /// If it does not start or is not ready in time.
    pub fn restart_coordinator(&mut self) -> Result<(), Failure> {
        self.coordinator.kill();
        let grpc = self.coordinator.grpc().to_string();
        self.coordinator = self.start_more(Role::Coordinator, "coordinator-again", &grpc)?;
        Ok(())
    }

    /// Starts a state shard again on the ports that it had, after it ended.
    ///
    /// # Errors
    /// If it does not start or is not ready in time.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn restart_shard(&mut self, index: usize) -> Result<(), Failure> {
        self.shards[index].kill();
        let grpc = self.shards[index].grpc().to_string();
        self.shards[index] = self.start_more(Role::State, &format!("state-{index}"), &grpc)?;
        Ok(())
    }

    /// Returns what the processes spent so far. What does not answer keeps its last figures.
    pub fn numbers(&self) -> RoleNumbers {
        RoleNumbers {
            coordinator: self.coordinator.numbers(),
            workers: self.workers.iter().map(Process::numbers).sum(),
            state: self.shards.iter().map(Process::numbers).sum(),
        }
    }

    /// Returns the ids of all processes that were started and not seen to end.
    pub fn ids(&mut self) -> Vec<u32> {
        self.all().filter_map(|process| process.is_running().then(|| process.id())).collect()
    }

    /// Returns the folder of the logs.
    pub fn logs(&self) -> &Path {
        self.logs.path()
    }

    /// Keeps the logs when this is dropped.
    pub fn keep_logs(&mut self) {
        self.logs.keep();
    }

    /// Stops all processes and waits for them: the coordinator first, the state shards last.
    ///
    /// # Errors
    /// If one of them does not end, or not in an orderly way. Nothing is left running.
    pub fn stop(mut self) -> Result<(), Failure> {
        let stopped = self.stop_in_order();
        if stopped.is_err() {
            self.logs.keep();
        }
        stopped
    }

    fn stop_in_order(&mut self) -> Result<(), Failure> {
        stop_all(std::slice::from_mut(&mut self.coordinator), &self.clock)?;
        stop_all(&mut self.workers, &self.clock)?;
        stop_all(&mut self.shards, &self.clock)
    }

    fn start_more(&mut self, role: Role, name: &str, grpc: &str) -> Result<Process, Failure> {
        let process = self.launch(role, name, grpc)?;
        let ready = self.starter().ready(process);
        if ready.is_err() {
            self.logs.keep();
        }
        ready
    }

    fn launch(&mut self, role: Role, name: &str, grpc: &str) -> Result<Process, Failure> {
        let coordinator = self.coordinator.url();
        let shards: Vec<_> = self.shards.iter().map(Process::url).collect();
        let peers = start::Peers { coordinator: Some(coordinator), shards };
        let starter = self.starter();
        let launched = starter
            .spawn(role, name, grpc, &peers)
            .and_then(|starting| starter.listening(starting));
        if launched.is_err() {
            self.logs.keep();
        }
        launched
    }

    fn starter(&self) -> start::Starter<'_> {
        start::Starter { spec: &self.spec, clock: &self.clock, logs: self.logs.path() }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Process> {
        std::iter::once(&mut self.coordinator).chain(&mut self.workers).chain(&mut self.shards)
    }
}

fn stop_all(processes: &mut [Process], clock: &SharedClock) -> Result<(), Failure> {
    for process in &mut *processes {
        process.terminate();
    }
    let deadline = clock.now() + STOP_TIMEOUT;
    processes.iter_mut().try_for_each(|process| process.ended_well(clock, deadline))
}
