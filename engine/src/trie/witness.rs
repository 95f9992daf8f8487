//! A witness: the few nodes of a state that a block touches.

use alloy_primitives::{B256, Bytes};

/// Nodes and codes of a state, in any order. What is not among them is known by its hash only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Root of the state.
    pub state_root: B256,
    /// RLP of nodes of the accounts' trie and of storage tries. Items that are no nodes, and nodes
    /// that nobody refers to, are passed over.
    pub nodes: Vec<Bytes>,
    /// Codes.
    pub codes: Vec<Bytes>,
}
