//! A slice as a state machine: order, misses, overlay, standing outcomes.

use crate::world::{Call, ETHER, World, addr, drive, executed, task};
use alloy_hardforks::EthereumHardfork::Shanghai;
use alloy_primitives::{Address, U256};
use engine::{
    access::{AccountWrite, BalanceWrite, WriteSet},
    account::{SnapshotKey, SnapshotValue},
    execute::RunLimits,
    ids::{AccessIndex, Incarnation},
    outcome::Verdict,
    task::{SliceKind, Standing},
};
use revm::bytecode::opcode::{
    ADD, DUP1, JUMPDEST, JUMPI, POP, PUSH0, PUSH1, PUSH2, SLOAD, SSTORE, STOP, SUB, SWAP1,
};
use std::{collections::BTreeMap, sync::Arc};

/// Adds one to slot 0.
const COUNTER: [u8; 8] = [PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, SSTORE, STOP];

fn world() -> World {
    (1..=4)
        .fold(World::default(), |world, n| world.with_balance(addr(n), ETHER))
        .with_code(addr(9), &COUNTER)
        .with_slot(addr(9), 0, 10)
}

fn counted(slots: &[(U256, U256)]) -> U256 {
    slots.first().map(|(_, value)| *value).unwrap_or_default()
}

fn write_of(writes: &WriteSet, address: Address) -> &AccountWrite {
    &writes.accounts.iter().find(|(written, _)| *written == address).unwrap().1
}

#[test]
fn transactions_of_a_slice_see_each_other_in_order() {
    let calls: Vec<_> = (1..=4).map(|n| Call::new(addr(n), addr(9))).collect();

    let task = task(Shanghai, SliceKind::Whole, 1, &calls);
    let driven = drive(&world(), task, &BTreeMap::new(), RunLimits::default());

    let counts: Vec<_> = driven
        .outcome
        .transactions
        .iter()
        .map(|outcome| counted(&write_of(&executed(outcome).writes, addr(9)).slots))
        .collect();
    assert_eq!(counts, [11, 12, 13, 14].map(U256::from));
    assert_eq!(driven.n_steps, 1, "one miss step: the slot that nothing foretold");
}

