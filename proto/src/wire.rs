//! Generated messages, clients and servers of `evmesh.v1`: named here, in [`crate::convert`] and
//! in the processes' `grpc` modules, and nowhere else.

/// The package `evmesh.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction
)]
pub mod v1 {
    include!("generated/evmesh.v1.rs");
}

pub use v1::{
    coordinator_service_client, coordinator_service_server, state_service_client,
    state_service_server,
};

/// Describes every service and message, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/evmesh.v1.bin");
