//! The domain of evmesh: blocks, what transactions read and write, how they are executed, checked
//! and brought into order.
//!
//! Pure and synchronous: no I/O, no clock, no randomness, no async; same input, same output, same
//! order. It does not know of processes, networks or threads.
//!
//! Start reading at [`task`] (what a worker is told), then [`outcome`] (what it answers).

pub mod access;
pub mod account;
pub mod block;
pub mod build;
pub mod chain;
pub mod digest;
pub mod execute;
pub mod fold;
pub mod header;
pub mod ids;
pub mod invariant;
pub mod ledger;
pub mod lineage;
pub mod memory;
#[cfg(any(test, feature = "model"))]
pub mod model;
pub mod outcome;
pub mod plan;
pub mod senders;
pub mod sequential;
pub mod shard;
pub mod slice;
pub mod task;
pub mod trie;
