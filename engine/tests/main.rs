//! Integration tests of the engine: memory, execution, slices.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod collision;
mod execute;
mod memory;
mod observe;
mod slice;
mod world;
