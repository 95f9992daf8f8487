//! The whole cluster in one process, against serial execution.

mod decoys;
mod edges;
pub(crate) mod random;
mod witness;

use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::shard::ShardCount;
use evmesh::{
    args::PlanArg,
    config::Config,
    run::sandbox_spec,
    session::{BlockReport, Session},
};
use inputs::Input;
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};

/// The shape of a cluster, and how it cuts.
#[derive(Clone, Copy, Debug)]
struct Shape {
    workers: u16,
    threads: usize,
    state_shards: ShardCount,
    plan: PlanArg,
    slice_gas: Option<u64>,
    seed: u64,
}

impl Shape {
    const fn whole() -> Self {
        Self {
            workers: 1,
            threads: 1,
            state_shards: ShardCount::ONE,
            plan: PlanArg::Whole,
            slice_gas: None,
            seed: 0,
        }
    }
}

/// Runs all blocks of an input on a cluster of its own, beside the oracle.
fn run(input: &Input, shape: Shape) -> Vec<BlockReport> {
    let mut config = Config::default();
    config.sandbox.workers = NonZeroU16::new(shape.workers).unwrap();
    config.worker.threads = NonZeroUsize::new(shape.threads).unwrap();
    config.sandbox.state_shards = shape.state_shards;
    config.run.plan = shape.plan;
    config.run.slice_gas = shape.slice_gas.and_then(NonZeroU64::new);
    config.run.seed = shape.seed;
    let spec = sandbox_spec(&config, None);
    let mut session = Session::new(spec, config.run, SystemClock::shared(), ShutdownToken::new());
    let mut reports = Vec::new();
    let ran = session.run_input(input, &mut |report| {
        reports.push(report.clone());
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{shape:?}: {failure:?}"));
    session.finish().unwrap();
    reports
}
