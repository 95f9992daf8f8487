//! What tests share, and the service as callers see it.

mod feed;
pub(crate) mod plain;
pub(crate) mod rng;
mod service;
mod witness;
