//! What comes in: blocks with the values they read or with their witness, official tests and
//! chains, from files, folders and archives, and workloads made from a seed. Chains also go out.
//!
//! It reads and checks; it does not execute, but for serial execution that fills in the headers of
//! generated blocks. Start reading at [`open()`] and [`Input`].

mod blobs;
pub mod blockchain_tests;
mod branches;
mod chain_file;
mod collect;
pub mod contracts;
mod entries;
mod error;
mod input;
mod open;
mod prestate;
mod shape;
mod source;
#[cfg(any(test, feature = "testdata"))]
pub mod testdata;
#[cfg(test)]
mod tests;
mod text;
mod witness;
pub mod workload;

pub use chain_file::{WriteOptions, Written, write_chain};
pub use collect::{LeftOut, Opened};
pub use error::InputError;
pub use input::{
    AccountValues, Expected, ExpectedState, Input, InputBlock, ParentState, StateValues,
};
pub use open::{open, open_chain, open_listing};
pub use source::visit_files;
