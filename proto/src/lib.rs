//! What evmesh's processes say to each other: one async trait a service, over engine types, and
//! the wire behind it.
//!
//! It holds messages, traits, generated code with its conversions, and gRPC clients; no behaviour.
//! Each process crate holds the handle that serves its trait in process, and the adapter that
//! serves it over gRPC. Start reading at [`coordinator::CoordinatorService`]; of the wire, at
//! docs/protocol.md.

pub mod attach;
pub mod client;
pub mod convert;
pub mod coordinator;
pub mod shards;
pub mod state;
pub mod status;
pub mod uploads;
pub mod version;
pub mod wire;
pub mod worker;
