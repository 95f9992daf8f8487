//! Tests of the wire: what is generated, what is written about it, every message there and back,
//! and calls over a real socket.

mod draw;
mod generated;
mod generator;
mod loopback;
mod messages;
mod named_fields;
mod page;
mod round_trip;
mod statuses;
