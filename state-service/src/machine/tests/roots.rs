//! Root nodes after every index: what receipts before Byzantium hold.

use super::*;
use crate::tests::plain;

/// Returns the root node of a state, built from nothing.
fn root_node(state: &Plain) -> Option<alloy_primitives::Bytes> {
    let mut driven = Driven::new(Limits::default());
    driven.genesis(state, hash(9)).unwrap().root_node
}

#[test]
fn roots_by_index_are_those_of_the_states_after_each_index() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let state = Plain::random(&mut rng);
        let mut driven = Driven::new(Limits::default());
        driven.genesis(&state, hash(0)).unwrap();
        let writes = plain::writes(&mut rng);
        for rule in [TouchRule::Creates, TouchRule::Clears] {
            let number = if rule == TouchRule::Creates { 1 } else { 2 };
            let seal = SealRequest {
                roots_by_index: true,
                touch_rule: rule,
                ..request(job(number), block(0), 1, writes.clone())
            };

            let sealed = driven.seal(&seal).unwrap();

            let mut expected = Vec::new();
            let mut after = state.clone();
            if writes.first().is_none_or(|(index, _)| *index != AccessIndex::PRE_BLOCK) {
                expected.extend(root_node(&after).map(|node| (AccessIndex::PRE_BLOCK, node)));
            }
            for one in &writes {
                after = after.after(&vec![one.clone()], rule);
                expected.extend(root_node(&after).map(|node| (one.0, node)));
            }
            assert_eq!(sealed.index_root_nodes, expected, "seed {seed}, {rule:?}");
            assert_eq!(sealed.root_node.as_ref(), expected.last().map(|(_, node)| node));
            // Asked again it says the same.
            assert_eq!(driven.seal(&seal).unwrap(), sealed, "seed {seed}");
        }
    }
}

#[test]
fn a_snapshot_without_a_trie_has_no_roots_by_index() {
    let mut driven = Driven::new(Limits::default());
    let loaded = driven.load(&Plain::random(&mut Rng::new(1)), 1).unwrap();
    let seal = SealRequest {
        roots_by_index: true,
        purpose: SealPurpose::Verify,
        ..request(job(1), loaded, 1, credit(1))
    };
    let sealed = driven.seal(&seal).unwrap();
    assert_eq!((sealed.root_node, sealed.index_root_nodes), (None, Vec::new()));
}

#[test]
fn a_seal_of_many_keys_can_be_hashed_in_parts_and_a_small_one_is_not_divided() {
    let mut rng = Rng::new(3);
    let mut driven = Driven::new(Limits::default());
    driven.genesis(&Plain::random_of(200, &mut rng), hash(0)).unwrap();
    let writes = plain::writes_to(200, &mut rng);
    let task = driven.begin_task(&request(job(1), block(0), 1, writes));

    let changed = task.fold().unwrap().change(Vec::new()).unwrap();

    let n_parts = |keys_min| changed.hash_parts(keys_min).map(|parts| parts.len());
    assert_eq!(n_parts(20), [0, 16]);
    assert_eq!(n_parts(10_000), [0, 0]);
}
