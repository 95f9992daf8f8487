//! Starts the processes in the order in which they need each other.

use super::{
    Discovery, LogFolder, Process, Processes, ProcessesSpec, Role, child::Starting, numbers::page,
};
use crate::failure::Failure;
use cluster::clock::SharedClock;
use std::{fs, path::Path, process::Command, thread, time::Duration};

/// The system chooses the port.
pub(super) const FREE_PORT: &str = "127.0.0.1:0";

/// Longest wait until a process listens, and until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two looks whether a process is ready.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Whom a process has to know from its start.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    pub(super) coordinator: Option<String>,
    pub(super) shards: Vec<String>,
}

/// Everything that starting a process needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starter<'a> {
    pub(super) spec: &'a ProcessesSpec,
    pub(super) clock: &'a SharedClock,
    pub(super) logs: &'a Path,
}

/// Starts a cluster and waits until it is ready.
pub(super) fn cluster(spec: &ProcessesSpec, clock: &SharedClock) -> Result<Processes, Failure> {
    let mut logs = LogFolder::new(spec.logs.as_deref())?;
    let starter = Starter { spec, clock, logs: logs.path() };
    let started = starter.all();
    match started {
        Ok((shards, coordinator, workers)) => Ok(Processes {
            spec: spec.clone(),
            clock: clock.clone(),
            shards,
            coordinator,
            workers,
            logs,
        }),
        Err(failure) => {
            logs.keep();
            Err(failure)
        }
    }
}

impl Starter<'_> {
    fn all(&self) -> Result<(Vec<Process>, Process, Vec<Process>), Failure> {
        let mut peers = Peers::default();
        let shards = self.group(Role::State, self.spec.state_shards.get(), &peers)?;
        peers.shards = shards.iter().map(Process::url).collect();
        let coordinator = self.spawn(Role::Coordinator, "coordinator", FREE_PORT, &peers)?;
        let coordinator = self.listening(coordinator)?;
        peers.coordinator = Some(coordinator.url());
        let workers = self.group(Role::Worker, self.spec.workers.get(), &peers)?;
        let coordinator = self.ready(coordinator)?;
        let workers =
            workers.into_iter().map(|worker| self.ready(worker)).collect::<Result<_, _>>()?;
        Ok((shards, coordinator, workers))
    }

    /// Starts processes that do not need each other at once, and waits until they listen.
    fn group(&self, role: Role, n: u16, peers: &Peers) -> Result<Vec<Process>, Failure> {
        let spawn = |position: u16| {
            let name = format!("{}-{position}", role.table());
            self.spawn(role, &name, FREE_PORT, peers)
        };
        let starting: Vec<_> = (0..n).map(spawn).collect::<Result<_, _>>()?;
        starting.into_iter().map(|process| self.listening(process)).collect()
    }

    /// Starts a process.
    pub(super) fn spawn(
        &self,
        role: Role,
        name: &str,
        grpc: &str,
        peers: &Peers,
    ) -> Result<Starting, Failure> {
        let command = self.command(role, name, grpc, peers)?;
        Starting::spawn(role, name, command, self.logs.join(format!("{name}.log")))
    }

    /// Waits until a process says where it listens.
    pub(super) fn listening(&self, starting: Starting) -> Result<Process, Failure> {
        starting.listening(START_TIMEOUT)
    }

    /// Waits until a process says that it is ready.
    pub(super) fn ready(&self, mut process: Process) -> Result<Process, Failure> {
        let deadline = self.clock.now() + START_TIMEOUT;
        let mut said = "nothing".to_owned();
        while process.is_running() && self.clock.now() < deadline {
            match page(process.http(), "/readyz") {
                Ok((200, _)) => return Ok(process),
                Ok((_, reason)) => said = reason,
                Err(error) => said = error.to_string(),
            }
            thread::sleep(LOOK_PAUSE);
        }
        Err(process.failure(&format!("it is not ready, and says: {}", said.trim())))
    }

    fn command(
        &self,
        role: Role,
        name: &str,
        grpc: &str,
        peers: &Peers,
    ) -> Result<Command, Failure> {
        let mut command = Command::new(self.spec.programs.path(role));
        for (variable, _) in std::env::vars_os() {
            // It would be taken for a setting, and refused where it is not one.
            if variable.to_string_lossy().starts_with("EVMESH_") {
                command.env_remove(variable);
            }
        }
        if role == Role::Coordinator {
            // A worker is given as many slices at once as it has threads, unless somebody says else.
            command.env("EVMESH_COORDINATOR__SLICES_PER_WORKER", self.spec.threads.to_string());
        }
        for (variable, value) in self.spec.settings.variables_of(role) {
            command.env(variable, value);
        }
        command.args(["--listen", grpc, "--http", FREE_PORT, "--name", name]);
        command.arg("--until-stdin-closes");
        if let Some(file) = self.spec.settings.file_of(role) {
            let path = self.logs.join(format!("{}.toml", role.table()));
            fs::write(&path, file)
                .map_err(|error| Failure::output(error, path.display().to_string()))?;
            command.arg("--config").arg(path);
        }
        for (flag, value) in self.spec.settings.flags() {
            command.args([flag, value]);
        }
        if role == Role::Worker {
            command.args(["--threads", &self.spec.threads.to_string()]);
        }
        self.add_peers(&mut command, role, peers);
        // A Ctrl-C is for evmesh, which ends them then.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }

    fn add_peers(&self, command: &mut Command, role: Role, peers: &Peers) {
        match (&self.spec.discovery, role) {
            (Discovery::Etcd { endpoints, cluster }, role) => {
                command.args(["--etcd", endpoints, "--cluster", cluster]);
                if role == Role::Coordinator {
                    let shards = self.spec.state_shards.get().to_string();
                    command.args(["--state-shards", &shards]);
                }
            }
            (Discovery::Static, Role::Coordinator) => {
                command.args(["--state", &peers.shards.join(",")]);
            }
            (Discovery::Static, Role::Worker) => {
                let coordinator = peers.coordinator.as_deref().unwrap_or_default();
                command.args(["--coordinator", coordinator]);
            }
            (Discovery::Static, Role::State) => {}
        }
    }
}
