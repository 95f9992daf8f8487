//! A worker of evmesh: recovers senders and runs slices of blocks on CPU threads.
//!
//! It knows no plan and decides nothing about a block: it runs what it is told, reads what that
//! needs from the state service, and answers with outcomes. Start reading at [`Worker`], then at
//! the module `machine`, where everything is decided; the actor around it only carries.

mod advance;
mod begin;
mod cache;
pub mod config;
pub mod cpu_time;
pub mod error;
pub mod fault;
mod feed;
pub mod grpc;
mod handle;
mod machine;
pub mod metrics;
pub mod pool;
mod prefetch;
mod prepare;
pub mod process;
mod slice_actor;

pub use handle::{StartError, Worker, WorkerHandle};
