//! Tests of the wire: what is generated, what is written about it, every message there and back,
//! and calls over a real socket.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

mod draw;
mod generated;
mod generator;
mod loopback;
mod messages;
mod named_fields;
mod page;
mod round_trip;
mod speed;
mod statuses;
