//! Executes one index of a block with revm, and notes what it observed.

mod limits;

pub use limits::{CancelFlag, RunLimits};
