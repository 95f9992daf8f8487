//! Tries in memory against roots built from nothing.

mod blind;
mod join;
mod load;
mod map;
pub(crate) mod rng;
mod state;
