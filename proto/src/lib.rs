//! What evmesh's processes say to each other: one async trait a service, over engine types.
//!
//! It holds messages and traits, no behaviour. Each process crate holds the handle that serves its
//! trait in process. Start reading at [`coordinator::CoordinatorService`].

pub mod coordinator;
pub mod shards;
pub mod state;
pub mod status;
pub mod worker;
