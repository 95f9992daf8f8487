//! Tries made of a witness: from the root on, each node that is referred to is looked up by its
//! hash; where none is found, the trie is blind.

use super::{
    map::Trie,
    missing::Work,
    node::{BlindKind, Branch, Leaf, Node},
    path::{NIBBLES, Path, TriePath},
    state::{AccountLeaf, StateTrie},
    witness::{Witness, WitnessError},
};
use crate::{account::Account, ids::ShardIndex, shard::ShardCount};
use alloy_primitives::{B256, U256, keccak256, map::B256Map};
use alloy_rlp::{Decodable, EMPTY_STRING_CODE, Encodable};
use alloy_trie::{
    EMPTY_ROOT_HASH, TrieAccount, TrieMask,
    nodes::{BranchNode, ExtensionNode, LeafNode, RlpNode, TrieNode},
};
use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

const TOO_FEW_CHILDREN: &str = "it is a branch with fewer than two children";

/// Nodes of as many bytes are referred to by hash, shorter ones stand in their parent.
const HASH_BYTES: usize = 32;

/// What stands before a hash in RLP.
const HASH_PREFIX: u8 = EMPTY_STRING_CODE + 32;

/// Returns what is wrong with a value, or the value at a key.
type DecodeValue<'a, V> = dyn FnMut(&B256, &[u8]) -> Result<V, Flaw> + 'a;

/// Why a value could not be decoded.
#[derive(Debug)]
enum Flaw {
    /// The value itself is wrong.
    Value(&'static str),
    /// A trie that the value refers to is wrong.
    Below(WitnessError),
}

impl StateTrie {
    /// Makes one shard's part of the state that a witness is of. What the witness lacks is blind,
    /// except the root.
    ///
    /// The time is that of hashing the witness and decoding each node at most once, whatever the
    /// nodes refer to.
    ///
    /// # Errors
    /// If the root's node is not there, or something refers to what no state has.
    pub fn from_witness(
        witness: &Witness,
        shards: ShardCount,
        shard: ShardIndex,
    ) -> Result<Self, WitnessError> {
        let known: B256Map<&[u8]> =
            witness.nodes.iter().map(|node| (keccak256(node), node.as_ref())).collect();
        let mut decode_slot = |_: &B256, rlp: &[u8]| slot_value(rlp).map_err(Flaw::Value);
        let mut storages = Loader::new(&known, &mut decode_slot);
        let mut decode_account = |key: &B256, rlp: &[u8]| account_leaf(&mut storages, key, rlp);
        let mut accounts = Loader::new(&known, &mut decode_account);
        let accounts = accounts.part(witness.state_root, shards.nibbles_of(shard))?;
        let mut codes = Trie::default();
        for code in &witness.codes {
            let inserted = codes.insert(keccak256(code), code.clone(), &mut Work::default());
            inserted.expect("codes are all known");
        }
        Ok(Self::from_tries(accounts, codes))
    }
}

fn account_leaf(
    storages: &mut Loader<'_, U256>,
    key: &B256,
    rlp: &[u8],
) -> Result<AccountLeaf, Flaw> {
    let account: TrieAccount = whole(rlp).ok_or(Flaw::Value("its value is no account"))?;
    storages.storage_of = Some(*key);
    let storage = storages.whole(account.storage_root).map_err(Flaw::Below)?;
    let TrieAccount { nonce, balance, code_hash, .. } = account;
    Ok(AccountLeaf { account: Account { balance, nonce, code_hash }, storage })
}

fn slot_value(rlp: &[u8]) -> Result<U256, &'static str> {
    let value: U256 = whole(rlp).ok_or("its value is no integer")?;
    if value.is_zero() { Err("its value is zero") } else { Ok(value) }
}

/// Decodes bytes that are one value and nothing else, in the one way in which it is encoded.
fn whole<T: Decodable + Encodable>(rlp: &[u8]) -> Option<T> {
    let value = T::decode(&mut &rlp[..]).ok()?;
    (alloy_rlp::encode(&value) == rlp).then_some(value)
}

