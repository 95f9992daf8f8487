//! Proofs (EIP-1186): the nodes on the way to a key, from which anybody who has the root can tell
//! what is there, or that nothing is.

use super::{
    encode::{Encoder, LeafValue},
    map::Trie,
    missing::{Missing, Work},
    node::Node,
    path::{first_difference, nibble},
    state::{StateTrie, hashed},
};
use crate::account::Account;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::EMPTY_ROOT_HASH;

/// Nodes of as many bytes are listed, shorter ones are part of the node above them.
const HASH_BYTES: usize = 32;

/// What a state says of one account, with proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The account; `None` where there is none.
    pub account: Option<Account>,
    /// Root of its storage; of the empty storage where there is no account.
    pub storage_root: B256,
    /// RLP of nodes, the root first. Of one shard's part of a state the root is that part's
    /// ([`join_proof`](fn@super::join_proof) makes it the whole's).
    pub nodes: Vec<Bytes>,
    /// The slots that were asked for, in that order.
    pub slots: Vec<SlotProof>,
}

/// What a state says of one slot, with a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProof {
    /// The slot.
    pub slot: U256,
    /// Its value; zero where it was never set.
    pub value: U256,
    /// RLP of nodes, the storage's root first; none if the storage is empty.
    pub nodes: Vec<Bytes>,
}

impl StateTrie {
    /// Proves what is at an address and at some of its slots.
    ///
    /// # Errors
    /// If a node on the way is blind.
    pub fn account_proof(
        &self,
        address: &Address,
        slots: &[U256],
    ) -> Result<AccountProof, Missing> {
        let key = keccak256(address);
        let nodes = self.accounts.proof(&key)?;
        let leaf = self.accounts.get(&key)?;
        let slots = slots.iter().map(|slot| {
            let (value, nodes) = match leaf {
                Some(leaf) => {
                    (leaf.storage.get(&hashed(slot))?, leaf.storage.proof(&hashed(slot))?)
                }
                None => (None, Vec::new()),
            };
            Ok(SlotProof { slot: *slot, value: value.copied().unwrap_or_default(), nodes })
        });
        let slots = slots.collect::<Result<_, Missing>>();
        Ok(AccountProof {
            account: leaf.map(|leaf| leaf.account),
            storage_root: leaf
                .map_or(EMPTY_ROOT_HASH, |leaf| leaf.storage.root_hash(&mut Work::default())),
            nodes,
            slots: slots.map_err(|node| node.in_storage_of(&key))?,
        })
    }
}

impl<V: Clone + LeafValue> Trie<V> {
    /// Returns the nodes on the way to a key, down to its leaf or to where it would be.
    pub(super) fn proof(&self, key: &B256) -> Result<Vec<Bytes>, Missing> {
        let mut nodes = Nodes::default();
        let mut encoder = Encoder::default();
        let (mut next, mut from) = (self.root.as_ref(), 0);
        while let Some(node) = next {
            let (prefix, depth) = match node {
                Node::Leaf(leaf) => {
                    nodes.push(encoder.leaf(leaf, from));
                    break;
                }
                Node::Branch(branch) => (&branch.prefix, branch.depth()),
                Node::Blind(blind) => (&blind.prefix, blind.depth()),
            };
            if depth > from {
                nodes.push(encoder.encode(node, from)?);
                if first_difference(prefix, key) < depth {
                    break;
                }
            }
            next = match node {
                Node::Branch(branch) => {
                    nodes.push(encoder.branch(branch));
                    branch.child(nibble(key, depth))
                }
                Node::Blind(blind) => return Err(blind.missing()),
                Node::Leaf(_) => None,
            };
            from = depth + 1;
        }
        Ok(nodes.0)
    }
}

/// The nodes of a proof.
#[derive(Debug, Default)]
struct Nodes(Vec<Bytes>);

impl Nodes {
    fn push(&mut self, rlp: &[u8]) {
        if self.0.is_empty() || rlp.len() >= HASH_BYTES {
            self.0.push(Bytes::copy_from_slice(rlp));
        }
    }
}
