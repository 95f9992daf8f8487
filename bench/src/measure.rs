//! Runs a case on a cluster of some size: one run that is not counted, then the counted ones.

use crate::{
    cases::Case,
    report::{CpuPerMgas, Row, Scope},
    stats::{Spread, median},
};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use evmesh::{
    args::PlanArg,
    config::{Config, RunConfig},
    failure::Failure,
    progress::Progress,
    report::{BlockStatus, mgas_per_s, ratio},
    run::sandbox_spec,
    session::{BlockReport, Session},
};
use std::num::NonZeroU16;

/// Measures cases and collects their rows.
#[derive(Debug)]
pub(crate) struct Bench {
    n_runs: u32,
    clock: SharedClock,
    rows: Vec<Row>,
}

/// One run of all blocks of a case.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    wall_us: u64,
    execute_us: u64,
    serial_us: u64,
    serial_execute_us: u64,
    workers_cpu_us: u64,
    state_cpu_us: u64,
    rest_cpu_us: u64,
    serial_cpu_us: u64,
    executions: u64,
    messages: u64,
    transactions: u64,
    gas: u64,
    n_blocks: u64,
    n_unequal: u64,
}

impl Bench {
    pub(crate) const fn new(n_runs: u32, clock: SharedClock) -> Self {
        Self { n_runs, clock, rows: Vec::new() }
    }

    /// Measures a case on that many workers.
    pub(crate) fn measure(&mut self, case: &Case, workers: NonZeroU16) -> Result<(), Failure> {
        let run = RunConfig { plan: PlanArg::Split, oracle: true, ..RunConfig::default() };
        let mut config = Config { run, ..Config::default() };
        config.sandbox.workers = workers;
        let spec = sandbox_spec(&config, None);
        let mut session = Session::new(spec, run, self.clock.clone(), ShutdownToken::new());

        // The first one warms up.
        let n_times = self.n_runs + 1;
        let mut runs = vec![Run::default(); n_times as usize];
        let what = format!("{}, {workers} workers", case.id);
        let mut progress = Progress::new(what, &self.clock);
        for (done, input) in case.inputs.iter().enumerate() {
            let mut of_input = runs.iter_mut();
            session.repeat(input, n_times, &mut |block| {
                if let Some(run) = of_input.next() {
                    run.add(block);
                }
                Ok(())
            })?;
            progress.set(done as u64 + 1, case.inputs.len() as u64);
        }
        session.finish()?;
        // A difference in the run that is not counted is a difference too.
        let is_equal = runs.iter().all(|run| run.n_unequal == 0);
        for scope in [Scope::WholeJob, Scope::Execution] {
            self.rows.push(row(case, workers, scope, (&runs[1..], is_equal)));
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<Row> {
        self.rows
    }
}

impl Run {
    fn add(&mut self, block: &BlockReport) {
        let line = &block.line;
        let times = &line.times;
        self.wall_us += times.wall_us.unwrap_or(0);
        self.execute_us += times.execute_us.unwrap_or(0);
        self.serial_us += times.serial_us.unwrap_or(0);
        self.serial_execute_us += times.serial_execute_us.unwrap_or(0);
        self.workers_cpu_us += block.workers_cpu_us;
        self.state_cpu_us += block.state_cpu_us;
        self.rest_cpu_us += block.rest_cpu_us;
        self.serial_cpu_us += block.serial_cpu_us.unwrap_or(0);
        self.executions += line.executions;
        self.messages += line.messages.total;
        self.transactions += line.transactions;
        self.gas += line.gas_used.unwrap_or(0);
        self.n_blocks += 1;
        let is_equal = line.status == BlockStatus::Equal && line.oracle.compared;
        self.n_unequal += u64::from(!is_equal);
    }
}

fn row(case: &Case, workers: NonZeroU16, scope: Scope, (runs, equal): (&[Run], bool)) -> Row {
    let of = |value: fn(&Run) -> u64| runs.iter().map(value).collect::<Vec<_>>();
    let (wall, serial) = match scope {
        Scope::WholeJob => (of(|run| run.wall_us), of(|run| run.serial_us)),
        Scope::Execution => (of(|run| run.execute_us), of(|run| run.serial_execute_us)),
    };
    let (wall_us, serial_us) = (Spread::of(wall), Spread::of(serial));
    let (gas, n_blocks) = (median(of(|run| run.gas)), median(of(|run| run.n_blocks)));
    let per_mgas =
        |value: fn(&Run) -> u64| ratio(median(of(value)), gas).map(|us_per_gas| us_per_gas * 1e6);
    Row {
        id: format!("{}/{workers}/{}", case.id, scope.name()),
        workload: case.workload,
        params: case.params.clone(),
        workers: workers.get(),
        worker_share: worker_share(workers),
        state_shards: 1,
        transport: "in-process",
        access_lists: "none",
        state_delay_us: 0,
        scope,
        blocks: n_blocks,
        passes: 1,
        transactions: median(of(|run| run.transactions)),
        gas,
        runs: runs.len() as u64,
        wall_us,
        serial_us,
        speedup: ratio(serial_us.median, wall_us.median),
        mgas_per_s: mgas_per_s(gas, wall_us.median),
        cpu_us_per_mgas: CpuPerMgas {
            coordinator: per_mgas(|run| run.rest_cpu_us),
            workers: per_mgas(|run| run.workers_cpu_us),
            state: per_mgas(|run| run.state_cpu_us),
            serial: per_mgas(|run| run.serial_cpu_us),
        },
        executions: median(of(|run| run.executions)),
        messages_per_block: ratio(median(of(|run| run.messages)), n_blocks),
        bytes_per_block: None,
        equal,
    }
}

/// Returns the part of a core that each worker has when all work: one thread at most.
fn worker_share(workers: NonZeroU16) -> f64 {
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let n_cores = u16::try_from(n_cores).unwrap_or(u16::MAX);
    (f64::from(n_cores) / f64::from(workers.get())).min(1.0)
}
