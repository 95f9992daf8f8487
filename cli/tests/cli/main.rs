//! `evmesh` as a user and as a script see it: the real program with its whole cluster.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

mod contract;
mod faults;
mod generate;
mod grpc;
mod inputs;
mod json;
mod mainnet;
mod program;
mod proof;
mod workloads;
