//! The coordinator: takes blocks in, cuts them, sends slices to workers, validates what they answer
//! and decides.
//!
//! It executes nothing itself and keeps no state: a block's memory lives as long as its job. Start
//! reading at [`job`], the state machine of one block; [`Coordinator`] makes one that runs.

mod commit;
pub mod config;
pub mod cpu;
mod dispatch;
mod front;
pub mod grpc;
mod handle;
pub mod job;
mod job_actor;
mod load;
pub mod metrics;
pub mod process;
mod proof;
mod seal;
mod status;
#[cfg(test)]
mod tests;
mod tx_roots;
mod work;

pub use dispatch::WorkerFacts;
pub use handle::{Coordinator, CoordinatorHandle, StartError};
pub use status::Surroundings;
