//! Tries in memory against roots built from nothing.

mod blind;
mod join;
mod large;
mod load;
mod map;
mod parts;
mod proof;
pub(crate) mod rng;
mod state;
