//! The program around a coordinator: settings, servers, shards, members, signals.

mod args;
mod clients;
mod find;
mod serve;
mod settings;
mod vicinity;

pub use settings::Settings;

use args::Args;
use cluster::{
    config::Loader,
    process::{self, Failure, exit_code},
};
use std::{ffi::OsString, num::NonZeroU32, process::ExitCode};

/// What traces call this process.
const SERVICE: &str = "evmesh-coordinator";

/// Runs the program and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    exit_code(run(args))
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(args) = process::parse::<Args>(args)? else { return Ok(()) };
    let settings = args.settings(Loader::new().environment())?;
    let telemetry = settings.telemetry.clone();
    let n_threads = settings.coordinator.io_threads;
    let n_threads = NonZeroU32::try_from(n_threads).unwrap_or(NonZeroU32::MAX);
    process::run(SERVICE, &args.process, (&telemetry, n_threads), |process| {
        Box::pin(serve::serve(settings, process))
    })
}
