//! Workers read what blocks need, however much else there is.

use super::{Shape, run};
use alloy_primitives::{Address, U256, keccak256};
use engine::account::Account;
use evmesh::{args::PlanArg, report::BlockStatus};
use inputs::{AccountValues, Input, ParentState, StateValues, testdata};
use std::{collections::BTreeMap, sync::Arc};

const N_DECOYS: u32 = 100_000;

/// The input on plain values, with this many accounts beside those it needs.
fn beside(input: &Input, n_decoys: u32) -> Input {
    let values = input.parent.values().unwrap();
    let mut accounts: BTreeMap<Address, AccountValues> =
        values.accounts.iter().map(|account| (account.address, account.clone())).collect();
    for n in 0..n_decoys {
        let address = Address::from_word(keccak256(n.to_be_bytes()));
        let account = Account { balance: U256::from(n) + U256::from(1), ..Account::default() };
        let decoy = AccountValues { address, account, storage: Vec::new() };
        accounts.entry(address).or_insert(decoy);
    }
    let accounts: Vec<_> = accounts.into_values().collect();
    let state = StateValues { accounts, codes: values.codes.clone() };
    let blocks = input.blocks[..1].to_vec();
    Input { blocks, parent: ParentState::Values(Arc::new(state)), ..input.clone() }
}

/// What the workers read for the input's first block.
fn reads(input: &Input, shape: Shape) -> (u64, u64, u64) {
    let reports = run(input, shape);
    assert_eq!(reports[0].line.status, BlockStatus::Equal, "{}", input.name);
    let reads = &reports[0].line.reads;
    (reads.keys, reads.batches, reads.bytes)
}

fn check(input: &Input, shape: Shape) {
    let alone = reads(&beside(input, 0), shape);
    let crowded = reads(&beside(input, N_DECOYS), shape);
    assert_eq!(alone, crowded, "{} with {shape:?}: keys, batches, bytes", input.name);
    assert!(alone.2 > 0, "{}: nothing was read", input.name);
}

#[test]
fn accounts_that_a_block_does_not_need_are_not_read() {
    let split = Shape { workers: 3, plan: PlanArg::Split, ..Shape::whole() };
    for (spec, shape) in [
        ("workload:transfers?txs=60&accounts=300", split),
        ("workload:erc20?txs=60&accounts=300", split),
        ("workload:swaps?txs=30&accounts=300&pools=1", Shape::whole()),
    ] {
        let inputs = inputs::open(spec, &mut |_, _| {}).unwrap();
        check(&inputs[0], shape);
    }
}

#[test]
fn accounts_that_a_real_block_does_not_need_are_not_read() {
    let Some(inputs) = testdata::mainnet_blocks("decoys beside real blocks") else { return };
    for input in
        inputs.iter().filter(|input| [2_688_148, 15_752_489].contains(&input.blocks[0].number))
    {
        check(input, Shape::whole());
    }
}
