//! The state that serial execution reads.

use super::scene::addr;
use crate::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    sequential::SerialState,
};
use alloy_primitives::{Bytes, U256, keccak256};

fn account(balance: u64) -> Account {
    Account { balance: U256::from(balance), ..Account::default() }
}

fn diff(account: Option<Account>, wiped: bool, slots: &[(u64, u64)]) -> StateDiff {
    let slots = slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value)));
    let change = AccountDiff { account, wiped, slots: slots.collect() };
    StateDiff { accounts: [(addr(1), change)].into(), ..StateDiff::default() }
}

fn state() -> SerialState {
    let mut state = SerialState::default();
    let slots = [(1, 11), (2, 22), (3, 0)];
    let slots = slots.map(|(slot, value)| (U256::from(slot), U256::from(value)));
    state.insert_account(addr(1), account(5), slots);
    state
}

fn slots_of(state: &SerialState) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = state
        .accounts()
        .flat_map(|(_, _, storage)| storage.map(|(slot, value)| (slot.to(), value.to())))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn a_zero_slot_is_no_slot() {
    let mut state = state();
    assert_eq!(slots_of(&state), [(1, 11), (2, 22)]);
    state.apply(&diff(Some(account(5)), false, &[(2, 0), (4, 44)]));
    assert_eq!(slots_of(&state), [(1, 11), (4, 44)]);
}

#[test]
fn a_wipe_comes_before_the_slots_and_takes_all_others() {
    let mut state = state();
    state.apply(&diff(Some(account(6)), true, &[(2, 2)]));
    assert_eq!(slots_of(&state), [(2, 2)]);
    assert_eq!(state.account(&addr(1)), Some(account(6)));
    state.apply(&diff(None, true, &[]));
    assert_eq!((state.account(&addr(1)), slots_of(&state)), (None, vec![]));
}

#[test]
fn an_empty_account_is_not_an_absent_one() {
    let mut state = state();
    state.apply(&diff(Some(Account::default()), false, &[]));
    assert_eq!(state.account(&addr(1)), Some(Account::default()));
    assert_eq!(state.account(&addr(2)), None);
}

#[test]
fn two_diffs_that_do_the_same_have_one_form() {
    let state = state();
    let same = [
        diff(Some(account(5)), true, &[(1, 11), (4, 4)]),
        diff(Some(account(5)), false, &[(2, 0), (4, 4)]),
        diff(Some(account(5)), false, &[(1, 11), (2, 0), (4, 4), (5, 0)]),
    ];
    for one in &same {
        assert_eq!(state.normalise(one), state.normalise(&same[0]), "{one:?}");
    }
    let other = diff(Some(account(5)), false, &[(2, 0), (4, 5)]);
    assert_ne!(state.normalise(&other), state.normalise(&same[0]));
    let nothing = diff(Some(account(5)), false, &[(1, 11)]);
    assert_eq!(state.normalise(&nothing), StateDiff::default());
    assert_eq!(state.normalise(&diff(None, false, &[])), state.normalise(&diff(None, true, &[])));
}

#[test]
fn known_code_is_no_change() {
    let mut state = state();
    let code = Bytes::from_static(&[1, 2, 3]);
    let diff = StateDiff { codes: [(keccak256(&code), code)].into(), ..StateDiff::default() };
    assert_eq!(state.normalise(&diff).codes.len(), 1);
    state.apply(&diff);
    assert_eq!(state.normalise(&diff).codes.len(), 0);
}