/// Makes tries whose values are of one kind.
struct Loader<'a, V> {
    /// RLP by hash.
    known: &'a B256Map<&'a [u8]>,
    decode_value: &'a mut DecodeValue<'a, V>,
    /// Nodes that were decoded, with the one place where each stands. Tries may share what stands
    /// in the same place: contracts alike have storage alike.
    placed: B256Map<(Path, Node<V>)>,
    /// Hashed address of the account whose storage is loaded, for errors.
    storage_of: Option<B256>,
}

impl<'a, V: Clone> Loader<'a, V> {
    fn new(known: &'a B256Map<&'a [u8]>, decode_value: &'a mut DecodeValue<'a, V>) -> Self {
        Self { known, decode_value, placed: B256Map::default(), storage_of: None }
    }

    /// Makes a trie; blind if the root's node is not known.
    fn whole(&mut self, root: B256) -> Result<Trie<V>, WitnessError> {
        if root == EMPTY_ROOT_HASH {
            return Ok(Trie::default());
        }
        Ok(Trie { root: Some(self.node(&RlpNode::word_rlp(&root), Path::ROOT)?) })
    }

    /// Makes the part of a trie whose keys begin with some nibbles.
    fn part(&mut self, root: B256, nibbles: Range<u8>) -> Result<Trie<V>, WitnessError> {
        if root == EMPTY_ROOT_HASH {
            return Ok(Trie::default());
        }
        let rlp = *self.known.get(&root).ok_or(WitnessError::RootMissing { hash: root })?;
        let TrieNode::Branch(mut node) = self.decoded(rlp, Path::ROOT)? else {
            let mut trie = self.whole(root)?;
            let is_here = |node: &Node<V>| nibbles.contains(&(node.some_key()[0] >> 4));
            trie.root = trie.root.filter(is_here);
            return Ok(trie);
        };
        let n_children = node.stack.len();
        if n_children < 2 {
            return Err(self.not_a_node(rlp, Path::ROOT, TOO_FEW_CHILDREN));
        }
        let is_here: Vec<_> =
            (0..16).filter(|nibble| node.state_mask.is_bit_set(*nibble)).collect();
        let mut is_here = is_here.into_iter().map(|nibble| nibbles.contains(&nibble));
        node.stack.retain(|_| is_here.next() == Some(true));
        let wanted = nibbles.fold(0, |mask, nibble| mask | 1 << nibble);
        node.state_mask = TrieMask::new(node.state_mask.get() & wanted);
        let is_all = node.stack.len() == n_children;
        let reference = is_all.then(|| RlpNode::word_rlp(&root));
        Ok(Trie { root: top(self.branch(&node, Path::ROOT, reference)?) })
    }

    /// Returns the node that something refers to.
    fn node(&mut self, reference: &RlpNode, path: Path) -> Result<Node<V>, WitnessError> {
        let Some(hash) = reference.as_hash().filter(|_| reference[0] == HASH_PREFIX) else {
            if reference.len() >= HASH_BYTES {
                return Err(self.not_a_node(reference, path, "it stands where its hash should"));
            }
            return self.decode(reference, path, reference);
        };
        if let Some((at, node)) = self.placed.get(&hash) {
            if *at == path {
                return Ok(node.clone());
            }
            let (at, also_at) = (self.place(*at), self.place(path));
            return Err(WitnessError::NodeTwice { hash, at, also_at });
        }
        let Some(rlp) = self.known.get(&hash) else { return Ok(Node::blind(path, hash)) };
        let node = self.decode(rlp, path, reference)?;
        self.placed.insert(hash, (path, node.clone()));
        Ok(node)
    }

    fn decode(
        &mut self,
        rlp: &[u8],
        path: Path,
        reference: &RlpNode,
    ) -> Result<Node<V>, WitnessError> {
        let decoded = match self.decoded(rlp, path)? {
            TrieNode::EmptyRoot => Err(Flaw::Value("it is empty")),
            TrieNode::Leaf(node) => self.leaf(&node, path, reference),
            TrieNode::Extension(node) => self.extension(&node, path, reference),
            TrieNode::Branch(node) if node.stack.len() < 2 => Err(Flaw::Value(TOO_FEW_CHILDREN)),
            TrieNode::Branch(node) => self
                .branch(&node, path, Some(reference.clone()))
                .map(|branch| Node::Branch(Arc::new(branch)))
                .map_err(Flaw::Below),
        };
        decoded.map_err(|flaw| match flaw {
            Flaw::Below(error) => error,
            Flaw::Value(reason) => self.not_a_node(rlp, path, reason),
        })
    }

