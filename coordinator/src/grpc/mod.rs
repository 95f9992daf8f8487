//! The coordinator over gRPC: `CoordinatorService` for clients, and `Attach` for workers.
//!
//! `server` takes requests apart and hands them to the coordinator; `attach` takes workers in;
//! an `AttachedWorker` is a worker as the coordinator calls it.

mod attach;
mod attached;
mod config;
mod line;
mod lines;
mod pending;
mod server;
mod session;
#[cfg(test)]
mod tests;

pub use config::AttachConfig;
pub use server::{GrpcService, Serving};
