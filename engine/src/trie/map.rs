//! A trie over 32-byte keys: a persistent map that knows its root.

use super::{
    encode::{Encoder, LeafValue},
    node::Node,
    path::nibble,
};
use alloy_primitives::{B256, Bytes, bytes};
use alloy_trie::EMPTY_ROOT_HASH;
use std::sync::Arc;

/// RLP of the root node of a trie without keys: what an empty shard answers.
pub const EMPTY_ROOT_NODE: Bytes = bytes!("80");

/// A map from 32-byte keys to values. A copy costs nothing and shares all that stays the same.
#[derive(Clone, Debug)]
pub(super) struct Trie<V> {
    root: Option<Node<V>>,
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: Clone> Trie<V> {
    /// Returns the value at a key.
    pub(super) fn get(&self, key: &B256) -> Option<&V> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf.key == *key).then_some(&leaf.value),
                Node::Branch(branch) => node = branch.child(nibble(key, branch.depth()))?,
            }
        }
    }

    /// Puts a value at a key.
    pub(super) fn insert(&mut self, key: B256, value: V) {
        match &mut self.root {
            Some(root) => root.insert(key, value),
            None => self.root = Some(Node::leaf(key, value)),
        }
    }

    /// Removes a key; nothing happens if it is not there.
    pub(super) fn remove(&mut self, key: &B256) {
        if self.get(key).is_none() {
            return;
        }
        match &mut self.root {
            Some(Node::Branch(branch)) => {
                if let Some(last) = Arc::make_mut(branch).remove(key) {
                    self.root = Some(last);
                }
            }
            Some(Node::Leaf(_)) | None => self.root = None,
        }
    }
}

impl<V: LeafValue> Trie<V> {
    /// Returns the RLP of the root node.
    pub(super) fn root_node(&self) -> Bytes {
        let Some(root) = &self.root else { return EMPTY_ROOT_NODE };
        Encoder::default().encode(root, 0).to_vec().into()
    }

    /// Returns the hash of the root node.
    pub(super) fn root_hash(&self) -> B256 {
        let Some(root) = &self.root else { return EMPTY_ROOT_HASH };
        Encoder::default()
            .reference(root, 0)
            .as_hash()
            .expect("a node that holds a path of 64 nibbles is no shorter than a hash")
    }
}
