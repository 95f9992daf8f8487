//! What the acts share: the stage that they play on.

use crate::{
    args::{FaultArg, PlanArg},
    config::{Config, RunConfig},
    failure::Failure,
    open::open_all,
    run::sandbox_spec,
    sandbox::SandboxSpec,
    session::{BlockReport, Session, Summary},
};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use inputs::Input;
use std::{
    num::{NonZeroU16, NonZeroUsize},
    time::Duration,
};

/// What acts are played with.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a SharedClock,
    pub(super) shutdown: &'a ShutdownToken,
}

/// How a cluster of an act is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// One slice on one worker, instead of four workers.
    pub(super) is_single: bool,
    /// Distance of the state.
    pub(super) state_delay: Duration,
    /// Something that is broken on purpose.
    pub(super) fault: Option<FaultArg>,
}

/// Blocks of one input, added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) transactions: u64,
    pub(super) gas: u64,
    pub(super) slices: u64,
    pub(super) conflicts: u64,
    pub(super) attempts_lost: u64,
    pub(super) wall_us: u64,
    pub(super) serial_us: u64,
}

/// Number of workers of the demo's clusters.
pub(super) const WORKERS: u16 = 4;

impl Stage<'_> {
    /// Makes a workload.
    pub(super) fn open(&self, workload: &str) -> Result<Input, Failure> {
        let mut inputs = open_all(&[workload.to_owned()], self.clock)?;
        inputs.pop().ok_or_else(|| Failure::unreadable("it has no blocks", workload, "report this"))
    }

    /// Runs an input on a cluster of its own, beside serial revm.
    pub(super) fn play(
        &self,
        input: &Input,
        shape: Shape,
        all: &mut Summary,
    ) -> Result<Totals, Failure> {
        let run = RunConfig {
            plan: if shape.is_single { PlanArg::Whole } else { PlanArg::Split },
            oracle: true,
            ..self.config.run
        };
        let spec = self.spec(shape);
        let mut session = Session::new(spec, run, self.clock.clone(), self.shutdown.clone());
        let mut totals = Totals::default();
        session.run_input(input, &mut |block| {
            all.add(block);
            totals.add(block);
            Ok(())
        })?;
        let is_idle = session.has_idle_fault();
        session.finish()?;
        if is_idle {
            return Err(Failure::cluster("the fault did not happen", &input.name, "report this"));
        }
        Ok(totals)
    }

    fn spec(&self, shape: Shape) -> SandboxSpec {
        let workers = if shape.is_single { 1 } else { WORKERS };
        let mut spec = sandbox_spec(self.config, shape.fault);
        spec.workers = NonZeroU16::new(workers).expect("there is a worker at least");
        spec.worker.threads = NonZeroUsize::MIN;
        spec.state.read_delay = shape.state_delay;
        spec
    }
}

impl Totals {
    fn add(&mut self, block: &BlockReport) {
        let line = &block.line;
        self.transactions += line.transactions;
        self.gas += line.gas_used.unwrap_or(0);
        self.slices += u64::from(line.plan.slices);
        self.conflicts += line.conflicts;
        self.attempts_lost += line.attempts_lost;
        self.wall_us += line.times.wall_us.unwrap_or(0);
        self.serial_us += line.times.serial_us.unwrap_or(0);
    }
}
