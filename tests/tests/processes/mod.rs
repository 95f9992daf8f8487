//! The cluster as processes of their own that talk over gRPC, against serial execution.

mod conformance_script;
mod ends;
mod equal;
mod etcd;
mod faults;
mod joins;
mod quiet;

use cluster::{
    clock::{SharedClock, SystemClock},
    shutdown::ShutdownToken,
};
use engine::shard::ShardCount;
use evmesh::{
    config::{ClientConfig, Config, RunConfig},
    processes::{Processes, ProcessesSpec, Settings},
    report::BlockStatus,
    run::processes_spec,
    session::{BlockReport, Session},
    transport::{ClusterSpec, Remote},
};
use inputs::Input;
use std::num::{NonZeroU16, NonZeroU64};

/// How many processes there are of what, and how blocks are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) workers: u16,
    pub(crate) state_shards: usize,
    pub(crate) slice_gas: Option<u64>,
    pub(crate) seed: u64,
}

impl Shape {
    /// `settings` are the processes' own, as a file has them.
    pub(crate) fn spec(self, settings: &str) -> ProcessesSpec {
        let mut config = Config::default();
        config.sandbox.workers = NonZeroU16::new(self.workers).unwrap();
        config.sandbox.state_shards = ShardCount::new(self.state_shards).unwrap();
        config.handed_on = Settings::default().with_text(settings);
        processes_spec(&config).unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn run(self) -> RunConfig {
        let slice_gas = self.slice_gas.and_then(NonZeroU64::new);
        RunConfig { slice_gas, seed: self.seed, ..RunConfig::default() }
    }

    /// Starts the processes alone.
    pub(crate) fn start(self, settings: &str) -> Processes {
        let started = Processes::start(&self.spec(settings), &SystemClock::shared());
        started.unwrap_or_else(|failure| panic!("{self:?}: {failure}"))
    }

    /// Makes a session that starts the processes itself.
    fn session(self) -> Session {
        let spec = ClusterSpec::Grpc(self.spec(""), ClientConfig::default());
        Session::new(spec, self.run(), SystemClock::shared(), ShutdownToken::new())
    }

    /// Makes a session on processes that run.
    pub(crate) fn session_on(self, processes: &Processes) -> Session {
        let remote = Remote::find(&processes.coordinator_url(), &ClientConfig::default());
        let remote = remote.unwrap_or_else(|failure| panic!("{self:?}: {failure}"));
        Session::new(remote, self.run(), SystemClock::shared(), ShutdownToken::new())
    }
}

/// Makes a workload.
pub(crate) fn open(workload: &str) -> Input {
    inputs::open(workload, &mut |_, _| {}).unwrap().remove(0)
}

/// Runs all blocks of an input; each has to be equal. `after` hears of each.
fn run(session: &mut Session, input: &Input, after: &mut dyn FnMut(&BlockReport)) {
    let mut n_blocks = 0;
    let ran = session.run_input(input, &mut |report| {
        n_blocks += 1;
        let line = &report.line;
        assert_eq!(line.status, BlockStatus::Equal, "{}: {line:?}", input.name);
        assert!(line.oracle.compared, "{}: {line:?}", input.name);
        after(report);
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{}: {failure}", input.name));
    assert_eq!(n_blocks, input.blocks.len(), "{}", input.name);
}

/// A clock for deadlines.
fn clock() -> SharedClock {
    SystemClock::shared()
}
