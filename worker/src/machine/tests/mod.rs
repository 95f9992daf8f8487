//! The machine under every order of events: what comes back from threads and shards comes back in
//! any order, late, or as a failure.

mod driver;
mod orders;
