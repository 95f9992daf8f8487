//! What the programs of the processes share: how they begin, what they say, how they end.
//!
//! A `main` reads its command line with [`parse`] and its settings, then lets [`run`] make the
//! runtime, telemetry and the token that signals cancel; [`Doors`] serve gRPC and HTTP until then; [`exit_code`] says how it went.

mod args;
mod doors;
mod failure;
mod listening;

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::process::ExitCode;

use actix::System;

pub use args::{ProcessArgs, parse};
pub use doors::Doors;
pub use failure::Failure;
pub use listening::{Listening, host_name};

use crate::clock::{SharedClock, SystemClock};
use crate::shutdown::ShutdownToken;
use crate::telemetry::{self, TelemetryConfig};

/// What [`run`] hands to the work of a process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Cancelled by the first SIGINT or SIGTERM, or at the end of standard input if that was asked
    /// for.
    pub shutdown: ShutdownToken,
    /// The clock of the machine.
    pub clock: SharedClock,
}

/// Runs the work of a process to its end: on an actix system over a tokio runtime with
/// `n_async_threads`, with telemetry under the name `service`. The last spans leave before this
/// returns.
///
/// # Errors
/// Those of the work; or if the system gives no threads or signals, or telemetry's settings cannot
/// be used.
pub fn run<Work>(
    service: &str,
    args: &ProcessArgs,
    (telemetry, n_async_threads): (&TelemetryConfig, NonZeroU32),
    work: impl FnOnce(Process) -> Work,
) -> Result<(), Failure>
where
    Work: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::try_from(n_async_threads.get()).unwrap_or(usize::MAX))
        .thread_name("house")
        .enable_all()
        .build()
        .map_err(|error| no_threads(&error))?;
    System::with_tokio_rt(|| runtime).block_on(async {
        let shutdown = ShutdownToken::new();
        shutdown.cancel_on_signals().map_err(|error| no_threads(&error))?;
        if args.until_stdin_closes {
            shutdown.cancel_when_closed(io::stdin()).map_err(|error| no_threads(&error))?;
        }
        let telemetry = telemetry::init(service, telemetry)?;
        let ended = work(Process { shutdown, clock: SystemClock::shared() }).await;
        if let Err(error) = telemetry.shutdown().await {
            // Blocks do not depend on it.
            let _ = writeln!(io::stderr().lock(), "note: {error}");
        }
        ended
    })
}

/// Says what went wrong, if anything did, and returns the code that the process ends with.
#[must_use]
pub fn exit_code(ended: Result<(), Failure>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody listens any more there is only the exit code left.
            let _ = writeln!(io::stderr().lock(), "{failure}");
            ExitCode::from(failure.exit)
        }
    }
}

fn no_threads(error: &io::Error) -> Failure {
    Failure::start(error, "starting threads", "raise the limits of threads and open files")
}
