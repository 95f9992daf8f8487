//! Runs a case on a cluster of some size: one run that is not counted, then the counted ones.

use crate::{
    cases::Case,
    report::{CpuPerMgas, Row, Scope},
    stats::{Spread, median},
};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use evmesh::{
    args::{PlanArg, TransportArg},
    config::{Config, RunConfig},
    failure::Failure,
    processes::Settings,
    progress::Progress,
    report::{BlockStatus, mgas_per_s, ratio},
    run::{processes_spec, sandbox_spec},
    session::{BlockReport, Session},
    transport::{ClusterSpec, CpuByRole},
};
use std::num::NonZeroU16;

/// Measures cases and collects their rows.
#[derive(Debug)]
pub(crate) struct Bench {
    n_runs: u32,
    clock: SharedClock,
    rows: Vec<Row>,
}

/// The cluster that a case is measured on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster {
    pub(crate) workers: NonZeroU16,
    pub(crate) transport: TransportArg,
}

/// One run of all blocks of a case.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    wall_us: u64,
    execute_us: u64,
    serial_us: u64,
    serial_execute_us: u64,
    cpu: CpuByRole,
    serial_cpu_us: u64,
    executions: u64,
    messages: u64,
    bytes: Option<u64>,
    transactions: u64,
    gas: u64,
    n_blocks: u64,
    n_unequal: u64,
}

impl Bench {
    pub(crate) const fn new(n_runs: u32, clock: SharedClock) -> Self {
        Self { n_runs, clock, rows: Vec::new() }
    }

    /// Measures a case on a cluster.
    pub(crate) fn measure(&mut self, case: &Case, cluster: Cluster) -> Result<(), Failure> {
        let run = RunConfig { plan: PlanArg::Split, oracle: true, ..RunConfig::default() };
        let spec = cluster.spec(run)?;
        let mut session = Session::new(spec, run, self.clock.clone(), ShutdownToken::new());

        // The first one warms up.
        let n_times = self.n_runs + 1;
        let mut runs = vec![Run::default(); n_times as usize];
        let Cluster { workers, transport } = cluster;
        let what = format!("{}, {workers} workers, {}", case.id, transport.name());
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
            self.rows.push(row(case, cluster, scope, (&runs[1..], is_equal)));
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<Row> {
        self.rows
    }
}

impl Cluster {
    /// Logs are those of `evmesh run`: none but errors.
    fn spec(self, run: RunConfig) -> Result<ClusterSpec, Failure> {
        let mut config = Config { run, ..Config::default() };
        config.sandbox.workers = self.workers;
        config.handed_on = Settings::default().log(Some(config.telemetry.filter.clone()));
        match self.transport {
            TransportArg::InProcess => Ok(sandbox_spec(&config, None).into()),
            TransportArg::Grpc => Ok(ClusterSpec::Grpc(processes_spec(&config)?, config.client)),
        }
    }

    /// Begins the ids of a case's rows. Those in one process came first and have no name of it.
    fn id(self, case: &Case) -> String {
        match self.transport {
            TransportArg::InProcess => format!("{}/{}", case.id, self.workers),
            TransportArg::Grpc => format!("{}/grpc/{}", case.id, self.workers),
        }
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
        add(&mut self.cpu.coordinator, block.cpu.coordinator);
        add(&mut self.cpu.workers, block.cpu.workers);
        add(&mut self.cpu.state, block.cpu.state);
        self.serial_cpu_us += block.serial_cpu_us.unwrap_or(0);
        self.executions += line.executions;
        self.messages += line.messages.total;
        add(&mut self.bytes, line.messages.bytes);
        self.transactions += line.transactions;
        self.gas += line.gas_used.unwrap_or(0);
        self.n_blocks += 1;
        let is_equal = line.status == BlockStatus::Equal && line.oracle.compared;
        self.n_unequal += u64::from(!is_equal);
    }
}

fn row(case: &Case, cluster: Cluster, scope: Scope, (runs, equal): (&[Run], bool)) -> Row {
    let of = |value: fn(&Run) -> u64| runs.iter().map(value).collect::<Vec<_>>();
    let (wall, serial) = match scope {
        Scope::WholeJob => (of(|run| run.wall_us), of(|run| run.serial_us)),
        Scope::Execution => (of(|run| run.execute_us), of(|run| run.serial_execute_us)),
    };
    let (wall_us, serial_us) = (Spread::of(wall), Spread::of(serial));
    let (gas, n_blocks) = (median(of(|run| run.gas)), median(of(|run| run.n_blocks)));
    // Nothing where nobody counted.
    let median_of = |value: fn(&Run) -> Option<u64>| {
        runs.iter().map(value).collect::<Option<Vec<_>>>().map(median)
    };
    let per_mgas = |value: fn(&Run) -> Option<u64>| {
        ratio(median_of(value)?, gas).map(|us_per_gas| us_per_gas * 1e6)
    };
    Row {
        id: format!("{}/{}", cluster.id(case), scope.name()),
        workload: case.workload,
        params: case.params.clone(),
        workers: cluster.workers.get(),
        worker_share: worker_share(cluster.workers),
        state_shards: 1,
        transport: cluster.transport.name(),
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
            coordinator: per_mgas(|run| run.cpu.coordinator),
            workers: per_mgas(|run| run.cpu.workers),
            state: per_mgas(|run| run.cpu.state),
            serial: per_mgas(|run| Some(run.serial_cpu_us)),
        },
        executions: median(of(|run| run.executions)),
        messages_per_block: ratio(median(of(|run| run.messages)), n_blocks),
        bytes_per_block: median_of(|run| run.bytes).and_then(|bytes| ratio(bytes, n_blocks)),
        equal,
    }
}

fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0) + more);
    }
}

/// Returns the part of a core that each worker has when all work: one thread at most.
fn worker_share(workers: NonZeroU16) -> f64 {
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let n_cores = u16::try_from(n_cores).unwrap_or(u16::MAX);
    (f64::from(n_cores) / f64::from(workers.get())).min(1.0)
}
