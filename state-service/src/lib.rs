//! The state service: owns state, answers reads of Snapshots, folds sealed blocks and commits them.
//!
//! One [`StateShard`] in memory. [`machine`] decides, purely and synchronously; an actor carries
//! out what was decided, with heavy work on CPU threads; [`StateHandle`] serves
//! `proto::state::StateService` in process. It does not execute transactions, and it trusts the
//! coordinator.
//!
//! Start reading at [`StateShard`] for how one is made, and at [`machine::Machine`] for what it does.

mod calls;
pub mod config;
mod cpu_pool;
pub mod delay;
mod directory;
pub mod error;
mod feeds;
pub mod grpc;
mod handle;
pub mod machine;
pub mod metrics;
pub mod place;
pub mod process;
mod sealing;
mod service;
mod shard_actor;
mod sizes;
pub mod snapshot;
pub mod writes;

pub use handle::{StartError, StateHandle, StateShard};

#[cfg(test)]
mod tests;
