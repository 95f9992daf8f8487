//! The program around a worker: settings, servers, members, the way to the coordinator, signals.

mod args;
mod serve;
mod settings;

pub use settings::Settings;

use args::Args;
use cluster::{
    config::Loader,
    process::{self, Failure, exit_code},
};
use std::{ffi::OsString, process::ExitCode};

/// What traces call this process.
const SERVICE: &str = "evmesh-worker";

/// Runs the program and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    exit_code(run(args))
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(args) = process::parse::<Args>(args)? else { return Ok(()) };
    let settings = args.settings(Loader::new().environment())?;
    let telemetry = settings.telemetry.clone();
    let n_threads = settings.stream.threads;
    process::run(SERVICE, &args.process, (&telemetry, n_threads), |process| {
        Box::pin(serve::serve(settings, process))
    })
}
