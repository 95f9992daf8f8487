//! How every process of evmesh behaves: its clock, configuration, telemetry, shutdown and retries.
//!
//! It knows neither blocks nor messages: no crate of the workspace is a dependency of this one.
//! Start reading at [`config`] for what a process is told, and at [`clock`] for how it tells time.

pub mod clock;
pub mod config;
pub mod retry;
pub mod shutdown;
pub mod telemetry;
