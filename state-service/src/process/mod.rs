//! The program around a state shard: settings, servers, membership, signals.

mod args;
mod serve;

use args::Args;
use cluster::{
    config::Loader,
    process::{self, Failure, exit_code},
};
use std::{ffi::OsString, num::NonZeroU32, process::ExitCode};

/// What traces call this process.
const SERVICE: &str = "evmesh-state";

/// Runs the program and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    exit_code(run(args))
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(args) = process::parse::<Args>(args)? else { return Ok(()) };
    let config = args.settings(Loader::new().environment())?;
    let telemetry = config.telemetry.clone();
    let n_threads = NonZeroU32::try_from(config.state.call_threads).unwrap_or(NonZeroU32::MAX);
    process::run(SERVICE, &args.process, (&telemetry, n_threads), |process| {
        Box::pin(serve::serve(config, process))
    })
}
