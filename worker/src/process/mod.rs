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
use std::{ffi::OsString, io, process::ExitCode};

/// What traces call this process.
const SERVICE: &str = "evmesh-worker";

/// Runs the program and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    exit_code(run(args))
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(args) = Args::parse_from(args)? else { return Ok(()) };
    let settings = args.settings(Loader::new().environment())?;
    let telemetry = settings.telemetry.clone();
    process::run(SERVICE, &telemetry, settings.stream.threads, |process| async move {
        if args.until_stdin_closes {
            process.shutdown.cancel_when_closed(io::stdin()).map_err(|error| {
                Failure::start(error, "starting threads", "raise the limit of threads")
            })?;
        }
        Box::pin(serve::serve(settings, process)).await
    })
}
