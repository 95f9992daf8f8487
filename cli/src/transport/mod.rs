//! A running cluster as a session uses it: whatever lies between, it talks to a
//! [`CoordinatorService`] only.

mod client;
mod loaded;
mod spec;
mod spent;

pub use client::Connection;
pub use loaded::Loaded;
pub use spec::{ClusterSpec, Remote, Shape};
pub use spent::{CpuByRole, Spent};

use crate::{failure::Failure, processes::Processes, sandbox::Sandbox, serial::DelayPaid};
use alloy_primitives::B256;
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::{JobId, SnapshotId},
};
use inputs::ParentState;
use proto::{
    coordinator::{
        BlockOutcome, BuildBlockRequest, ClusterStatus, CoordinatorService, ExecuteBlockRequest,
    },
    state::Head,
    status::{Code, Status},
};
use std::{path::PathBuf, sync::Arc};
use tokio::runtime::Handle;

/// A cluster that takes blocks.
#[derive(Debug)]
pub struct Running {
    runtime: Handle,
    coordinator: Arc<dyn CoordinatorService>,
    /// A cluster holds one chain.
    has_genesis: bool,
    backend: Backend,
}

/// What there is beside the coordinator's service.
#[derive(Debug)]
enum Backend {
    InProcess(Box<Sandbox>),
    Grpc(Connection, Box<Processes>),
    Remote(Connection),
}

impl Running {
    /// Starts a cluster, or connects to the one that runs; it is ready when this returns.
    ///
    /// # Errors
    /// If a part of it does not start, or nobody answers.
    pub fn start(spec: &ClusterSpec, clock: &SharedClock) -> Result<Self, Failure> {
        match spec {
            ClusterSpec::InProcess(spec) => {
                let sandbox = Sandbox::start(spec, clock)?;
                let (runtime, coordinator) = (sandbox.runtime(), sandbox.coordinator());
                Ok(Self::new(runtime, coordinator, Backend::InProcess(Box::new(sandbox))))
            }
            ClusterSpec::Grpc(spec, client) => {
                let processes = Processes::start(spec, clock)?;
                let connection = Connection::open(&processes.coordinator_url(), client)?;
                let (runtime, coordinator) = connection.parts();
                let backend = Backend::Grpc(connection, Box::new(processes));
                Ok(Self::new(runtime, coordinator, backend))
            }
            ClusterSpec::Remote(remote) => {
                let connection = remote.open()?;
                let (runtime, coordinator) = connection.parts();
                Ok(Self::new(runtime, coordinator, Backend::Remote(connection)))
            }
        }
    }

    const fn new(
        runtime: Handle,
        coordinator: Arc<dyn CoordinatorService>,
        backend: Backend,
    ) -> Self {
        Self { runtime, coordinator, has_genesis: false, backend }
    }

    /// Tells whether this cluster can take a state: another chain is committed to another cluster. One
    /// that others started takes it as a Snapshot of its own.
    pub const fn can_load(&self, parent: &ParentState) -> bool {
        match (parent, &self.backend) {
            (ParentState::Values(_) | ParentState::Witness(_), _) | (_, Backend::Remote(_)) => true,
            (ParentState::Genesis { .. }, _) => !self.has_genesis,
        }
    }

    /// Loads the state below an input's first block.
    ///
    /// # Errors
    /// If the cluster refuses it.
    pub fn load(&mut self, parent: &ParentState) -> Result<Loaded, Failure> {
        self.has_genesis |= matches!(parent, ParentState::Genesis { .. });
        let load = Loaded::load(&*self.coordinator, parent);
        self.runtime.block_on(load).map_err(|status| self.refused(status))
    }

    /// Drops a state that was loaded for foreign blocks; a genesis stays.
    ///
    /// # Errors
    /// If the cluster does not have it.
    pub fn unload(&self, loaded: Loaded) -> Result<(), Failure> {
        match loaded {
            Loaded::Genesis { .. } => Ok(()),
            Loaded::Snapshot(snapshot) => self.drop_snapshot(snapshot),
        }
    }

    /// Drops the Snapshot of a job that is sealed and not committed.
    ///
    /// # Errors
    /// If the job was committed.
    pub fn drop_job(&self, job: JobId) -> Result<(), Failure> {
        self.drop_snapshot(SnapshotId::Job(job))
    }

    fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Failure> {
        let dropped = self.runtime.block_on(self.coordinator.drop_snapshot(snapshot));
        dropped.map_err(|status| self.refused(status))
    }