#[test]
fn snapshot_values_are_reported_once_and_only_if_used() {
    let calls: Vec<_> = (1..=2).map(|n| Call::new(addr(n), addr(9))).collect();

    let task = task(Shanghai, SliceKind::Whole, 1, &calls);
    let driven = drive(&world(), task, &BTreeMap::new(), RunLimits::default());

    let keys: Vec<_> = driven.outcome.snapshot.iter().map(SnapshotValue::key).collect();
    let mut expected = vec![
        SnapshotKey::Account(addr(1)),
        SnapshotKey::Account(addr(2)),
        SnapshotKey::Account(addr(9)),
        SnapshotKey::Slot(addr(9), U256::ZERO),
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert!(driven.asked.len() >= keys.len());
}

#[test]
fn the_overlay_lies_between_snapshot_and_slice() {
    let count =
        AccountWrite { slots: vec![(U256::ZERO, U256::from(500))], ..AccountWrite::default() };
    let rich = AccountWrite { balance: Some(BalanceWrite::Set(ETHER)), ..AccountWrite::default() };
    let mut below = WriteSet::default();
    *below.account_mut(addr(9)) = count;
    let mut own = WriteSet::default();
    *own.account_mut(addr(9)) = AccountWrite { slots: vec![(U256::ZERO, U256::from(9))], ..rich };
    // Index 2 is below the slice; index 3 is the slice's own, and 4 is above it.
    let overlay = BTreeMap::from([
        (AccessIndex::new(2), Arc::new(below)),
        (AccessIndex::new(3), Arc::new(own.clone())),
        (AccessIndex::new(4), Arc::new(own)),
    ]);

    let task = task(Shanghai, SliceKind::Round, 3, &[Call::new(addr(1), addr(9))]);
    let driven = drive(&world(), task, &overlay, RunLimits::default());

    let writes = &executed(&driven.outcome.transactions[0]).writes;
    assert_eq!(counted(&write_of(writes, addr(9)).slots), U256::from(501));
}

#[test]
fn a_tail_keeps_standing_outcomes_that_hold_and_runs_the_others() {
    let calls: Vec<_> = (1..=3).map(|n| Call::new(addr(n), addr(9))).collect();
    let whole = drive(
        &world(),
        task(Shanghai, SliceKind::Whole, 1, &calls),
        &BTreeMap::new(),
        RunLimits::default(),
    );
    let mut tail = task(Shanghai, SliceKind::Tail, 1, &calls);
    for (item, outcome) in tail.items.iter_mut().zip(&whole.outcome.transactions) {
        let mut reads = outcome.reads.clone();
        if item.index == AccessIndex::new(2) {
            // This one saw something that is not so.
            reads.0[0].value = U256::from(12345).into();
        }
        item.standing = Some(Standing {
            incarnation: outcome.incarnation,
            reads: Arc::new(reads),
            writes: Some(Arc::clone(&executed(outcome).writes)),
            gas_used: 0,
        });
        item.incarnation = Incarnation::new(100 + item.index.position());
    }

    let driven = drive(&world(), tail, &BTreeMap::new(), RunLimits::default());

    let ran: Vec<_> = driven.outcome.transactions.iter().map(|outcome| outcome.index).collect();
    assert_eq!(ran, [AccessIndex::new(2)], "only the one that did not hold");
    assert_eq!(
        executed(&driven.outcome.transactions[0]).writes,
        executed(&whole.outcome.transactions[1]).writes,
    );
}

#[test]
fn a_tail_runs_a_payment_again_that_does_not_fit_though_its_reads_hold() {
    let call = Call::new(addr(1), addr(7)).value(5);
    let before = drive(
        &world(),
        task(Shanghai, SliceKind::Whole, 2, std::slice::from_ref(&call)),
        &BTreeMap::new(),
        RunLimits::default(),
    );
    let paid = &before.outcome.transactions[0];
    assert_eq!(write_of(&executed(paid).writes, addr(7)), &AccountWrite::credit(U256::from(5)));
    for (room, is_kept) in [(5, true), (4, false)] {
        let mut below = WriteSet::default();
        let balance = Some(BalanceWrite::Set(U256::MAX - U256::from(room)));
        *below.account_mut(addr(7)) = AccountWrite { balance, ..AccountWrite::default() };
        let overlay = BTreeMap::from([(AccessIndex::new(1), Arc::new(below))]);
        let mut tail = task(Shanghai, SliceKind::Tail, 2, std::slice::from_ref(&call));
        tail.final_below = AccessIndex::new(2);
        tail.items[0].incarnation = Incarnation::new(100);
        tail.items[0].standing = Some(Standing {
            incarnation: paid.incarnation,
            reads: Arc::new(paid.reads.clone()),
            writes: Some(Arc::clone(&executed(paid).writes)),
            gas_used: 21_000,
        });

        let driven = drive(&world(), tail, &overlay, RunLimits::default());

        let ran: Vec<_> = driven.outcome.transactions.iter().map(executed).collect();
        assert_eq!(ran.is_empty(), is_kept, "room for {room}");
        assert!(ran.iter().all(|it| !it.receipt.as_ref().unwrap().success), "it fails");
    }
}

#[test]
fn each_run_after_a_miss_gets_twice_as_far_however_many_keys_there_are() {
    const N_SLOTS: u64 = 3_000;
    let [high, low] = u16::try_from(N_SLOTS).unwrap().to_be_bytes();
    let code = [
        &[PUSH2, high, low, JUMPDEST, PUSH1, 1, SWAP1, SUB][..],
        &[DUP1, SLOAD, POP, DUP1, PUSH1, 3, JUMPI, STOP],
    ];
    let world = world().with_code(addr(8), &code.concat());
    let call = Call::new(addr(1), addr(8)).gas(30_000_000);
    let task = task(Shanghai, SliceKind::Whole, 1, std::slice::from_ref(&call));

    let driven = drive(&world, task, &BTreeMap::new(), RunLimits::default());

    assert!(executed(&driven.outcome.transactions[0]).receipt.as_ref().unwrap().success);
    let is_slot = |key: &&SnapshotKey| matches!(key, SnapshotKey::Slot(..));
    assert_eq!(driven.asked.iter().filter(is_slot).count() as u64, N_SLOTS);
    assert!(driven.n_steps <= 8, "{} steps", driven.n_steps);
}

#[test]
fn what_stands_above_a_transaction_without_an_answer_is_a_guess_and_is_parked() {
    let endless = [JUMPDEST, PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, JUMPI];
    let mut world = world().with_code(addr(7), &[STOP, STOP]).with_code(addr(8), &endless);
    let lost = world.accounts[&addr(7)].code_hash;
    world.codes.remove(&lost);
    let calls = [Call::new(addr(1), addr(7)), Call::new(addr(2), addr(8)).gas(10_000_000)];
    let run = |calls: &[Call]| {
        let limits = RunLimits { speculative_gas: 100_000, ..RunLimits::default() };
        let task = task(Shanghai, SliceKind::Whole, 1, calls);
        drive(&world, task, &BTreeMap::new(), limits).outcome.transactions
    };

    let [below, above] = &run(&calls)[..] else { panic!("two outcomes") };
    let key = SnapshotKey::Code(addr(7), lost);
    assert_eq!(below.verdict, Verdict::Unavailable { key });
    assert_eq!(above.verdict, Verdict::Parked);

    // Alone, it may use up all its gas.
    let [alone] = &run(&calls[1..])[..] else { panic!("one outcome") };
    assert!(!executed(alone).receipt.as_ref().unwrap().success);
}
