//! The program `evmesh-state` as others see it, and that a call over gRPC answers what the handle
//! in process answers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod program;
mod registration;
mod spans;
mod suite;
mod values;