    fn decoded(&self, rlp: &[u8], path: Path) -> Result<TrieNode, WitnessError> {
        whole(rlp).ok_or_else(|| self.not_a_node(rlp, path, "it does not decode"))
    }

    fn leaf(&mut self, node: &LeafNode, path: Path, reference: &RlpNode) -> Result<Node<V>, Flaw> {
        let end = path.join(&node.key).filter(|end| usize::from(end.depth()) == NIBBLES);
        let key = end.ok_or(Flaw::Value("it is a leaf whose key is not of 64 nibbles"))?.prefix();
        let value = (self.decode_value)(&key, &node.value)?;
        Ok(Node::Leaf(Arc::new(Leaf { key, value, reference: OnceLock::from(reference.clone()) })))
    }

    fn extension(
        &mut self,
        node: &ExtensionNode,
        path: Path,
        reference: &RlpNode,
    ) -> Result<Node<V>, Flaw> {
        let below = path.join(&node.key).filter(|_| !node.key.is_empty());
        let below = below.ok_or(Flaw::Value("it is an extension of no or too many nibbles"))?;
        let mut child = self.node(&node.child, below).map_err(Flaw::Below)?;
        match &mut child {
            Node::Branch(branch) if branch.depth == below.depth() => {
                Arc::make_mut(branch).reference = OnceLock::from(reference.clone());
            }
            Node::Blind(blind) if blind.depth == below.depth() => {
                let blind = Arc::make_mut(blind);
                blind.kind = BlindKind::Branch;
                blind.reference = OnceLock::from(reference.clone());
            }
            Node::Leaf(_) | Node::Branch(_) | Node::Blind(_) => {
                return Err(Flaw::Value("it is an extension that leads to no branch"));
            }
        }
        Ok(child)
    }

    fn branch(
        &mut self,
        node: &BranchNode,
        path: Path,
        reference: Option<RlpNode>,
    ) -> Result<Branch<V>, WitnessError> {
        let nibbles = (0..16).filter(|nibble| node.state_mask.is_bit_set(*nibble));
        let children = nibbles.zip(&node.stack).map(|(nibble, child)| {
            let below = path.child(nibble).ok_or_else(|| {
                let rlp = alloy_rlp::encode(node);
                self.not_a_node(&rlp, path, "it is a branch behind the end of a key")
            })?;
            self.node(child, below)
        });
        Ok(Branch {
            children: children.collect::<Result<_, _>>()?,
            prefix: path.prefix(),
            depth: path.depth(),
            mask: node.state_mask,
            reference: reference.map_or_else(OnceLock::new, OnceLock::from),
        })
    }

    fn place(&self, path: Path) -> Box<TriePath> {
        Box::new(TriePath { storage_of: self.storage_of, nibbles: path.nibbles() })
    }

    fn not_a_node(&self, rlp: &[u8], path: Path, reason: &'static str) -> WitnessError {
        WitnessError::NotANode { at: self.place(path), hash: keccak256(rlp), reason }
    }
}

/// Returns a part's root: of a single child the child itself, if its kind is known.
fn top<V: Clone>(mut branch: Branch<V>) -> Option<Node<V>> {
    match branch.children.len() {
        0 => None,
        1 if branch.children[0].moved().is_ok() => branch.children.pop(),
        _ => Some(Node::Branch(Arc::new(branch))),
    }
}

/// Bytes are their own value: for tries whose values do not matter.
#[cfg(test)]
pub(super) fn raw_trie(
    nodes: &[alloy_primitives::Bytes],
    root: B256,
    nibbles: Range<u8>,
) -> Result<Trie<alloy_primitives::Bytes>, WitnessError> {
    let known: B256Map<&[u8]> = nodes.iter().map(|node| (keccak256(node), node.as_ref())).collect();
    let mut decode_value =
        |_: &B256, value: &[u8]| Ok(alloy_primitives::Bytes::copy_from_slice(value));
    Loader::new(&known, &mut decode_value).part(root, nibbles)
}
