//! Slices that run to their outcome, and what they ask.

use crate::{
    state::MemoryState,
    world::{CHASE, Person, contract, frame, start, task},
};
use alloy_primitives::{Address, U256};
use engine::{
    access::BalanceWrite,
    account::{SnapshotKey, SnapshotValue},
};
use proto::worker::WorkerService;
use std::sync::Arc;

#[actix::test]
async fn a_slice_runs_to_its_outcome_with_one_read_and_one_for_each_step_of_misses() {
    let state = Arc::new(MemoryState::default());
    let (alice, bob) = (Person::number(1), Person::number(2));
    let friend = Address::repeat_byte(0xaa);
    state.put_balance(alice.address, 1_000);
    state.put_balance(friend, 5);
    state.put_code(contract(1), &CHASE);
    state.put_slot(contract(1), 0, 9);
    let frame = frame(1, 2);
    let task = task(
        &frame,
        0,
        1,
        &[(alice, alice.sends(friend, 7, 0)), (bob, bob.sends(contract(1), 0, 0))],
    );

    let outcome = start(&state).execute_slice(task).await.unwrap();

    let transfer = outcome.transactions[0].executed().unwrap();
    assert!(transfer.receipt.as_ref().unwrap().success);
    let balance_of = |wanted: Address| {
        let writes = &transfer.writes.accounts;
        writes.iter().find(|(address, _)| *address == wanted).unwrap().1.balance
    };
    assert_eq!(balance_of(alice.address), Some(BalanceWrite::Set(U256::from(993))));
    assert_eq!(balance_of(friend), Some(BalanceWrite::Set(U256::from(12))));
    let slots: Vec<_> = outcome
        .snapshot
        .iter()
        .filter(|value| matches!(value, SnapshotValue::Slot(..)))
        .copied()
        .collect();
    let slot = |slot: u64, value: u64| {
        SnapshotValue::Slot(contract(1), U256::from(slot), U256::from(value))
    };
    assert_eq!(slots, [slot(0, 9), slot(9, 0)]);
    let reads = state.reads();
    assert_eq!(reads.len(), 3, "the block's own keys, slot 0, slot 9: {reads:?}");
    assert_eq!(reads[0].keys.len(), 4);
    assert_eq!(reads[1].keys, [SnapshotKey::Slot(contract(1), U256::ZERO)]);
    assert_eq!(reads[2].keys, [SnapshotKey::Slot(contract(1), U256::from(9))]);
    assert_eq!(reads[0].snapshot, frame.snapshot);
    let stats = outcome.reads;
    assert_eq!((stats.keys, stats.batches, stats.miss_steps), (6, 3, 2));
    assert_eq!((stats.cache_hits, stats.cache_misses), (0, 6));
    assert_eq!((stats.prefetched, stats.prefetched_unused), (4, 0));
    assert_eq!(stats.bytes, 3 * 72 + CHASE.len() as u64 + 2 * 32);
    assert!(outcome.cpu_us > 0);
}
