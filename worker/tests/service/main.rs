//! A worker as its callers see it: the real actor, pool and engine over state held in memory.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

mod caches;
mod faults;
mod grpc;
mod jobs;
mod prepare;
mod shards;
mod slices;
mod state;
mod world;
