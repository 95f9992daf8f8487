//! The coordinator: takes blocks in, cuts them, sends slices to workers, and decides.
//!
//! Start reading at [`job`], the state machine of one block.

pub mod job;
