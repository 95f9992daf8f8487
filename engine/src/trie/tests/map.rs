//! The map from keys to values, version by version.

use super::rng::Rng;
use crate::trie::{
    Work,
    encode::LeafValue,
    map::{Top, Trie},
};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use std::collections::BTreeMap;

impl LeafValue for Bytes {
    fn encode(&self, out: &mut Vec<u8>, _: &mut Work) {
        out.extend_from_slice(self);
    }
}

/// Builds the root hash and the root node from nothing.
pub(super) fn rebuilt(leaves: &BTreeMap<B256, Bytes>) -> (B256, Bytes) {
    let (root, nodes) = rebuilt_nodes(leaves, [Nibbles::default()]);
    (root, nodes.into_iter().next().expect("the root's node was asked for"))
}

/// Builds the root hash from nothing, and the nodes on the way to some paths, the root's first.
pub(super) fn rebuilt_nodes(
    leaves: &BTreeMap<B256, Bytes>,
    paths: impl IntoIterator<Item = Nibbles>,
) -> (B256, Vec<Bytes>) {
    let retainer = ProofRetainer::new(paths.into_iter().collect());
    let mut builder = HashBuilder::default().with_proof_retainer(retainer);
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}

/// Builds every node from nothing, by hash.
pub(super) fn all_nodes(leaves: &BTreeMap<B256, Bytes>) -> (B256, BTreeMap<B256, Bytes>) {
    let paths = leaves.keys().map(Nibbles::unpack).chain([Nibbles::default()]);
    let (root, nodes) = rebuilt_nodes(leaves, paths);
    (root, nodes.into_iter().map(|node| (keccak256(&node), node)).collect())
}

/// Returns a value of one byte, of nine, or of an account's size. Long ones are all different, as
/// they are below hashed keys: no two nodes are equal that are referred to by hash.
pub(super) fn value(rng: &mut Rng) -> Bytes {
    let length = *rng.pick(&[1, 1, 9, 70]);
    let mut value = vec![u8::try_from(1 + rng.below(127)).unwrap(); length];
    if let Some(end) = value.get_mut(1..9) {
        end.copy_from_slice(&rng.next().to_be_bytes());
    }
    value.into()
}

/// Returns a key near one that is there, or far from all.
pub(super) fn key(rng: &mut Rng, leaves: &BTreeMap<B256, Bytes>) -> B256 {
    let keys: Vec<_> = leaves.keys().copied().collect();
    if keys.is_empty() || rng.one_in(4) {
        return keccak256(rng.next().to_be_bytes());
    }
    let like = *rng.pick(&keys);
    rng.key_like(&like)
}

/// Puts a value at a key of a trie without blind nodes.
pub(super) fn insert(trie: &mut Trie<Bytes>, key: B256, value: Bytes) {
    trie.insert(key, value, &mut Work::default()).unwrap();
}

pub(super) fn remove(trie: &mut Trie<Bytes>, key: &B256) {
    trie.remove(key, Top::Whole, &mut Work::default()).unwrap();
}

pub(super) fn root(trie: &Trie<Bytes>) -> B256 {
    trie.root_hash(&mut Work::default())
}

pub(super) fn root_node(trie: &Trie<Bytes>) -> Bytes {
    trie.root_node(&mut Work::default()).unwrap()
}

/// Inserts, or removes a key that is there, or one that is not.
fn change(rng: &mut Rng, trie: &mut Trie<Bytes>, leaves: &mut BTreeMap<B256, Bytes>, grow: bool) {
    if rng.one_in(if grow { 4 } else { 2 }) && !leaves.is_empty() {
        let keys: Vec<_> = leaves.keys().copied().collect();
        let key = if rng.one_in(8) { key(rng, leaves) } else { *rng.pick(&keys) };
        remove(trie, &key);
        leaves.remove(&key);
    } else {
        let (key, value) = (key(rng, leaves), value(rng));
        insert(trie, key, value.clone());
        leaves.insert(key, value);
    }
}

#[test]
fn every_version_of_a_random_history_has_the_root_that_a_rebuild_has() {
    let mut n_roots_by_kind = [0_u32; 3];
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let (mut trie, mut leaves) = (Trie::<Bytes>::default(), BTreeMap::new());
        for step in 0..60 {
            for _ in 0..=rng.below(4) {
                change(&mut rng, &mut trie, &mut leaves, seed % 2 == 0);
            }
            if rng.one_in(3) {
                continue;
            }
            let (root, node) = rebuilt(&leaves);
            assert_eq!(super::map::root(&trie), root, "seed {seed}, step {step}");
            assert_eq!(root_node(&trie), node, "seed {seed}, step {step}");
            n_roots_by_kind[leaves.len().min(2)] += 1;
        }
    }
    assert!(n_roots_by_kind.iter().all(|n| *n > 100), "{n_roots_by_kind:?}");
}

#[test]
fn a_version_stays_as_it_was_when_its_copies_change() {
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let (mut trie, mut leaves) = (Trie::<Bytes>::default(), BTreeMap::new());
        let mut versions = Vec::new();
        for _ in 0..20 {
            for _ in 0..rng.below(10) {
                change(&mut rng, &mut trie, &mut leaves, true);
            }
            if rng.one_in(2) {
                root(&trie);
            }
            versions.push((trie.clone(), leaves.clone()));
            if rng.one_in(4) {
                (trie, leaves) = rng.pick(&versions).clone();
            }
        }
        for (trie, leaves) in &versions {
            assert_eq!(root(trie), rebuilt(leaves).0, "seed {seed}");
            for (key, value) in leaves {
                assert_eq!(trie.get(key), Ok(Some(value)), "seed {seed}");
            }
            let absent = key(&mut rng, leaves);
            assert_eq!(trie.get(&absent), Ok(leaves.get(&absent)), "seed {seed}");
        }
    }
}
