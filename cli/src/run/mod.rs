//! `evmesh run`: the blocks of inputs on the cluster, beside serial revm, with a report.

mod output;
mod problem;
mod table;

use crate::{
    COMMIT, VERSION,
    args::{FaultArg, RunArgs},
    config::Config,
    exit::Exit,
    failure::Failure,
    open::open_all,
    progress::Progress,
    report::{RUN_SCHEMA, RunLine, micros},
    sandbox::{Fault, SandboxSpec},
    session::{BlockReport, Session, Summary},
};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use output::Output;
pub(crate) use output::print;
use problem::problem_of;
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
    let inputs = open_all(&args.inputs, clock)?;
    let n_blocks = inputs.iter().map(|input| input.blocks.len() as u64).sum();
    let mut output = Output::new(args.json);
    output.begin(&run_line(args, config))?;

    let spec = sandbox_spec(config, args.fault);
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
        if let Err(failure) = ended {
            drop(progress);
            output.cut_short(&summary)?;
            return Err(failure);
        }
    }
    drop(progress);
    if session.has_idle_fault() {
        note(&"the fault did not happen: no worker did what it breaks")?;
    }
    output.end(&summary, session.delays_paid())?;
    session.finish()?;
    if let Some(problem) = first_problem {
        note(&problem)?;
    }
    Ok(summary.exit())
}

/// Returns what the cluster is to be made of.
pub fn sandbox_spec(config: &Config, fault: Option<FaultArg>) -> SandboxSpec {
    SandboxSpec {
        workers: config.sandbox.workers,
        coordinator: config.coordinator.clone(),
        worker: config.worker.clone(),
        state: config.state.clone(),
        fault: fault.map(Fault::new),
    }
}

fn run_line(args: &RunArgs, config: &Config) -> RunLine {
    RunLine {
        schema: RUN_SCHEMA,
        version: VERSION,
        commit: COMMIT,
        transport: "in-process",
        workers: config.sandbox.workers.get().into(),
        threads: u32::try_from(config.worker.threads.get()).unwrap_or(u32::MAX),
        state_shards: 1,
        plan: config.run.plan.name(),
        slice_gas: config.run.slice_gas.map(std::num::NonZeroU64::get),
        seed: config.run.seed,
        state_delay_us: micros(config.state.read_delay),
        inputs: args.inputs.clone(),
    }
}

fn note(text: &dyn std::fmt::Display) -> Result<(), Failure> {
    writeln!(io::stderr().lock(), "{text}")
        .map_err(|error| Failure::output(error, "standard error"))
}
