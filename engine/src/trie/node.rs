//! Nodes of a trie in memory, shared between versions of the trie.
//!
//! There are no extension nodes here: a branch knows the depth at which its keys part, and the
//! encoder puts an extension in front if that is not where its parent's children begin.

use super::{
    missing::Missing,
    path::{Path, TriePath, nibbles},
};
use alloy_primitives::B256;
use alloy_trie::{TrieMask, nodes::RlpNode};
use std::sync::{Arc, OnceLock};

/// A node with everything below it.
#[derive(Clone, Debug)]
pub(super) enum Node<V> {
    /// One key.
    Leaf(Arc<Leaf<V>>),
    /// Two keys or more.
    Branch(Arc<Branch<V>>),
    /// Nobody here knows what.
    Blind(Arc<Blind>),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct Leaf<V> {
    /// The whole key, so that a leaf does not change when it moves up or down.
    pub(super) key: B256,
    /// The value.
    pub(super) value: V,
    /// How the parent names this node; empty until asked for, and again when anything changed.
    pub(super) reference: OnceLock<RlpNode>,
}

/// Where two keys or more part.
#[derive(Clone, Debug)]
pub(super) struct Branch<V> {
    /// Some key whose first `depth` nibbles are those of all keys below.
    pub(super) prefix: B256,
    /// Number of nibbles that all keys below have in common.
    pub(super) depth: u8,
    /// Nibbles at `depth` that occur.
    pub(super) mask: TrieMask,
    /// One child for each of them, in order; two at least. The root of a part of a state may have
    /// one, if that is blind and of unknown kind ([`Top::Part`](super::map::Top::Part)).
    pub(super) children: Vec<Node<V>>,
    /// How the parent names this node, an extension in front included; empty until asked for, and
    /// again when anything below or the parent's depth changed.
    pub(super) reference: OnceLock<RlpNode>,
}

/// A node that is known by its hash only.
#[derive(Clone, Debug)]
pub(super) struct Blind {
    /// Some key whose first `depth` nibbles are those of all keys below.
    pub(super) prefix: B256,
    /// Depth at which the node stands that has the hash.
    pub(super) depth: u8,
    /// The hash.
    pub(super) hash: B256,
    /// What is known of it beside.
    pub(super) kind: BlindKind,
    /// How the parent names this node, an extension in front included; empty until asked for, and
    /// again when the parent's depth changed.
    pub(super) reference: OnceLock<RlpNode>,
}

/// What is known of a blind node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlindKind {
    /// Nothing: were it a leaf or an extension, its hash would change if it moved, so it stays
    /// where it is.
    Unknown,
    /// It is a branch: an extension leads to it. So it can move, like any branch.
    Branch,
}

impl<V> Branch<V> {
    /// Returns the depth as a position in keys.
    pub(super) fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// Returns the child for a nibble.
    pub(super) fn child(&self, nibble: u8) -> Option<&Node<V>> {
        self.mask.is_bit_set(nibble).then(|| &self.children[self.position(nibble)])
    }

    /// Returns the place of a nibble's child, there or not, among the children.
    pub(super) const fn position(&self, nibble: u8) -> usize {
        (self.mask.get() & ((1_u16 << nibble) - 1)).count_ones() as usize
    }
}

impl Blind {
    /// Returns the depth as a position in keys.
    pub(super) fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// Returns the error of whoever needs to know more of this node.
    pub(super) fn missing(&self) -> Missing {
        let nibbles = nibbles(&self.prefix, 0, self.depth());
        Missing { at: TriePath { storage_of: None, nibbles }, hash: self.hash }
    }
}

impl<V> Node<V> {
    /// Makes a leaf.
    pub(super) fn leaf(key: B256, value: V) -> Self {
        Self::Leaf(Arc::new(Leaf { key, value, reference: OnceLock::new() }))
    }

    /// Makes a node of which only the hash is known. It stands where its parent's children begin,
    /// or is the root.
    pub(super) fn blind(path: Path, hash: B256) -> Self {
        Self::Blind(Arc::new(Blind {
            prefix: path.prefix(),
            depth: path.depth(),
            hash,
            kind: BlindKind::Unknown,
            reference: OnceLock::from(RlpNode::word_rlp(&hash)),
        }))
    }

    /// Returns the cache of how the parent names this node.
    pub(super) fn reference(&self) -> &OnceLock<RlpNode> {
        match self {
            Self::Leaf(leaf) => &leaf.reference,
            Self::Branch(branch) => &branch.reference,
            Self::Blind(blind) => &blind.reference,
        }
    }

    /// Returns some key below, of which at least the common nibbles are right.
    pub(super) fn some_key(&self) -> &B256 {
        match self {
            Self::Leaf(leaf) => &leaf.key,
            Self::Branch(branch) => &branch.prefix,
            Self::Blind(blind) => &blind.prefix,
        }
    }

    /// Checks that this node can get another parent.
    pub(super) fn check_movable(&self) -> Result<(), Missing> {
        match self {
            Self::Blind(blind) if blind.kind == BlindKind::Unknown => Err(blind.missing()),
            Self::Leaf(_) | Self::Branch(_) | Self::Blind(_) => Ok(()),
        }
    }
}
