//! Changing and hashing in parts against doing it at once.

use super::{
    rng::Rng,
    state::{self, Plain},
};
use crate::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    trie::{ChangedPart, StateTrie, Work},
};
use alloy_primitives::{Address, U256};
use std::{collections::BTreeMap, thread};

/// A state of many accounts of which two have much storage, and a diff that changes much of it.
fn world(rng: &mut Rng) -> (StateTrie, StateDiff) {
    let address = |number: u64| Address::left_padding_from(&number.to_be_bytes());
    let mut plain = state::Plain::new();
    for number in 0..2_000 {
        let n_slots = if number < 2 { 3_000 } else { rng.below(3) };
        let slots = (0..n_slots).map(|slot| (U256::from(slot), U256::from(rng.next())));
        let slots = slots.collect();
        plain.insert(address(number), (state::account(rng), slots));
    }
    let values = plain.iter().map(|(address, entry)| (*address, entry.0, entry.1.clone()));
    let trie = StateTrie::from_values(values, []);
    let mut diff = StateDiff::default();
    for number in 0..500 {
        let n_slots = if number < 2 { 1_000 } else { rng.below(3) };
        let slots = (0..n_slots).map(|_| (U256::from(rng.below(4_000)), rng.word())).collect();
        let account = Some(Account { nonce: number, ..state::account(rng) });
        diff.accounts.insert(address(number), AccountDiff { account, wiped: false, slots });
    }
    (trie, diff)
}

#[test]
fn parts_that_run_at_once_do_the_work_and_change_nothing_of_what_comes_out() {
    let (before, diff) = world(&mut Rng::new(1));
    before.hash();
    let mut at_once = before.clone();
    at_once.apply(&diff).unwrap();
    let all = at_once.hash().nodes_hashed;
    let mut in_parts = before;
    in_parts.apply(&diff).unwrap();

    let [slots, accounts] = in_parts.hash_parts(200);

    assert_eq!((slots.len(), accounts.len()), (32, 16), "two accounts, and the accounts");
    let mut done = Work::default();
    for parts in [slots, accounts] {
        let running: Vec<_> =
            parts.into_iter().map(|part| thread::spawn(move || part.run())).collect();
        running.into_iter().for_each(|part| done.add(part.join().unwrap()));
    }
    let rest = in_parts.hash();
    assert_eq!(rest.nodes_hashed, 1, "only the root is left");
    assert_eq!(done.nodes_hashed + rest.nodes_hashed, all, "no node is hashed twice");
    assert_eq!(in_parts.root(), at_once.root());
    assert_eq!(in_parts.root_node(), at_once.root_node());
}

#[test]
fn what_is_small_or_hashed_already_is_not_divided() {
    let (mut trie, diff) = world(&mut Rng::new(2));
    let n_parts = |trie: &StateTrie, changed_min| trie.hash_parts(changed_min).map(|it| it.len());
    trie.hash();
    assert_eq!(n_parts(&trie, 1), [0, 0]);
    trie.apply(&StateDiff { codes: BTreeMap::new(), ..diff }).unwrap();
    assert_eq!(n_parts(&trie, 100_000), [0, 0]);
    assert_eq!(n_parts(&trie, 501), [32, 0], "500 accounts changed");
    assert_eq!(n_parts(&trie, 500), [32, 16]);
    assert_eq!(n_parts(&StateTrie::default(), 1), [0, 0]);
}

/// Changes a state with all that can be divided done on threads; returns the number of parts.
fn apply_in_parts(state: &mut StateTrie, diff: &StateDiff, changed_min: usize) -> usize {
    let parts = state.change_parts(diff, changed_min).unwrap();
    let n_parts = parts.len();
    let running: Vec<_> = parts.into_iter().map(|part| thread::spawn(|| part.run())).collect();
    let changed: Vec<ChangedPart> =
        running.into_iter().map(|part| part.join().unwrap().unwrap()).collect();
    state.apply_changed(diff, changed).unwrap();
    n_parts
}

#[test]
fn big_storage_that_is_changed_in_parts_is_what_it_is_when_changed_at_once() {
    let (before, diff) = world(&mut Rng::new(3));
    before.hash();
    let (mut at_once, mut in_parts) = (before.clone(), before);
    at_once.apply(&diff).unwrap();

    let n_parts = apply_in_parts(&mut in_parts, &diff, 200);

    assert_eq!(n_parts, 32, "two accounts");
    assert_eq!(in_parts.hash().nodes_hashed, at_once.hash().nodes_hashed, "nothing more is new");
    assert_eq!(in_parts.root(), at_once.root());
    assert_eq!(in_parts.change_parts(&diff, 100_000).unwrap().len(), 0);
}

#[test]
fn small_tries_too_can_be_changed_in_parts_whatever_comes_and_goes() {
    let mut n_parts = 0;
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let (mut state, mut plain) = (StateTrie::default(), Plain::new());
        for step in 0..20 {
            let diff = state::diff_of(&mut rng, 4);
            n_parts += apply_in_parts(&mut state, &diff, 1);
            state::apply(&mut plain, &diff);
            assert_eq!(state.root(), Ok(state::plain_root(&plain)), "seed {seed}, step {step}");
        }
    }
    assert!(n_parts > 2_000, "{n_parts}");
}
