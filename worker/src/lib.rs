//! A worker of evmesh: recovers senders and runs slices of blocks on CPU threads.

pub mod cpu_time;
pub mod pool;
