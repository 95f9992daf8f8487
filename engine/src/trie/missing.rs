//! What a trie with blind nodes cannot tell, and the work that was done on a trie.

use super::path::TriePath;
use alloy_primitives::B256;

/// A node that an answer or a change needs, and that is known by its hash only. A trie that was
/// made of values never lacks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {hash} at {at} is not known: take a witness that has it")]
pub struct Missing {
    /// Where it stands.
    pub at: TriePath,
    /// Its hash.
    pub hash: B256,
}

impl Missing {
    /// Says whose storage the node belongs to.
    pub(super) const fn in_storage_of(mut self, key: &B256) -> Self {
        self.at.storage_of = Some(*key);
        self
    }
}

/// Work that was done on a trie, in nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Nodes that were passed on the way to keys.
    pub nodes_read: u64,
    /// Nodes that were encoded and hashed, extensions included.
    pub nodes_hashed: u64,
}

impl Work {
    /// Adds other work.
    pub const fn add(&mut self, other: Self) {
        self.nodes_read += other.nodes_read;
        self.nodes_hashed += other.nodes_hashed;
    }
}
