//! The blocks before one: what rules about a block's parent and its ommers are checked with.

use alloy_consensus::Header;
use alloy_primitives::{B256, keccak256};
use std::sync::Arc;

/// Blocks before one, the parent first, each the parent of the one before it. As many as somebody
/// gave: without the parent, rules about it are not checkable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(pub Vec<Arc<Ancestor>>);

/// One block before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Keccak-256 of the header's RLP.
    pub hash: B256,
    /// Its header.
    pub header: Header,
    /// Headers of the ommers (uncles) that it named; `None` where only their hash is known.
    pub ommers: Option<Vec<Header>>,
}

impl Ancestor {
    /// Makes an ancestor of its header.
    pub fn new(header: Header, ommers: Option<Vec<Header>>) -> Self {
        Self { hash: keccak256(alloy_rlp::encode(&header)), header, ommers }
    }
}

impl Lineage {
    /// Returns the block's parent, if it is known.
    pub fn parent(&self) -> Option<&Ancestor> {
        self.0.first().map(AsRef::as_ref)
    }

    /// Returns the lineage of a child of `parent`, whose own lineage this is; at most `n_max`
    /// blocks long.
    #[must_use]
    pub fn child_of(&self, parent: Arc<Ancestor>, n_max: usize) -> Self {
        Self(std::iter::once(parent).chain(self.0.iter().cloned()).take(n_max).collect())
    }
}
