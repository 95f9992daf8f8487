//! Which cluster is wanted.

use super::Connection;
use crate::{
    config::ClientConfig,
    failure::Failure,
    processes::ProcessesSpec,
    sandbox::{Fault, SandboxSpec},
};
use proto::coordinator::{ClusterStatus, WorkerState};
use std::{num::NonZeroUsize, time::Duration};

/// The setting of how many committed Snapshots a shard keeps.
const SNAPSHOTS_KEPT: &str = "EVMESH_STATE__LIMITS__COMMITTED_SNAPSHOTS_MAX";

/// A cluster that is started, or one that runs.
#[derive(Clone, Debug)]
pub enum ClusterSpec {
    /// All of it in this process.
    InProcess(Box<SandboxSpec>),
    /// A process for each part, on this machine.
    Grpc(ProcessesSpec, ClientConfig),
    /// Others run it.
    Remote(Remote),
}

/// A cluster that others run.
#[derive(Clone, Debug)]
pub struct Remote {
    url: String,
    client: ClientConfig,
    shape: Shape,
}

/// How large a cluster is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Number of workers.
    pub workers: u32,
    /// CPU threads of each; of different ones the most.
    pub threads: u32,
    /// Number of state shards.
    pub state_shards: u32,
}

impl From<SandboxSpec> for ClusterSpec {
    fn from(spec: SandboxSpec) -> Self {
        Self::InProcess(Box::new(spec))
    }
}

impl From<Remote> for ClusterSpec {
    fn from(remote: Remote) -> Self {
        Self::Remote(remote)
    }
}

impl ClusterSpec {
    /// Returns how its processes talk, as reports write it.
    pub const fn transport(&self) -> &'static str {
        match self {
            Self::InProcess(_) => "in-process",
            Self::Grpc(..) => "grpc",
            Self::Remote(_) => "remote",
        }
    }

    /// Returns how large it is.
    pub fn shape(&self) -> Shape {
        let of = |workers: std::num::NonZeroU16, threads: std::num::NonZeroUsize, shards: u16| {
            let threads = u32::try_from(threads.get()).unwrap_or(u32::MAX);
            Shape { workers: workers.get().into(), threads, state_shards: shards.into() }
        };
        match self {
            Self::InProcess(spec) => of(spec.workers, spec.worker.threads, spec.state_shards.get()),
            Self::Grpc(spec, _) => of(spec.workers, spec.threads, spec.state_shards.get()),
            Self::Remote(remote) => remote.shape,
        }
    }

    /// Makes a cluster that is started here keep at least so many committed Snapshots; what others
    /// run keeps what it was told.
    #[must_use]
    pub fn keeping(mut self, n_snapshots: usize) -> Self {
        let Some(wanted) = NonZeroUsize::new(n_snapshots) else { return self };
        match &mut self {
            Self::InProcess(spec) => {
                let kept = &mut spec.state.limits.committed_snapshots_max;
                *kept = wanted.max(*kept);
            }
            Self::Grpc(spec, _) if spec.snapshots_kept < wanted => {
                spec.snapshots_kept = wanted;
                spec.settings.set_variable(SNAPSHOTS_KEPT, &wanted.to_string());
            }
            Self::Grpc(..) | Self::Remote(_) => {}
        }
        self
    }

    /// Returns what is broken on purpose.
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::InProcess(spec) => spec.fault.as_ref(),
            Self::Grpc(..) | Self::Remote(_) => None,
        }
    }

    /// Returns how long each answer of the state is held back.
    pub const fn state_delay(&self) -> Duration {
        match self {
            Self::InProcess(spec) => spec.state.read_delay,
            Self::Grpc(..) | Self::Remote(_) => Duration::ZERO,
        }
    }
}

impl Remote {
    /// Asks a running cluster what it is.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn find(url: &str, client: &ClientConfig) -> Result<Self, Failure> {
        let status = Connection::open(url, client)?.status()?;
        Ok(Self { url: url.to_owned(), client: client.clone(), shape: Shape::of(&status) })
    }

    pub(super) fn open(&self) -> Result<Connection, Failure> {
        Connection::open(&self.url, &self.client)
    }
}

impl Shape {
    fn of(status: &ClusterStatus) -> Self {
        let ready = || status.workers.iter().filter(|it| it.state == WorkerState::Ready);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            workers: count(ready().count()),
            threads: ready().map(|worker| worker.cores).max().unwrap_or(0),
            state_shards: count(status.state_shards.len()),
        }
    }
}
