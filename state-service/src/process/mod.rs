//! The program around a state shard: settings, telemetry, servers, membership, signals.

mod args;
mod failure;
mod serve;

use args::Args;
use cluster::{
    config::Loader,
    shutdown::ShutdownToken,
    telemetry::{self, TelemetryGuard},
};
use failure::Failure;
use std::{
    ffi::OsString,
    io::{self, Write},
};

/// What traces call this process.
const SERVICE: &str = "evmesh-state";

/// Runs the program and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    match run(args) {
        Ok(()) => 0,
        Err(failure) => {
            // Where nobody listens any more there is only the exit code left.
            let _ = writeln!(io::stderr().lock(), "{failure}");
            failure.exit
        }
    }
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(args) = Args::parse_from(args)? else { return Ok(()) };
    let config = args.settings(Loader::new().environment())?;
    let runtime = {
        let call_threads = config.state.call_threads.get();
        move || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(call_threads)
                .thread_name("state-calls")
                .enable_all()
                .build()
                .expect("a process that starts can have threads")
        }
    };
    actix::System::with_tokio_rt(runtime).block_on(async move {
        let shutdown = ShutdownToken::new();
        shutdown.cancel_on_signals().map_err(|error| no_threads(&error))?;
        if args.until_stdin_closes {
            shutdown.cancel_when_closed(io::stdin()).map_err(|error| no_threads(&error))?;
        }
        let telemetry = telemetry::init(SERVICE, &config.telemetry).map_err(|error| {
            Failure::usage(
                &error,
                "--log and --otlp, or the settings below `telemetry`",
                "correct it",
            )
        })?;
        let ended = serve::serve(config, &shutdown).await;
        end(telemetry).await;
        ended
    })
}

async fn end(telemetry: TelemetryGuard) {
    if let Err(error) = telemetry.shutdown().await {
        // Blocks do not depend on it.
        let _ = writeln!(io::stderr().lock(), "note: {error}");
    }
}

fn no_threads(error: &io::Error) -> Failure {
    Failure::unfinished(error, "starting threads", "raise the limits of threads and open files")
}
