//! Joins the tries of any number of shards into the root of the state.
//!
//! Each shard is an ordinary trie over its own accounts' whole keys and answers with the RLP of
//! its root node. A shard's hash would not do: whether its root is a leaf, an extension or a
//! branch decides how it stands in the whole.

use super::{map::EMPTY_ROOT_NODE, path::nibble};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{
    Nibbles, TrieMask,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode, TrieNode},
};
use std::collections::BTreeMap;

/// Why root nodes cannot be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// A shard's answer is no trie node.
    #[error("root node {position} is no trie node: {reason}")]
    NotANode {
        /// Its place among the nodes given.
        position: usize,
        /// What the decoder found.
        reason: alloy_rlp::Error,
    },
    /// Two shards have keys that begin alike.
    #[error(
        "root node {position} has keys that begin with nibble {nibble:x}, as another shard has"
    )]
    Overlap {
        /// Its place among the nodes given.
        position: usize,
        /// The nibble.
        nibble: u8,
    },
    /// There is one node below the root, and the shard that has it does not know its kind: the
    /// root depends on that.
    #[error(
        "all that is left of the state is node {hash} at nibble {nibble:x}, which is not known: \
         take a witness that has it"
    )]
    OnlyChildBlind {
        /// The nibble.
        nibble: u8,
        /// The node's hash.
        hash: B256,
    },
}

/// Returns the root of the state whose parts have these root nodes, in any order. No two parts may
/// have keys with the same first nibble.
///
/// # Errors
/// If a node cannot be decoded, two parts overlap, or the root depends on a node that is blind.
pub fn join<'a>(root_nodes: impl IntoIterator<Item = &'a [u8]>) -> Result<B256, JoinError> {
    join_nodes(root_nodes).map(keccak256)
}

/// Makes a proof of one part of a state (its root node first, none if it is empty) a proof of the
/// whole, whose parts have these root nodes. `key` is the hashed address that is proved.
///
/// # Errors
/// Those of [`join`](fn@join).
pub fn join_proof<'a>(
    root_nodes: impl IntoIterator<Item = &'a [u8]>,
    key: &B256,
    part: &[Bytes],
) -> Result<Vec<Bytes>, JoinError> {
    let root = join_nodes(root_nodes)?;
    if root == EMPTY_ROOT_NODE || part.first() == Some(&root) {
        return Ok(part.to_vec());
    }
    let mut nodes = vec![root];
    let Some((top, below)) = part.split_first() else { return Ok(nodes) };
    let moved = decoded(top).and_then(|node| below_root(node, nibble(key, 0)));
    let moved = moved.map_err(|reason| JoinError::NotANode { position: 0, reason })?;
    nodes.extend(moved);
    nodes.extend(below.iter().cloned());
    Ok(nodes)
}

/// Returns a part's root node as it stands below the branch that joins the parts; none if it is a
/// branch, whose children move up, an extension of one nibble, whose child does, or of other keys.
fn below_root(node: TrieNode, nibble: u8) -> alloy_rlp::Result<Option<Bytes>> {
    let (is_needed, rlp) = match node {
        TrieNode::EmptyRoot | TrieNode::Branch(_) => return Ok(None),
        TrieNode::Leaf(leaf) => {
            let (first, rest) = split(&leaf.key)?;
            (first == nibble, alloy_rlp::encode(LeafNodeRef::new(&rest, &leaf.value)))
        }
        TrieNode::Extension(extension) => {
            let (first, rest) = split(&extension.key)?;
            let is_needed = first == nibble && !rest.is_empty();
            (is_needed, alloy_rlp::encode(ExtensionNodeRef::new(&rest, &extension.child)))
        }
    };
    Ok(is_needed.then(|| rlp.into()))
}

/// Returns the RLP of the root node of the whole.
fn join_nodes<'a>(root_nodes: impl IntoIterator<Item = &'a [u8]>) -> Result<Bytes, JoinError> {
    let parts: Vec<_> = root_nodes
        .into_iter()
        .enumerate()
        .filter(|(_, node)| **node != **EMPTY_ROOT_NODE)
        .collect();
    let mut children = BTreeMap::new();
    for (position, node) in &parts {
        for (nibble, reference) in children_of(node)
            .map_err(|reason| JoinError::NotANode { position: *position, reason })?
        {
            if children.insert(nibble, reference).is_some() {
                return Err(JoinError::Overlap { position: *position, nibble });
            }
        }
    }
    match (children.first_key_value(), &parts[..]) {
        (None, _) => Ok(EMPTY_ROOT_NODE),
        // The only child of the whole is the one thing below its part's root, too: that node is the
        // whole's root, unless it is a branch, as which a shard names a child of unknown kind.
        (Some((nibble, reference)), [(_, node)]) if children.len() == 1 => {
            match reference.as_hash().filter(|_| is_branch(node)) {
                Some(hash) => Err(JoinError::OnlyChildBlind { nibble: *nibble, hash }),
                None => Ok(Bytes::copy_from_slice(node)),
            }
        }
        _ => Ok(branch(children)),
    }
}

/// Tells whether a node is a branch.
fn is_branch(rlp: &[u8]) -> bool {
    matches!(decoded(rlp), Ok(TrieNode::Branch(_)))
}

/// Encodes the branch over these children, of which there are two at least.
fn branch(children: BTreeMap<u8, RlpNode>) -> Bytes {
    let mask = children.keys().fold(0, |mask, nibble| mask | 1 << nibble);
    let references: Vec<_> = children.into_values().collect();
    alloy_rlp::encode(BranchNodeRef::new(&references, TrieMask::new(mask))).into()
}

fn decoded(mut rlp: &[u8]) -> alloy_rlp::Result<TrieNode> {
    let node = TrieNode::decode(&mut rlp)?;
    if rlp.is_empty() { Ok(node) } else { Err(alloy_rlp::Error::UnexpectedLength) }
}

/// Takes a root node apart: what stands below each first nibble.
fn children_of(rlp: &[u8]) -> alloy_rlp::Result<Vec<(u8, RlpNode)>> {
    Ok(match decoded(rlp)? {
        TrieNode::EmptyRoot => Vec::new(),
        TrieNode::Leaf(leaf) => {
            let (nibble, rest) = split(&leaf.key)?;
            vec![(nibble, LeafNodeRef::new(&rest, &leaf.value).rlp(&mut Vec::new()))]
        }
        TrieNode::Extension(extension) => {
            let (nibble, rest) = split(&extension.key)?;
            let below = if rest.is_empty() {
                extension.child
            } else {
                ExtensionNodeRef::new(&rest, &extension.child).rlp(&mut Vec::new())
            };
            vec![(nibble, below)]
        }
        TrieNode::Branch(branch) => {
            let nibbles = (0..16).filter(|nibble| branch.state_mask.is_bit_set(*nibble));
            nibbles.zip(branch.stack.iter().cloned()).collect()
        }
    })
}

/// Parts a path after its first nibble.
fn split(path: &Nibbles) -> alloy_rlp::Result<(u8, Nibbles)> {
    let first = path.first().ok_or(alloy_rlp::Error::Custom("a root node has an empty path"))?;
    Ok((first, path.slice(1..)))
}
