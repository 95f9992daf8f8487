//! `evmesh run`: the blocks of inputs on the cluster, beside serial revm, with a report.

mod output;
mod problem;
mod table;

use crate::{
    COMMIT, VERSION,
    args::{FaultArg, RunArgs, TransportArg},
    config::Config,
    exit::Exit,
    failure::Failure,
    open::{open_all, open_on},
    processes::{Discovery, ProcessesSpec, Programs},
    progress::Progress,
    report::{RUN_SCHEMA, RunLine, micros},
    sandbox::{Fault, SandboxSpec},
    session::{BlockReport, Session, Summary},
    transport::{ClusterSpec, Remote},
};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use inputs::Input;
use output::Output;
pub(crate) use output::print;
use problem::{problem_of, problem_of_end};
use std::io::{self, Write};

/// Runs `evmesh run`.
///
/// # Errors
/// If an input cannot be read, or the run cannot come to its end. What is wrong with blocks is in
/// the report and in the exit code.
pub fn run(
    args: &RunArgs,
    config: &Config,
    clock: &SharedClock,
    shutdown: &ShutdownToken,
) -> Result<Exit, Failure> {
    let spec = cluster_spec(args, config)?;
    let inputs = match &args.genesis {
        Some(genesis) => open_on(genesis, &args.inputs, clock)?,
        None => open_all(&args.inputs, clock)?,
    };
    let n_states = inputs.iter().map(Input::n_states_to_keep).max();
    let spec = spec.keeping(n_states.unwrap_or_default());
    let n_blocks = inputs.iter().map(|input| input.blocks.len() as u64).sum();
    let mut output = Output::new(args.json);
    output.begin(&run_line(args, config, &spec))?;

    let mut session = Session::new(spec, config.run, clock.clone(), shutdown.clone());
    let mut summary = Summary::default();
    let mut first_problem = None;
    let mut progress = Progress::new("executing blocks", clock);
    for input in &inputs {
        let ended = session.run_input(input, &mut |block: &BlockReport| {
            summary.add(block);
            progress.set(summary.blocks(), n_blocks);
            if first_problem.is_none() {
                first_problem = problem_of(&block.line);
            }
            output.block(block)
        });
        match ended {
            Ok(end) => {
                summary.end(&end);
                first_problem = first_problem.or_else(|| problem_of_end(&end));
            }
            Err(failure) => {
                drop(progress);
                output.cut_short(&summary)?;
                return Err(failure);
            }
        }
    }
    drop(progress);
    if session.has_idle_fault() {
        note(&"the fault did not happen: no worker did what it breaks")?;
    }
    if let Some(logs) = session.logs_kept() {
        note(&format!("the logs of the cluster's processes are in {}", logs.display()))?;
    }
    output.end(&summary, session.delays_paid())?;
    session.finish()?;
    if let Some(problem) = first_problem {
        note(&problem)?;
    }
    Ok(summary.exit())
}

/// Returns which cluster is wanted.
///
/// # Errors
/// If the wishes do not go together, the programs are not there, or nobody answers.
fn cluster_spec(args: &RunArgs, config: &Config) -> Result<ClusterSpec, Failure> {
    let transport = args.transport.unwrap_or(config.sandbox.transport);
    let remote = config.client.coordinator.as_deref().filter(|_| args.transport.is_none());
    if transport == TransportArg::InProcess && remote.is_none() {
        return Ok(sandbox_spec(config, args.fault).into());
    }
    let embedded_only = |what: &str| {
        let try_next = format!("leave out {what}, or --transport and --coordinator");
        let what = format!("{what} works only where the whole cluster is in this process");
        Failure::usage(what, "the command line and the settings", try_next)
    };
    if args.fault.is_some() {
        return Err(embedded_only("--fault"));
    }
    if !config.state.read_delay.is_zero() {
        return Err(embedded_only("--state-delay"));
    }
    match remote {
        Some(url) => Ok(Remote::find(url, &config.client)?.into()),
        None => Ok(ClusterSpec::Grpc(processes_spec(config)?, config.client.clone())),
    }
}

/// Returns what a cluster of processes is to be made of.
///
/// # Errors
/// If the programs are not there.
pub fn processes_spec(config: &Config) -> Result<ProcessesSpec, Failure> {
    Ok(ProcessesSpec {
        programs: Programs::beside_this_one()?,
        workers: config.sandbox.workers,
        threads: config.worker.threads,
        state_shards: config.sandbox.state_shards,
        snapshots_kept: config.state.limits.committed_snapshots_max,
        discovery: Discovery::Static,
        settings: config.handed_on.clone(),
        logs: None,
    })
}

/// Returns what a cluster in this process is to be made of.
pub fn sandbox_spec(config: &Config, fault: Option<FaultArg>) -> SandboxSpec {
    SandboxSpec {
        workers: config.sandbox.workers,
        coordinator: config.coordinator.clone(),
        worker: config.worker.clone(),
        state_shards: config.sandbox.state_shards,
        state: config.state.clone(),
        fault: fault.map(Fault::new),
    }
}

fn run_line(args: &RunArgs, config: &Config, spec: &ClusterSpec) -> RunLine {
    let shape = spec.shape();
    RunLine {
        schema: RUN_SCHEMA,
        version: VERSION,
        commit: COMMIT,
        transport: spec.transport(),
        workers: shape.workers,
        threads: shape.threads,
        state_shards: shape.state_shards,
        plan: config.run.plan.name(),
        slice_gas: config.run.slice_gas.map(std::num::NonZeroU64::get),
        seed: config.run.seed,
        state_delay_us: micros(spec.state_delay()),
        inputs: args.inputs.clone(),
    }
}

fn note(text: &dyn std::fmt::Display) -> Result<(), Failure> {
    writeln!(io::stderr().lock(), "{text}")
        .map_err(|error| Failure::output(error, "standard error"))
}
