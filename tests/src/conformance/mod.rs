//! Ethereum's official blockchain tests through coordinator, workers and state shards.
//!
//! Every case runs as [`evmesh::session`] runs any input: the blocks are handed over with their
//! lineage, the cluster never sees what is expected, and what came of it is compared afterwards. A
//! case passes if every valid block equals its header in every field, every other block is refused and
//! changes nothing, and head and state are the expected ones at the end. Start reading at [`run()`].

mod corpus;
mod judge;
mod options;
mod report;
mod run;
mod selection;
mod shape;

pub use corpus::Listed;
pub use judge::Flaw;
pub use options::Options;
pub use report::{CaseFailure, Report, SCHEMA, ShapeReport};
pub use run::run;
pub use selection::{Selection, list};
pub use shape::{Shape, Transport};
