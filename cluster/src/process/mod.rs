//! What the programs of the processes share: how they begin, what they say, how they end.

mod listening;

pub use listening::{Listening, host_name};
