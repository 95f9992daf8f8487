//! Witness files, made by hand and real ones.

mod executed;
pub(crate) mod handmade;
mod lines;
mod real;
mod refused;
