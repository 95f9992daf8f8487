//! Measures the standard workloads and real blocks, cluster and serial in turns, and writes the
//! report `evmesh.bench/1`.
//!
//! Start reading at [`cases`] for what is measured and at [`measure`] for how.

mod args;
mod cases;
mod machine;
mod measure;
mod report;
mod stats;
mod table;

use args::Args;
use clap::Parser;
use cluster::clock::SystemClock;
use evmesh::{COMMIT, exit::Exit, failure::Failure};
use machine::Machine;
use measure::{Bench, Cluster};
use report::{BENCH_SCHEMA, Report};
use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
    time::SystemTime,
};

fn main() -> ExitCode {
    let ended = bench(&Args::parse());
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            if failure.exit != Exit::Unread {
                // Where nobody listens any more there is only the exit code left.
                let _ = writeln!(io::stderr().lock(), "{failure}");
            }
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn bench(args: &Args) -> Result<Exit, Failure> {
    let clock = SystemClock::shared();
    let before = Machine::look();
    let cases = cases::all(args, &clock)?;
    let mut bench = Bench::new(args.n_runs(), clock);
    for case in &cases {
        for transport in args.transports() {
            for workers in args.workers() {
                bench.measure(case, Cluster { workers, transport })?;
            }
        }
    }
    let rows = bench.finish();
    let report = Report {
        schema: BENCH_SCHEMA,
        commit: COMMIT,
        date: humantime_serde::re::humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        machine: before.describe(),
        rows,
        goals: [],
    };
    print(&table::of(&report.rows).to_string())?;
    write(args, &report)?;
    let is_equal = report.rows.iter().all(|row| row.equal);
    Ok(if is_equal { Exit::Done } else { Exit::Difference })
}

fn write(args: &Args, report: &Report) -> Result<(), Failure> {
    let path = &args.out;
    let at = path.display();
    let failed = |error: io::Error| Failure::output(error, at.to_string());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, report.to_json()).map_err(failed)?;
    print(&format!("report: {at}"))
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}")
        .map_err(|error| Failure::output(error, "standard output"))
}
