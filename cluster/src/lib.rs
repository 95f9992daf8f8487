//! How every process of evmesh behaves: its clock, configuration, telemetry, metrics, connections,
//! members, shutdown and retries.
//!
//! It knows neither blocks nor messages: no crate of the workspace is a dependency of this one.
//! Start reading at [`config`] for what a process is told, at [`process`] for how it begins and ends,
//! and at [`grpc`] for how processes are connected.

pub mod clock;
pub mod config;
pub mod grpc;
pub mod http;
pub mod members;
pub mod metrics;
pub mod process;
pub mod readiness;
pub mod retry;
pub mod shutdown;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
