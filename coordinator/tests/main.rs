//! The program `evmesh-coordinator`, around it a state shard and workers that the tests play.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

mod attach;
mod program;
mod shard;
mod start;
