//! A trie over 32-byte keys: a persistent map that knows its root.

use super::{
    encode::{Encoder, LeafValue},
    missing::{Missing, Work},
    node::{Branch, Node},
    path::{first_difference, nibble},
};
use alloy_primitives::{B256, Bytes, bytes};
use alloy_trie::EMPTY_ROOT_HASH;
use std::sync::Arc;

/// RLP of the root node of a trie without keys: what an empty shard answers.
pub const EMPTY_ROOT_NODE: Bytes = bytes!("80");

/// Whether a trie is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Top {
    /// It is.
    Whole,
    /// Other tries stand beside it, and their roots are joined. So its root may be a branch with
    /// one child, as long as nobody knows what kind of node that is: beside other children its
    /// kind does not matter.
    Part,
}

/// A map from 32-byte keys to values. A copy costs nothing and shares all that stays the same.
/// Where nodes are blind it does not know all its keys; what needs one of them fails.
#[derive(Clone, Debug)]
pub(super) struct Trie<V> {
    pub(super) root: Option<Node<V>>,
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: Clone> Trie<V> {
    /// Returns the value at a key.
    pub(super) fn get(&self, key: &B256) -> Result<Option<&V>, Missing> {
        self.find(key, &mut Work::default())
    }

    /// Returns the value at a key, and counts the nodes on the way.
    pub(super) fn find(&self, key: &B256, work: &mut Work) -> Result<Option<&V>, Missing> {
        let Some(mut node) = self.root.as_ref() else { return Ok(None) };
        loop {
            work.nodes_read += 1;
            match node {
                Node::Leaf(leaf) => return Ok((leaf.key == *key).then_some(&leaf.value)),
                Node::Branch(branch) => match branch.child(nibble(key, branch.depth())) {
                    Some(child) => node = child,
                    None => return Ok(None),
                },
                Node::Blind(blind) if first_difference(&blind.prefix, key) < blind.depth() => {
                    return Ok(None);
                }
                Node::Blind(blind) => return Err(blind.missing()),
            }
        }
    }

    /// Puts a value at a key.
    pub(super) fn insert(&mut self, key: B256, value: V, work: &mut Work) -> Result<(), Missing> {
        match &mut self.root {
            Some(root) => root.insert(key, value, work),
            None => {
                self.root = Some(Node::leaf(key, value));
                Ok(())
            }
        }
    }

    /// Removes a key; nothing happens if it is not there.
    pub(super) fn remove(&mut self, key: &B256, top: Top, work: &mut Work) -> Result<(), Missing> {
        if self.get(key)?.is_none() {
            return Ok(());
        }
        match &mut self.root {
            Some(Node::Branch(branch)) if top == Top::Part && leaves_one_unknown(branch, key) => {
                Arc::make_mut(branch).drop_child(nibble(key, 0));
            }
            Some(Node::Branch(branch)) => {
                if let Some(last) = Arc::make_mut(branch).remove(key, work)? {
                    self.root = Some(last);
                }
            }
            Some(Node::Blind(blind)) => return Err(blind.missing()),
            Some(Node::Leaf(_)) | None => self.root = None,
        }
        Ok(())
    }
}

/// Tells whether a key is a leaf right below the root, and the only other node there is blind and
/// may be of any kind.
fn leaves_one_unknown<V>(root: &Branch<V>, key: &B256) -> bool {
    if root.depth() > 0 || root.children.len() != 2 {
        return false;
    }
    let at = root.position(nibble(key, 0));
    matches!(root.children[at], Node::Leaf(_)) && root.children[1 - at].check_movable().is_err()
}

impl<V: LeafValue> Trie<V> {
    /// Returns the RLP of the root node; fails if the root is blind.
    pub(super) fn root_node(&self, work: &mut Work) -> Result<Bytes, Missing> {
        let Some(root) = &self.root else { return Ok(EMPTY_ROOT_NODE) };
        let mut encoder = Encoder::default();
        let node = Bytes::copy_from_slice(encoder.encode(root, 0)?);
        work.add(encoder.work);
        Ok(node)
    }

    /// Returns the hash of the root node.
    pub(super) fn root_hash(&self, work: &mut Work) -> B256 {
        let Some(root) = &self.root else { return EMPTY_ROOT_HASH };
        let mut encoder = Encoder::default();
        let reference = encoder.reference(root, 0);
        work.add(encoder.work);
        reference
            .as_hash()
            .expect("a node that holds a path of 64 nibbles is no shorter than a hash")
    }

    /// Checks that the root does not depend on what stands beside this trie.
    pub(super) fn check_whole(&self) -> Result<(), Missing> {
        match &self.root {
            Some(Node::Branch(branch)) if branch.children.len() == 1 => {
                branch.children[0].check_movable()
            }
            _ => Ok(()),
        }
    }
}
