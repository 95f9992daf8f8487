//! The state that an input expects at its end, beside the cluster's.

use super::{Branches, sandbox::run};
use alloy_primitives::{Address, U256};
use engine::{block::Block, header::FieldStatus};
use evmesh::session::InputEnd;
use inputs::{AccountValues, ExpectedState, Input, ParentState, StateValues};
use std::sync::Arc;

/// An input of one block, with the state after it as serial execution leaves it.
fn input_with_values() -> (Input, StateValues) {
    let input = Branches::new(1).first;
    let ParentState::Genesis { state, .. } = &input.parent else { panic!("a genesis") };
    let mut serial = state.to_serial_state();
    let block = &input.blocks[0];
    let ran = serial.run(&input.chain, &block.block_rlp, &block.lineage, &block.ancestors).unwrap();
    serial.apply(&ran.post);
    let mut accounts: Vec<_> = serial
        .accounts()
        .map(|(address, account, storage)| {
            let mut storage: Vec<_> = storage.collect();
            storage.sort_unstable();
            AccountValues { address, account, storage }
        })
        .collect();
    accounts.sort_by_key(|values| values.address);
    let codes = state.codes.clone();
    (input, StateValues { accounts, codes })
}

fn end_with(input: &Input, expected: ExpectedState) -> InputEnd {
    let mut input = input.clone();
    input.expected.state = Some(expected);
    run(&input).1
}

/// Returns the field that is first found to differ from values that `change` made others.
fn found(input: &Input, values: &StateValues, change: impl FnOnce(&mut StateValues)) -> String {
    let mut values = values.clone();
    change(&mut values);
    let end = end_with(input, ExpectedState::Values(Arc::new(values)));
    assert_eq!(end.post_state, Some(FieldStatus::Different));
    assert_eq!(end.exit().code(), 1);
    end.first_difference.unwrap().field
}

#[test]
fn the_state_at_the_end_is_compared_by_values_or_by_root() {
    let (input, values) = input_with_values();
    let header = Block::decode(&input.blocks[0].block_rlp).unwrap().header;

    let by_values = end_with(&input, ExpectedState::Values(Arc::new(values)));
    let by_root = end_with(&input, ExpectedState::Root(header.state_root));
    let by_other_root = end_with(&input, ExpectedState::Root(header.parent_hash));

    for equal in [by_values, by_root] {
        assert_eq!(equal.post_state, Some(FieldStatus::Equal));
        assert_eq!((equal.exit().code(), equal.first_difference), (0, None));
    }
    assert_eq!(by_other_root.post_state, Some(FieldStatus::Different));
    assert_eq!(by_other_root.first_difference.unwrap().field, "state_root");
}

#[test]
fn the_first_account_or_slot_that_differs_is_named() {
    let (input, values) = input_with_values();
    let with_slots = values.accounts.iter().position(|it| it.storage.len() > 1).unwrap();
    let (account, last) = (values.accounts[with_slots].address, values.accounts.len() - 1);

    let balance = found(&input, &values, |it| it.accounts[0].account.balance += U256::ONE);
    assert_eq!(balance, format!("account {}.balance", values.accounts[0].address));
    let nonce = found(&input, &values, |it| it.accounts[last].account.nonce += 1);
    assert_eq!(nonce, format!("account {}.nonce", values.accounts[last].address));
    let (slot, _) = values.accounts[with_slots].storage[1];
    let changed = found(&input, &values, |it| it.accounts[with_slots].storage[1].1 += U256::ONE);
    assert_eq!(changed, format!("account {account}.slot {slot:#x}"));
    let gone = found(&input, &values, |it| _ = it.accounts.remove(3));
    assert_eq!(gone, format!("account {}.exists", values.accounts[3].address));
    let more = AccountValues { address: Address::repeat_byte(0x12), ..AccountValues::default() };
    let exists = found(&input, &values, |it| it.accounts.push(more));
    assert_eq!(exists, format!("account {}.exists", Address::repeat_byte(0x12)));
}
