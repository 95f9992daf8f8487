//! gRPC as every process speaks it: connections, servers, trace context, and what failures mean.
//!
//! * A client calls [`connect`] and hands the [`Link`] to a generated client, whose message sizes it
//!   bounds with [`GrpcConfig::message_bytes_max`].
//! * A server is a [`GrpcServer`]: services in, [`GrpcServer::bind`], then [`BoundServer::serve`].
//! * Trace context of a call crosses by itself; a handler makes it the parent of its span with
//!   [`set_parent`] and [`parent_of`], or runs [`in_trace`]. Messages of a stream carry
//!   [`trace_context`] in a field.
//! * [`classify`] says whether a failed call may be tried again.
//!
//! Every call needs a deadline, set by its caller with `tonic::Request::set_timeout`: that of an
//! endpoint never reaches the server.

mod accept;
mod config;
mod context;
mod counted;
mod counts;
mod error;
mod health;
mod layer;
mod link;
mod server;
mod verdict;

pub use config::GrpcConfig;
pub use context::{in_trace, parent_of, set_parent, trace_context};
pub use counted::CountedBody;
pub use counts::GrpcCounts;
pub use error::GrpcError;
pub use link::{Link, connect};
pub use server::{BoundServer, GrpcServer};
pub use verdict::classify;

#[cfg(test)]
mod tests;
