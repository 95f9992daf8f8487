//! State as an Ethereum trie: what a Snapshot is made of, its root, and how shards' roots join.
//!
//! A [`StateTrie`] is persistent: a copy costs nothing, and two states that differ by a block
//! share everything that the block did not change, values and hashes. A root costs what changed.
//! Start reading at [`StateTrie`]; [`join`](fn@join) is what a coordinator does with shards' answers, and
//! [`state_root`] builds a root from nothing, to check the rest.

mod change;
mod change_parts;
mod encode;
mod join;
mod load;
mod map;
mod missing;
mod node;
mod parts;
mod path;
mod proof;
mod rebuild;
mod state;
mod witness;

pub use change_parts::{ChangePart, ChangedPart};
pub use join::{JoinError, join, join_proof};
pub use map::EMPTY_ROOT_NODE;
pub use missing::{Missing, Work};
pub use parts::HashPart;
pub use path::TriePath;
pub use proof::{AccountProof, SlotProof};
pub use rebuild::{state_root, storage_root};
pub use state::StateTrie;
pub use witness::{Witness, WitnessError};

#[cfg(test)]
pub(crate) mod tests;
