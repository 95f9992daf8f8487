//! How nodes are encoded and named: RLP, and its hash where it is 32 bytes or more.

use super::{node::Node, path::NIBBLES};
use alloy_primitives::B256;
use alloy_rlp::Encodable;
use alloy_trie::{
    Nibbles,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode},
};

/// A value that a leaf can hold.
pub(super) trait LeafValue {
    /// Appends the value as the leaf's string holds it.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Encodes nodes, with buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    value: Vec<u8>,
    node: Vec<u8>,
}

impl Encoder {
    /// Returns how a parent whose children begin at nibble `from` names this node. What is known
    /// from before is not computed again.
    pub(super) fn reference<V: LeafValue>(&mut self, node: &Node<V>, from: usize) -> RlpNode {
        node.reference().get_or_init(|| RlpNode::from_rlp(self.encode(node, from))).clone()
    }

    /// Returns the RLP of a node as it stands below nibble `from`.
    pub(super) fn encode<V: LeafValue>(&mut self, node: &Node<V>, from: usize) -> &[u8] {
        match node {
            Node::Leaf(leaf) => {
                self.value.clear();
                leaf.value.encode(&mut self.value);
                self.node.clear();
                LeafNodeRef::new(&path(&leaf.key, from, NIBBLES), &self.value)
                    .encode(&mut self.node);
            }
            Node::Branch(branch) => {
                let below = branch.depth() + 1;
                let children: Vec<RlpNode> =
                    branch.children.iter().map(|child| self.reference(child, below)).collect();
                self.node.clear();
                BranchNodeRef::new(&children, branch.mask).encode(&mut self.node);
                if branch.depth() > from {
                    let branch_reference = RlpNode::from_rlp(&self.node);
                    self.node.clear();
                    let skipped = path(&branch.prefix, from, branch.depth());
                    ExtensionNodeRef::new(&skipped, &branch_reference).encode(&mut self.node);
                }
            }
        }
        &self.node
    }
}

/// Returns the nibbles of a key from one depth to another.
fn path(key: &B256, from: usize, to: usize) -> Nibbles {
    Nibbles::unpack_array(&key.0).slice(from..to)
}
