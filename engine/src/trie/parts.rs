//! Hashing in parts, for whoever has more than one core.

use super::{
    encode::{Encoder, LeafValue},
    map::Trie,
    missing::Work,
    node::Node,
    state::{AccountLeaf, StateTrie},
};
use alloy_primitives::U256;
use std::fmt;

/// A subtree whose references are not known yet.
pub struct HashPart(Part);

enum Part {
    Accounts(Subtree<AccountLeaf>),
    Slots(Subtree<U256>),
}

/// A node, and the nibble of keys at which its parent's children begin.
struct Subtree<V> {
    node: Node<V>,
    from: usize,
}

impl HashPart {
    /// Computes the part's references. Every copy of the state that shares the nodes knows them
    /// from then on.
    pub fn run(&self) -> Work {
        match &self.0 {
            Part::Accounts(accounts) => accounts.hash(),
            Part::Slots(slots) => slots.hash(),
        }
    }
}

impl<V: LeafValue> Subtree<V> {
    fn hash(&self) -> Work {
        let mut encoder = Encoder::default();
        encoder.reference(&self.node, self.from);
        encoder.work
    }
}

impl StateTrie {
    /// Divides the hashing that is to be done into parts, none of which has a node in common with
    /// another: first those of big storage tries, and when all of these have run, those of the
    /// accounts. A trie with fewer than `changed_min` changed keys is not divided. Whatever is not
    /// in a part, the root above all, is hashed when it is asked for.
    pub fn hash_parts(&self, changed_min: usize) -> [Vec<HashPart>; 2] {
        let mut slots = Vec::new();
        if let Some(root) = &self.accounts.root {
            each_changed(root, &mut |leaf: &AccountLeaf| {
                let parts = leaf.storage.parts(changed_min).into_iter();
                slots.extend(parts.map(|part| HashPart(Part::Slots(part))));
            });
        }
        let accounts = self.accounts.parts(changed_min).into_iter();
        [slots, accounts.map(|part| HashPart(Part::Accounts(part))).collect()]
    }
}

impl<V: Clone> Trie<V> {
    /// Returns the subtrees right below the root that have changed keys, if there are as many of
    /// these as that.
    fn parts(&self, changed_min: usize) -> Vec<Subtree<V>> {
        let Some(Node::Branch(root)) = &self.root else { return Vec::new() };
        let changed = || root.children.iter().filter(|child| child.reference().get().is_none());
        let mut n_changed = 0;
        changed().for_each(|child| each_changed(child, &mut |_| n_changed += 1));
        if n_changed < changed_min {
            return Vec::new();
        }
        let from = root.depth() + 1;
        changed().map(|child| Subtree { node: child.clone(), from }).collect()
    }
}

/// Shows the values of all leaves that nobody hashed yet.
fn each_changed<V>(node: &Node<V>, show: &mut impl FnMut(&V)) {
    match node {
        _ if node.reference().get().is_some() => {}
        Node::Leaf(leaf) => show(&leaf.value),
        Node::Branch(branch) => branch.children.iter().for_each(|child| each_changed(child, show)),
        Node::Blind(_) => {}
    }
}

impl fmt::Debug for HashPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPart").finish_non_exhaustive()
    }
}
