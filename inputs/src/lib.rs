//! Placeholder.

pub mod contracts;
pub mod workload;
