//! Tests of the wire: what is generated, what is written about it, and calls over a real socket.

mod generated;
mod generator;
