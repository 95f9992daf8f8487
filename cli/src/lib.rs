//! `evmesh`: the embedded cluster, and every command of the user.
//!
//! It wires the processes' crates together in one process (the sandbox), or starts the processes
//! themselves, hands blocks over, runs the oracle beside, and reports. It decides nothing about a
//! block: coordinator and engine do. Start reading at [`session`] for how blocks are run, at
//! [`transport`] for where, at [`compare`] for what equal means, and at [`report`] for what is printed.

pub mod args;
pub mod compare;
pub mod config;
pub mod demo;
pub mod exit;
pub mod failure;
pub mod generate;
pub mod open;
pub mod process;
pub mod processes;
pub mod progress;
pub mod proof;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod serial;
pub mod session;
pub mod status;
pub mod table;
pub mod text;
pub mod transport;

/// Version of evmesh.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit that the program was built from, if it was built in a repository.
pub const COMMIT: Option<&str> = option_env!("BUILT_FROM_COMMIT");