    /// Makes a committed block the head.
    ///
    /// # Errors
    /// If the cluster does not have it.
    pub fn set_head(&self, block_hash: B256) -> Result<Head, Failure> {
        let moved = self.runtime.block_on(self.coordinator.set_head(block_hash));
        moved.map_err(|status| self.refused(status))
    }

    /// Asks what the cluster looks like now.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn status(&self) -> Result<ClusterStatus, Failure> {
        let status = self.runtime.block_on(self.coordinator.status());
        status.map_err(|status| self.refused(status))
    }

    /// Reads keys of a state, in their order; nothing where state shards are out of reach.
    ///
    /// # Errors
    /// If a state shard has no such state.
    pub fn read(
        &self,
        snapshot: SnapshotId,
        keys: &[SnapshotKey],
    ) -> Result<Option<Vec<SnapshotAnswer>>, Failure> {
        let Backend::InProcess(sandbox) = &self.backend else { return Ok(None) };
        let read = self.runtime.block_on(sandbox.read(snapshot, keys));
        read.map(Some).map_err(|status| self.refused(status))
    }

    /// Executes a block and waits for its outcome; nothing if `shutdown` comes first.
    pub fn execute(
        &self,
        request: ExecuteBlockRequest,
        shutdown: &ShutdownToken,
    ) -> Option<Result<BlockOutcome, Status>> {
        let coordinator = Arc::clone(&self.coordinator);
        let job = self.runtime.spawn(async move { coordinator.execute_block(request).await });
        self.runtime.block_on(async {
            tokio::select! {
                answer = job => Some(answer.unwrap_or_else(|error| {
                    Err(Status::new(Code::Internal, format!("the coordinator panicked: {error}")))
                })),
                _ = shutdown.cancelled() => None,
            }
        })
    }

    /// Builds a block and waits for its outcome.
    ///
    /// # Errors
    /// If the coordinator takes the request for none, or does not answer.
    pub fn build(&self, request: BuildBlockRequest) -> Result<BlockOutcome, Status> {
        self.runtime.block_on(self.coordinator.build_block(request))
    }

    /// Returns what delayed answers of the state service really cost.
    pub fn delay_paid(&self) -> DelayPaid {
        match &self.backend {
            Backend::InProcess(sandbox) => sandbox.delay_paid(),
            Backend::Grpc(..) | Backend::Remote(_) => DelayPaid::default(),
        }
    }

    /// Returns what was spent so far, as far as anybody can see it from here.
    pub fn spent(&self) -> Spent {
        match &self.backend {
            Backend::InProcess(sandbox) => Spent::in_process(sandbox.state_cpu()),
            Backend::Grpc(connection, processes) => {
                Spent::Processes { roles: processes.numbers(), client: connection.bytes() }
            }
            Backend::Remote(_) => Spent::Unseen,
        }
    }

    /// Keeps what the cluster's processes logged, and returns the folder; nothing where they are not
    /// this command's.
    pub fn keep_logs(&mut self) -> Option<PathBuf> {
        match &mut self.backend {
            Backend::Grpc(_, processes) => {
                processes.keep_logs();
                Some(processes.logs().to_owned())
            }
            Backend::InProcess(_) | Backend::Remote(_) => None,
        }
    }

    /// Stops the cluster; one that others started goes on.
    ///
    /// # Errors
    /// If a part of it panicked, or does not end as it should.
    pub fn stop(self) -> Result<(), Failure> {
        let Self { coordinator, backend, .. } = self;
        // The embedded coordinator ends with its last handle.
        drop(coordinator);
        match backend {
            Backend::InProcess(sandbox) => sandbox.stop(),
            Backend::Grpc(connection, processes) => {
                drop(connection);
                processes.stop()
            }
            Backend::Remote(_) => Ok(()),
        }
    }

    fn refused(&self, status: Status) -> Failure {
        let (at, try_next) = match &self.backend {
            Backend::InProcess(_) => (
                "the cluster in this process".to_owned(),
                "check that the input's state fits into it",
            ),
            Backend::Grpc(connection, _) => {
                (connection.url().to_owned(), "check that the input's state fits into the cluster")
            }
            Backend::Remote(connection) => {
                (connection.url().to_owned(), "evmesh status, to see what the cluster holds")
            }
        };
        Failure::cluster(status, at, try_next)
    }
}
