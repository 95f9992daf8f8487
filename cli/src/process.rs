//! The process around a command: settings, telemetry, signals, and how it ends.

use crate::{
    args::{Cli, Command},
    config::Config,
    demo,
    exit::Exit,
    failure::Failure,
    generate,
    processes::Settings,
    proof,
    report::Line,
    run, status,
};
use clap::{Parser, error::ErrorKind};
use cluster::{
    clock::{SharedClock, SystemClock},
    config::Loader,
    shutdown::ShutdownToken,
    telemetry::{self, TelemetryError, TelemetryGuard},
};
use std::{
    ffi::OsString,
    io::{self, Write},
    time::Duration,
};
use tokio::{runtime::Runtime, sync::oneshot};

/// What traces call this process.
const SERVICE: &str = "evmesh";

/// How long a command that was told to stop may take to its next block.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command line of a process and returns the code that it ends with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_json = args.iter().any(|arg| arg == "--json");
    let ended = match Cli::try_parse_from(&args) {
        Ok(cli) => run_command(cli),
        Err(error) => not_a_command(&error, &args),
    };
    match ended {
        Ok(exit) => exit.code(),
        Err(failure) => {
            // Whoever closed the pipe wants to hear no more.
            if failure.exit != Exit::Unread {
                tell(&failure, is_json);
            }
            failure.exit.code()
        }
    }
}

fn run_command(cli: Cli) -> Result<Exit, Failure> {
    let mut config = Config::load(Loader::new().environment(), &cli)?;
    // Variables are read by `cluster::config`; here they are handed on to processes that read theirs.
    config.handed_on = Settings::new(cli.common.config.as_deref(), std::env::vars_os())?
        .otlp(cli.common.otlp.clone())
        .log(cli.common.log.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("house")
        .enable_all()
        .build()
        .map_err(|error| no_runtime(&error))?;
    let shutdown = ShutdownToken::new();
    let telemetry = {
        let _entered = runtime.enter();
        shutdown.cancel_on_signals().map_err(|error| no_runtime(&error))?;
        telemetry::init(SERVICE, &config.telemetry).map_err(|error| refused(&error))?
    };
    let ended = run_beside(&runtime, cli.command, config, &shutdown);
    end_telemetry(&runtime, telemetry);
    // A command that did not stop in time holds nothing that has to be waited for.
    runtime.shutdown_background();
    ended
}

/// Runs the command on a thread of its own, so that an interruption always ends it.
fn run_beside(
    runtime: &Runtime,
    command: Command,
    config: Config,
    shutdown: &ShutdownToken,
) -> Result<Exit, Failure> {
    let (end, ended) = oneshot::channel();
    let token = shutdown.clone();
    let work = move || {
        let clock = SystemClock::shared();
        // Nobody listens any more if the command did not stop in time.
        let _ = end.send(dispatch(&command, &config, &clock, &token));
    };
    std::thread::Builder::new()
        .name("command".to_owned())
        .spawn(work)
        .map_err(|error| no_runtime(&error))?;
    runtime.block_on(async {
        let too_late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = ended => ended.unwrap_or_else(|_| {
                Err(Failure::cluster("evmesh panicked", "above", "report what it says above"))
            }),
            () = too_late => Err(Failure::interrupted("the command line")),
        }
    })
}

fn dispatch(
    command: &Command,
    config: &Config,
    clock: &SharedClock,
    shutdown: &ShutdownToken,
) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args, config, clock, shutdown),
        Command::Demo => demo::demo(config, clock, shutdown),
        Command::Generate(args) => generate::generate(args, clock),
        Command::Status(args) => status::status(args, config),
        Command::Proof(args) => proof::proof(args, config),
    }
}

/// Help and version are no failure; everything else that cannot be parsed is.
fn not_a_command(error: &clap::Error, args: &[OsString]) -> Result<Exit, Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::output(error, "standard output")),
        };
    }
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what).trim();
    let what = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "no command was given"
    } else {
        what
    };
    let known = ["run", "demo", "generate", "status"]
        .into_iter()
        .find(|name| args.iter().any(|arg| arg == name));
    let try_next = match known {
        Some(name) => format!("evmesh {name} --help"),
        None => "evmesh --help".to_owned(),
    };
    let line: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    Err(Failure::usage(what, format!("command line `{}`", line.join(" ")), try_next))
}

/// Says what went wrong: three lines for people, and for scripts a last line of JSON.
fn tell(failure: &Failure, is_json: bool) {
    // Where nobody listens any more there is only the exit code left.
    let _ = writeln!(io::stderr().lock(), "{failure}");
    if is_json {
        let _ = writeln!(io::stdout().lock(), "{}", Line::from(failure).to_json());
    }
}

fn end_telemetry(runtime: &Runtime, telemetry: TelemetryGuard) {
    if let Err(error) = runtime.block_on(telemetry.shutdown()) {
        // Blocks do not depend on it.
        let _ = writeln!(io::stderr().lock(), "note: {error}");
    }
}

fn no_runtime(error: &io::Error) -> Failure {
    Failure::cluster(error, "starting threads", "raise the limits of threads and open files")
}

fn refused(error: &TelemetryError) -> Failure {
    Failure::usage(error, "--log and --otlp, or the settings below `telemetry`", "correct it")
}
