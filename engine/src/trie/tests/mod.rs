//! Tries in memory against roots built from nothing.

mod join;
mod map;
pub(crate) mod rng;
mod state;
