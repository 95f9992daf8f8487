//! Shards' root nodes joined, against the root of the whole.

use super::{
    map::{insert, key, rebuilt, root_node, value},
    rng::Rng,
};
use crate::trie::{EMPTY_ROOT_NODE, JoinError, join, map::Trie, path::nibble};
use alloy_primitives::{B256, Bytes, bytes};
use alloy_trie::EMPTY_ROOT_HASH;
use std::collections::BTreeMap;

/// Makes keys that may all begin with the same nibble, and values of an account's size: shorter
/// ones could be embedded, which no account is.
fn leaves(rng: &mut Rng) -> BTreeMap<B256, Bytes> {
    let mut leaves = BTreeMap::new();
    let n_leaves = *rng.pick(&[0, 1, 2, 3, 20, 100]);
    while leaves.len() < n_leaves {
        let key = key(rng, &leaves);
        let mut value = value(rng).to_vec();
        value.resize(70, 1);
        leaves.insert(key, value.into());
    }
    let only = rng.one_in(2).then(|| rng.key_like(&B256::ZERO)[0] & 0xf0);
    match only {
        Some(first) => leaves
            .into_iter()
            .map(|(mut key, value)| {
                key[0] = first | key[0] & 0x0f;
                (key, value)
            })
            .collect(),
        None => leaves,
    }
}

/// Gives each nibble to a shard of its own or to any, and returns the shards' root nodes.
fn root_nodes(rng: &mut Rng, leaves: &BTreeMap<B256, Bytes>, n_shards: usize) -> Vec<Bytes> {
    let mut owners: Vec<usize> = (0..16).map(|nibble| nibble * n_shards / 16).collect();
    if rng.one_in(2) {
        for owner in &mut owners {
            *owner = usize::try_from(rng.below(n_shards as u64)).unwrap();
        }
    }
    let mut shards = vec![Trie::<Bytes>::default(); n_shards];
    for (key, value) in leaves {
        insert(&mut shards[owners[usize::from(nibble(key, 0))]], *key, value.clone());
    }
    shards.iter().map(root_node).collect()
}

#[test]
fn any_number_of_shards_join_to_the_root_of_the_whole() {
    let mut n_alone = 0;
    for seed in 0..3_000 {
        let mut rng = Rng::new(seed);
        let leaves = leaves(&mut rng);
        let n_shards = *rng.pick(&[1, 2, 4, 8, 16]);
        let nodes = root_nodes(&mut rng, &leaves, n_shards);
        let n_filled = nodes.iter().filter(|node| **node != EMPTY_ROOT_NODE).count();
        n_alone += u32::from(n_shards > 1 && n_filled == 1);

        let joined = join(nodes.iter().map(AsRef::as_ref));

        assert_eq!(joined, Ok(rebuilt(&leaves).0), "seed {seed}, {n_shards} shards");
    }
    assert!(n_alone > 100, "one shard held everything only {n_alone} times");
}

#[test]
fn no_shards_and_empty_shards_join_to_the_root_of_the_empty_state() {
    assert_eq!(join([]), Ok(EMPTY_ROOT_HASH));
    assert_eq!(join([EMPTY_ROOT_NODE.as_ref(); 4]), Ok(EMPTY_ROOT_HASH));
}

#[test]
fn shards_with_keys_that_begin_alike_are_refused() {
    let mut shard = Trie::<Bytes>::default();
    insert(&mut shard, B256::repeat_byte(0x77), vec![1; 70].into());
    let node = root_node(&shard);

    let joined = join([EMPTY_ROOT_NODE.as_ref(), &node, &node]);

    assert_eq!(joined, Err(JoinError::Overlap { position: 2, nibble: 7 }));
}

#[test]
fn bytes_that_are_no_node_are_refused_by_position() {
    for bytes in [bytes!(""), bytes!("c0"), bytes!("8080"), bytes!("c3808080"), bytes!("c22001")] {
        let joined = join([EMPTY_ROOT_NODE.as_ref(), &bytes]);
        assert!(
            matches!(joined, Err(JoinError::NotANode { position: 1, .. })),
            "{bytes}: {joined:?}"
        );
    }
}
