//! How nodes are encoded and named: RLP, and its hash where it is 32 bytes or more.

use super::{
    missing::{Missing, Work},
    node::{Blind, Branch, Leaf, Node},
    path::{NIBBLES, nibbles},
};
use alloy_primitives::B256;
use alloy_rlp::Encodable;
use alloy_trie::nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode};

/// A value that a leaf can hold.
pub(super) trait LeafValue {
    /// Appends the value as the leaf's string holds it. Hashes that this takes are counted.
    fn encode(&self, out: &mut Vec<u8>, work: &mut Work);
}

/// Encodes nodes, with buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    value: Vec<u8>,
    node: Vec<u8>,
    /// What was hashed so far.
    pub(super) work: Work,
}

impl Encoder {
    /// Returns how a parent whose children begin at nibble `from` names this node. What is known
    /// from before is not computed again.
    pub(super) fn reference<V: LeafValue>(&mut self, node: &Node<V>, from: usize) -> RlpNode {
        node.reference().get_or_init(|| self.name(node, from)).clone()
    }

    fn name<V: LeafValue>(&mut self, node: &Node<V>, from: usize) -> RlpNode {
        match node {
            Node::Leaf(leaf) => RlpNode::from_rlp(self.leaf(leaf, from)),
            Node::Branch(branch) => {
                let reference = RlpNode::from_rlp(self.branch(branch));
                if branch.depth() == from {
                    return reference;
                }
                RlpNode::from_rlp(self.extension(&branch.prefix, from, branch.depth(), &reference))
            }
            Node::Blind(blind) if blind.depth() == from => RlpNode::word_rlp(&blind.hash),
            Node::Blind(blind) => RlpNode::from_rlp(self.blind_extension(blind, from)),
        }
    }

    /// Returns the RLP of a node as it stands below nibble `from`; fails if it is blind.
    pub(super) fn encode<V: LeafValue>(
        &mut self,
        node: &Node<V>,
        from: usize,
    ) -> Result<&[u8], Missing> {
        Ok(match node {
            Node::Leaf(leaf) => self.leaf(leaf, from),
            Node::Branch(branch) if branch.depth() == from => self.branch(branch),
            Node::Branch(branch) => {
                let reference = RlpNode::from_rlp(self.branch(branch));
                self.extension(&branch.prefix, from, branch.depth(), &reference)
            }
            Node::Blind(blind) if blind.depth() == from => return Err(blind.missing()),
            Node::Blind(blind) => self.blind_extension(blind, from),
        })
    }

    /// Returns the RLP of a leaf as it stands below nibble `from`.
    pub(super) fn leaf<V: LeafValue>(&mut self, leaf: &Leaf<V>, from: usize) -> &[u8] {
        self.value.clear();
        leaf.value.encode(&mut self.value, &mut self.work);
        self.node.clear();
        LeafNodeRef::new(&nibbles(&leaf.key, from, NIBBLES), &self.value).encode(&mut self.node);
        self.work.nodes_hashed += 1;
        &self.node
    }

    /// Returns the RLP of a branch, without what leads to it.
    pub(super) fn branch<V: LeafValue>(&mut self, branch: &Branch<V>) -> &[u8] {
        let below = branch.depth() + 1;
        let children: Vec<RlpNode> =
            branch.children.iter().map(|child| self.reference(child, below)).collect();
        self.node.clear();
        BranchNodeRef::new(&children, branch.mask).encode(&mut self.node);
        self.work.nodes_hashed += 1;
        &self.node
    }

    /// Returns the RLP of the extension below nibble `from` that leads to a blind branch.
    pub(super) fn blind_extension(&mut self, blind: &Blind, from: usize) -> &[u8] {
        let reference = RlpNode::word_rlp(&blind.hash);
        self.extension(&blind.prefix, from, blind.depth(), &reference)
    }

    /// Returns the RLP of an extension from one nibble of a key to another.
    pub(super) fn extension(
        &mut self,
        key: &B256,
        from: usize,
        to: usize,
        child: &RlpNode,
    ) -> &[u8] {
        self.node.clear();
        ExtensionNodeRef::new(&nibbles(key, from, to), child).encode(&mut self.node);
        self.work.nodes_hashed += 1;
        &self.node
    }
}
