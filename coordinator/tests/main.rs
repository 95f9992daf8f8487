//! The program `evmesh-coordinator`, around it a state shard and workers that the tests play.

mod attach;
mod program;
mod shard;
mod start;
