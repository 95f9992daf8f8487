//! Nodes of a trie in memory, shared between versions of the trie.
//!
//! There are no extension nodes here: a branch knows the depth at which its keys part, and the
//! encoder puts an extension in front if that is not where its parent's children begin.

use super::path::{first_difference, nibble};
use alloy_primitives::B256;
use alloy_trie::{TrieMask, nodes::RlpNode};
use std::{
    mem,
    sync::{Arc, OnceLock},
};

/// A node with everything below it.
#[derive(Clone, Debug)]
pub(super) enum Node<V> {
    /// One key.
    Leaf(Arc<Leaf<V>>),
    /// Two keys or more.
    Branch(Arc<Branch<V>>),
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
    /// One child for each of them, in order; two at least.
    pub(super) children: Vec<Node<V>>,
    /// How the parent names this node, an extension in front included; empty until asked for, and
    /// again when anything below or the parent's depth changed.
    pub(super) reference: OnceLock<RlpNode>,
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
    const fn position(&self, nibble: u8) -> usize {
        (self.mask.get() & ((1_u16 << nibble) - 1)).count_ones() as usize
    }
}

impl<V> Node<V> {
    /// Makes a leaf.
    pub(super) fn leaf(key: B256, value: V) -> Self {
        Self::Leaf(Arc::new(Leaf { key, value, reference: OnceLock::new() }))
    }

    /// Returns the cache of how the parent names this node.
    pub(super) fn reference(&self) -> &OnceLock<RlpNode> {
        match self {
            Self::Leaf(leaf) => &leaf.reference,
            Self::Branch(branch) => &branch.reference,
        }
    }

    /// Returns some key below, of which at least the common nibbles are right.
    fn some_key(&self) -> &B256 {
        match self {
            Self::Leaf(leaf) => &leaf.key,
            Self::Branch(branch) => &branch.prefix,
        }
    }
}

impl<V: Clone> Node<V> {
    /// Puts a value at a key below this node.
    pub(super) fn insert(&mut self, key: B256, value: V) {
        let parting = first_difference(self.some_key(), &key);
        match self {
            Self::Leaf(leaf) if leaf.key == key => {
                let leaf = Arc::make_mut(leaf);
                leaf.value = value;
                leaf.reference.take();
            }
            Self::Branch(branch) if parting >= branch.depth() => {
                Arc::make_mut(branch).insert(key, value);
            }
            Self::Leaf(_) | Self::Branch(_) => self.split(parting, key, value),
        }
    }

    /// Puts a branch above this node, where its keys and a new one part.
    fn split(&mut self, parting: usize, key: B256, value: V) {
        let new = Self::leaf(key, value);
        let mut old = mem::replace(self, new.clone());
        old.moved();
        let (old_nibble, new_nibble) = (nibble(old.some_key(), parting), nibble(&key, parting));
        let children = if old_nibble < new_nibble { vec![old, new] } else { vec![new, old] };
        *self = Self::Branch(Arc::new(Branch {
            prefix: key,
            depth: u8::try_from(parting).expect("a key has 64 nibbles"),
            mask: TrieMask::new(1 << old_nibble | 1 << new_nibble),
            children,
            reference: OnceLock::new(),
        }));
    }

    /// Forgets how the parent named this node: the parent's depth changed.
    fn moved(&mut self) {
        match self {
            Self::Leaf(leaf) => Arc::make_mut(leaf).reference.take(),
            Self::Branch(branch) => Arc::make_mut(branch).reference.take(),
        };
    }
}

impl<V: Clone> Branch<V> {
    fn insert(&mut self, key: B256, value: V) {
        self.reference.take();
        let nibble = nibble(&key, self.depth());
        let at = self.position(nibble);
        if self.mask.is_bit_set(nibble) {
            self.children[at].insert(key, value);
        } else {
            self.children.insert(at, Node::leaf(key, value));
            self.mask.set_bit(nibble);
        }
    }

    /// Removes a key that is there. If one child is left, returns it: it takes the branch's place.
    pub(super) fn remove(&mut self, key: &B256) -> Option<Node<V>> {
        self.reference.take();
        let nibble = nibble(key, self.depth());
        let at = self.position(nibble);
        match &mut self.children[at] {
            Node::Leaf(_) => {
                self.children.remove(at);
                self.mask.unset_bit(nibble);
            }
            Node::Branch(child) => {
                if let Some(last) = Arc::make_mut(child).remove(key) {
                    self.children[at] = last;
                }
            }
        }
        if self.children.len() > 1 {
            return None;
        }
        let mut last = self.children.pop()?;
        last.moved();
        Some(last)
    }
}
