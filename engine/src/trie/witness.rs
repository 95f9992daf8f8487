//! A witness: the few nodes of a state that a block touches.

use super::path::TriePath;
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

/// Why a witness is none of any state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// The root's node is not there, so nothing is known.
    #[error("the node of the state root {hash} is not among the nodes: add it")]
    RootMissing {
        /// The root.
        hash: B256,
    },
    /// Something refers to bytes that cannot stand where it does.
    #[error("node {hash} at {at} is not a node that can stand there: {reason}")]
    NotANode {
        /// Where it was to stand.
        at: Box<TriePath>,
        /// Hash of the bytes.
        hash: B256,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A node holds the rest of the keys below it, and hashed keys do not agree in that much: a
    /// node stands in one place of a state only.
    #[error("node {hash} is referred to at {at} and at {also_at}: a state has it once")]
    NodeTwice {
        /// The node.
        hash: B256,
        /// Where it stands.
        at: Box<TriePath>,
        /// Where else something refers to it.
        also_at: Box<TriePath>,
    },
}
