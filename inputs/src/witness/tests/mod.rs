//! Witness files, made by hand and real ones.

mod executed;
mod handmade;
mod lines;
mod real;
mod refused;
