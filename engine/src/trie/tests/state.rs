//! Whole states against roots built from nothing.

use super::rng::Rng;
use crate::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    trie::{StateTrie, state_root, storage_root},
};
use alloy_primitives::{Address, B256, U256, bytes, keccak256};
use std::collections::BTreeMap;

/// A state as plain maps.
pub(super) type Plain = BTreeMap<Address, (Account, BTreeMap<U256, U256>)>;

pub(super) fn plain_root(plain: &Plain) -> B256 {
    state_root(plain.iter().map(|(address, (account, slots))| {
        (*address, *account, slots.iter().map(|(slot, value)| (*slot, *value)))
    }))
}

pub(super) fn account(rng: &mut Rng) -> Account {
    let code_hash = if rng.one_in(2) {
        Account::default().code_hash
    } else {
        keccak256([rng.one_in(2).into()])
    };
    Account { balance: rng.word(), nonce: rng.below(3), code_hash }
}

fn diff(rng: &mut Rng) -> StateDiff {
    diff_of(rng, 12)
}

/// Changes of a few among so many accounts.
pub(super) fn diff_of(rng: &mut Rng, n_accounts: u64) -> StateDiff {
    let mut diff = StateDiff::default();
    for _ in 0..rng.below(6) {
        let address = Address::with_last_byte(u8::try_from(rng.below(n_accounts)).unwrap());
        let exists = !rng.one_in(4);
        let n_slots = if exists { rng.below(6) } else { 0 };
        let slots = (0..n_slots).map(|_| (U256::from(rng.below(10)), rng.word())).collect();
        let changes = AccountDiff {
            account: exists.then(|| account(rng)),
            wiped: !exists || rng.one_in(5),
            slots,
        };
        diff.accounts.insert(address, changes);
    }
    diff
}

pub(super) fn apply(plain: &mut Plain, diff: &StateDiff) {
    for (address, changes) in &diff.accounts {
        let (_, mut slots) = plain.remove(address).unwrap_or_default();
        if changes.wiped {
            slots.clear();
        }
        slots.extend(&changes.slots);
        if let Some(account) = changes.account {
            plain.insert(*address, (account, slots));
        }
    }
}

#[test]
fn a_state_after_random_diffs_has_the_root_and_the_values_of_plain_maps() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let (mut state, mut plain) = (StateTrie::default(), Plain::new());
        for step in 0..30 {
            let diff = diff(&mut rng);
            let before = (state.clone(), state.root());
            state.apply(&diff).unwrap();
            apply(&mut plain, &diff);
            assert_eq!(state.root(), Ok(plain_root(&plain)), "seed {seed}, step {step}");
            assert_eq!(Ok(keccak256(state.root_node())), state.root(), "seed {seed}, step {step}");
            assert_eq!(before.0.root(), before.1, "seed {seed}, step {step}: the parent changed");
        }
        for byte in 0..12 {
            let address = Address::with_last_byte(byte);
            let expected = plain.get(&address);
            assert_eq!(state.account(&address), Ok(expected.map(|entry| entry.0)), "seed {seed}");
            let root = expected.map(|entry| storage_root(entry.1.clone()));
            assert_eq!(state.storage_root(&address), Ok(root), "seed {seed}");
            for slot in (0..10).map(U256::from) {
                let value = expected.and_then(|entry| entry.1.get(&slot)).copied();
                assert_eq!(
                    state.slot(&address, &slot),
                    Ok(value.unwrap_or_default()),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn an_account_that_is_set_loses_its_old_slots_and_zero_slots_are_none() {
    let address = Address::with_last_byte(1);
    let mut state = StateTrie::default();
    state.set_account(&address, Account::default(), [(U256::from(1), U256::from(1))]).unwrap();

    let slots = [(U256::from(2), U256::from(7)), (U256::from(3), U256::ZERO)];
    state.set_account(&address, Account::default(), slots).unwrap();

    assert_eq!(state.slot(&address, &U256::from(1)), Ok(U256::ZERO));
    assert_eq!(state.slot(&address, &U256::from(2)), Ok(U256::from(7)));
    let root = storage_root([(U256::from(2), U256::from(7))]);
    assert_eq!(state.storage_root(&address), Ok(Some(root)));
}

#[test]
fn code_is_found_by_its_hash_in_the_state_that_has_it() {
    let code = bytes!("6001");
    let before = StateTrie::default();
    let mut after = before.clone();
    let codes = BTreeMap::from([(keccak256(&code), code.clone())]);
    after.apply(&StateDiff { codes, ..StateDiff::default() }).unwrap();

    assert_eq!(before.code(&keccak256(&code)), None);
    assert_eq!(after.code(&keccak256(&code)), Some(&code));
    assert_eq!(after.root(), before.root());
}
