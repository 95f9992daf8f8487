//! A worker over the wire: it dials the coordinator, serves the calls of its stream through the
//! handle that serves them in process, and dials the shards that the coordinator names.
//!
//! Bulk reads go to the shards over connections of their own, so that they never hold up
//! heartbeats. A worker outlives its coordinator: when a stream ends, its jobs end, what is kept of
//! the shards' state stays, and the worker dials again. Start reading at [`Attachment`].

mod attach;
mod calls;
mod config;
mod session;
mod shards;

pub use attach::Attachment;
pub use config::StreamConfig;
