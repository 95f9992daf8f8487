//! The clusters that cases run on.

use anyhow::Context;
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::shard::ShardCount;
use evmesh::{
    args::PlanArg,
    config::{Config, RunConfig},
    processes::{Processes, Settings},
    run::{processes_spec, sandbox_spec},
    session::Session,
    transport::{ClusterSpec, Remote},
};
use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize},
    time::Duration,
};

/// Calls to one worker at once, where all transactions of a block are to be sent before any answer
/// comes.
const PERMITS: NonZeroU32 = NonZeroU32::new(100_000).expect("it is not zero");

/// Committed Snapshots that are kept: more than any case has blocks, because branches begin anywhere.
const SNAPSHOTS_KEPT: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// Longest time for a block of a case. Some of them compute for a minute, with other cases beside
/// them and on machines that have other work too: a case is to fail by what comes out, not by the time.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// How the parts of a cluster talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The whole cluster in one process; each genesis has a cluster of its own.
    InProcess,
    /// Processes of their own. One cluster takes all cases: the first genesis is committed, the others
    /// are loaded beside it.
    Grpc,
}

impl Transport {
    /// Returns the name as reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Grpc => "grpc",
        }
    }
}

/// How much longer a client waits, so that the cluster says why.
const CLIENTS_PATIENCE: Duration = Duration::from_secs(30);

/// Returns what processes are told: the same that a cluster in one process has.
fn processes_settings() -> String {
    let (kept, seconds) = (SNAPSHOTS_KEPT, BLOCK_TIME_MAX.as_secs());
    format!(
        "[state.limits]\ncommitted_snapshots_max = {kept}\n\
         [coordinator.deadlines]\njob = \"{seconds}s\"\ndispatch = \"{seconds}s\"\n"
    )
}

/// A cluster, and how it cuts blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of workers.
    pub workers: NonZeroU16,
    /// Number of state shards.
    pub state_shards: ShardCount,
    /// Whether every transaction is a slice, and all are sent at once on the state below the block: each
    /// that depends on another one conflicts.
    pub conflicts_forced: bool,
    /// How its parts talk.
    pub transport: Transport,
    /// Whether each valid block is built again from its parts.
    pub rebuild: bool,
}

impl Shape {
    /// Makes a shape.
    ///
    /// # Errors
    /// If there cannot be so many workers or state shards.
    pub fn new(workers: u16, state_shards: usize) -> anyhow::Result<Self> {
        Ok(Self {
            workers: NonZeroU16::new(workers).context("there is no worker")?,
            state_shards: ShardCount::new(state_shards)?,
            conflicts_forced: false,
            transport: Transport::InProcess,
            rebuild: false,
        })
    }

    /// Returns the three shapes in one process: one worker; three workers and two state shards; the
    /// same with every conflict forced.
    ///
    /// # Errors
    /// None.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        let (one, three) = (Self::new(1, 1)?, Self::new(3, 2)?);
        Ok(vec![one, three, Self { conflicts_forced: true, ..three }])
    }

    /// Returns the settings of such a cluster.
    fn config(self, seed: u64) -> Config {
        let mut config = Config::default();
        config.sandbox.workers = self.workers;
        config.sandbox.state_shards = self.state_shards;
        config.state.limits.committed_snapshots_max = SNAPSHOTS_KEPT;
        config.coordinator.deadlines.job = BLOCK_TIME_MAX;
        config.coordinator.deadlines.dispatch = BLOCK_TIME_MAX;
        config.client.block_timeout = BLOCK_TIME_MAX + CLIENTS_PATIENCE;
        config.handed_on = Settings::default().with_text(&processes_settings());
        config.run = RunConfig {
            plan: PlanArg::Split,
            oracle: false,
            seed,
            slice_gas: None,
            rebuild: self.rebuild,
        };
        if self.conflicts_forced {
            config.run.slice_gas = NonZeroU64::new(1);
            config.coordinator.limits.permits_spare = PERMITS;
        }
        config
    }

    /// Starts what all sessions of the shape share, and says how they are made.
    ///
    /// # Errors
    /// If the processes do not start.
    pub(super) fn start(
        self,
        seed: u64,
        clock: &SharedClock,
    ) -> anyhow::Result<(Option<Processes>, Sessions)> {
        let config = self.config(seed);
        let processes = match self.transport {
            Transport::InProcess => None,
            Transport::Grpc => Some(Processes::start(&processes_spec(&config)?, clock)?),
        };
        let coordinator = processes.as_ref().map(Processes::coordinator_url);
        Ok((processes, Sessions { config, coordinator, clock: clock.clone() }))
    }
}

/// Makes sessions of a shape.
#[derive(Debug)]
pub(super) struct Sessions {
    config: Config,
    /// Where the cluster is that runs; nothing where each session has its own.
    coordinator: Option<String>,
    clock: SharedClock,
}

impl Sessions {
    /// Makes a session.
    ///
    /// # Errors
    /// If the processes do not answer.
    pub(super) fn make(&self) -> anyhow::Result<Session> {
        let spec: ClusterSpec = match &self.coordinator {
            None => sandbox_spec(&self.config, None).into(),
            Some(url) => Remote::find(url, &self.config.client)?.into(),
        };
        Ok(Session::new(spec, self.config.run, self.clock.clone(), ShutdownToken::new()))
    }
}
