//! Chains, made by hand and real ones.

mod damage;
mod genesis;
pub(crate) mod handmade;
mod opened;
mod real;
mod rules;
mod written;
