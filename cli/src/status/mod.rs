//! `evmesh status`: what a running cluster looks like now.

mod view;

use crate::{
    args::StatusArgs, config::Config, exit::Exit, failure::Failure, report::StatusLine, run::print,
    transport::Connection,
};

/// Where a coordinator is that nobody named: on this machine, on its default port.
pub const DEFAULT_COORDINATOR: &str = "http://127.0.0.1:7410";

/// Runs `evmesh status`.
///
/// # Errors
/// If nobody answers.
pub fn status(args: &StatusArgs, config: &Config) -> Result<Exit, Failure> {
    let url = config.client.coordinator.as_deref().unwrap_or(DEFAULT_COORDINATOR);
    let status = Connection::open(url, &config.client)?.status()?;
    let line = StatusLine::from(&status);
    print(&if args.json { line.to_json() } else { view::of(&line) })?;
    Ok(Exit::Done)
}
