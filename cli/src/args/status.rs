//! Flags of `evmesh status`.

use clap::Args;

/// Shows what a running cluster looks like now: leader, workers, state shards, head, queue.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Where the coordinator is [default: `http://127.0.0.1:7410`]
    #[arg(long, value_name = "URL")]
    pub coordinator: Option<String>,
    /// Prints one line of JSON instead of tables
    #[arg(long)]
    pub json: bool,
}
