//! The map from keys to values, version by version.

use super::rng::Rng;
use crate::trie::{encode::LeafValue, map::Trie};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use std::collections::BTreeMap;

impl LeafValue for Bytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// Builds the root hash and the root node from nothing.
pub(super) fn rebuilt(leaves: &BTreeMap<B256, Bytes>) -> (B256, Bytes) {
    let mut builder =
        HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![Nibbles::default()]));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let node = builder.take_proof_nodes().get(&Nibbles::default()).cloned();
    (root, node.expect("the root's node was asked for"))
}

/// Returns a value of one byte, of nine, or of an account's size.
pub(super) fn value(rng: &mut Rng) -> Bytes {
    let length = *rng.pick(&[1, 1, 9, 70]);
    let byte = u8::try_from(1 + rng.below(127)).unwrap();
    vec![byte; length].into()
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

/// Inserts, or removes a key that is there, or one that is not.
fn change(rng: &mut Rng, trie: &mut Trie<Bytes>, leaves: &mut BTreeMap<B256, Bytes>, grow: bool) {
    if rng.one_in(if grow { 4 } else { 2 }) && !leaves.is_empty() {
        let keys: Vec<_> = leaves.keys().copied().collect();
        let key = if rng.one_in(8) { key(rng, leaves) } else { *rng.pick(&keys) };
        trie.remove(&key);
        leaves.remove(&key);
    } else {
        let (key, value) = (key(rng, leaves), value(rng));
        trie.insert(key, value.clone());
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
            assert_eq!(trie.root_hash(), root, "seed {seed}, step {step}");
            assert_eq!(trie.root_node(), node, "seed {seed}, step {step}");
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
                trie.root_hash();
            }
            versions.push((trie.clone(), leaves.clone()));
            if rng.one_in(4) {
                (trie, leaves) = rng.pick(&versions).clone();
            }
        }
        for (trie, leaves) in &versions {
            assert_eq!(trie.root_hash(), rebuilt(leaves).0, "seed {seed}");
            for (key, value) in leaves {
                assert_eq!(trie.get(key), Some(value), "seed {seed}");
            }
            let absent = key(&mut rng, leaves);
            assert_eq!(trie.get(&absent), leaves.get(&absent), "seed {seed}");
        }
    }
}
