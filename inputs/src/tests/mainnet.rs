//! Real mainnet blocks, serially executed, held against their headers.

use super::{comparisons, execute};
use crate::{Input, testdata};
use alloy_primitives::U256;
use engine::{
    account::TouchRule,
    fold::fold,
    header::{Field, FieldStatus},
    sequential::{self, Record, SerialState, Stop},
};
use std::collections::BTreeMap;

#[test]
fn every_real_block_is_serially_equal_to_its_header() {
    let test = "every_real_block_is_serially_equal_to_its_header";
    let Some(inputs) = testdata::mainnet_blocks(test) else { return };
    assert_eq!(inputs.len(), 34);
    let mut n_equal = BTreeMap::<Field, usize>::new();
    for input in &inputs {
        let block = &input.blocks[0];
        let outcome = execute(input, block, &input.parent.values().unwrap().to_serial_state());
        for field in comparisons(block, &outcome) {
            assert_ne!(field.status, FieldStatus::Different, "{}: {field:?}", input.name);
            if field.status == FieldStatus::Equal {
                *n_equal.entry(field.field).or_default() += 1;
            }
        }
    }
    let equal = |field| n_equal.get(&field).copied().unwrap_or(0);
    assert_eq!(equal(Field::GasUsed), 34);
    assert_eq!(equal(Field::LogsBloom), 34);
    assert_eq!(equal(Field::TransactionsRoot), 34);
    assert_eq!(equal(Field::ReceiptsRoot), 27);
    assert_eq!(equal(Field::WithdrawalsRoot), 8);
    assert_eq!(equal(Field::BlobGasUsed), 5);
    assert_eq!(equal(Field::OmmersHash), 31, "three blocks have ommers, which JSON-RPC withholds");
    assert_eq!(equal(Field::StateRoot), 0, "values alone have no root");
}

#[test]
fn writes_by_index_of_every_real_block_fold_into_its_final_values() {
    let test = "writes_by_index_of_every_real_block_fold_into_its_final_values";
    let Some(inputs) = testdata::mainnet_blocks(test) else { return };
    for input in &inputs {
        let (block, state) = (&input.blocks[0], input.parent.values().unwrap().to_serial_state());
        let prepared = sequential::prepare(&input.chain, &block.block_rlp, &block.lineage).unwrap();
        let recorded = state.execute(&input.chain, &prepared, &block.ancestors, Record::Writes);
        let outcome = sequential::finish(&input.chain, &prepared, recorded.unwrap(), None).unwrap();
        let rule = TouchRule::of(prepared.spec);
        let folded = fold(&outcome.writes.unwrap(), rule, |address| state.account(address));
        let expected = state.normalise(&execute(input, block, &state).post);
        assert_eq!(state.normalise(&folded), expected, "{}", input.name);
        assert!(!expected.accounts.is_empty() || prepared.block.transactions.is_empty());
    }
}

/// Returns the names of the fields that differ, or that the block was refused.
fn verdict(input: &Input, state: &SerialState) -> String {
    let block = &input.blocks[0];
    match state.run(&input.chain, &block.block_rlp, &block.lineage, &block.ancestors) {
        Ok(outcome) => {
            let fields = comparisons(block, &outcome).into_iter();
            let different = fields.filter(|field| field.status == FieldStatus::Different);
            different.map(|field| field.field.name()).collect::<Vec<_>>().join(" ")
        }
        Err(Stop::Invalid(invalid)) => format!("invalid at {:?}", invalid.transaction),
        Err(stop) => panic!("{}: {stop}", input.name),
    }
}

/// Returns the state below a block with the lowest bit of one slot or nonce flipped.
fn with_flipped_bit(input: &Input, account: usize, slot: Option<usize>) -> SerialState {
    let mut values = input.parent.values().unwrap().as_ref().clone();
    let account = &mut values.accounts[account];
    match slot {
        Some(slot) => account.storage[slot].1 ^= U256::from(1),
        None => account.account.nonce ^= 1,
    }
    values.to_serial_state()
}

#[test]
fn a_wrong_bit_below_a_real_block_is_seen() {
    let Some(inputs) = testdata::mainnet_blocks("a_wrong_bit_below_a_real_block_is_seen") else {
        return;
    };
    let input = inputs.iter().find(|input| input.blocks[0].number == 15_752_489).unwrap();
    assert_eq!(verdict(input, &input.parent.values().unwrap().to_serial_state()), "");
    let accounts = &input.parent.values().unwrap().accounts;

    let slots: Vec<(usize, usize)> = accounts
        .iter()
        .enumerate()
        .flat_map(|(account, values)| (0..values.storage.len()).map(move |slot| (account, slot)))
        .step_by(20)
        .collect();
    let seen = slots.iter().filter(|(account, slot)| {
        verdict(input, &with_flipped_bit(input, *account, Some(*slot))).contains("receipts_root")
    });
    let (n_seen, n_slots) = (seen.count(), slots.len());
    assert!(n_slots > 10 && n_seen * 4 > n_slots, "{n_seen} of {n_slots} wrong slots were seen");

    let block = &input.blocks[0];
    let prepared = sequential::prepare(&input.chain, &block.block_rlp, &block.lineage).unwrap();
    let sender = prepared.senders[0].unwrap();
    let account = accounts.iter().position(|account| account.address == sender).unwrap();
    assert_eq!(verdict(input, &with_flipped_bit(input, account, None)), "invalid at Some(0)");
}
