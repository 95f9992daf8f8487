//! Slices that run to their outcome, and what they ask.

use crate::{
    state::MemoryState,
    world::{CHASE, PEEK, Person, call, contract, frame, start, task},
};
use alloy_primitives::{Address, U256, keccak256};
use engine::{
    access::{AccessKey, AccountWrite, BalanceWrite, WriteSet},
    account::{SnapshotKey, SnapshotValue},
    ids::{AccessIndex, JobId},
    outcome::{ReadStats, SliceOutcome, Verdict},
    task::{OverlayEntry, SliceKind, SliceTask},
};
use futures::future::join_all;
use proto::worker::WorkerService;
use std::{collections::BTreeSet, sync::Arc};
use tokio::task::yield_now;
use worker::WorkerHandle;

fn slots_of(outcome: &SliceOutcome) -> Vec<SnapshotValue> {
    let slots = outcome.snapshot.iter().filter(|value| matches!(value, SnapshotValue::Slot(..)));
    slots.copied().collect()
}

fn slot_value(address: Address, slot: u64, value: u64) -> SnapshotValue {
    SnapshotValue::Slot(address, U256::from(slot), U256::from(value))
}

/// The key without the difference between an account with and without its code.
const fn subject(key: &SnapshotKey) -> SnapshotKey {
    match key {
        SnapshotKey::AccountWithCode(address) => SnapshotKey::Account(*address),
        key => *key,
    }
}

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
    let transactions = [(alice, alice.sends(friend, 7, 0)), (bob, bob.sends(contract(1), 0, 0))];

    let outcome = start(&state).execute_slice(task(&frame, 0, 1, &transactions)).await.unwrap();

    let transfer = outcome.transactions[0].executed().unwrap();
    assert!(transfer.receipt.as_ref().unwrap().success);
    let balance_of = |wanted: Address| {
        let writes = &transfer.writes.accounts;
        writes.iter().find(|(address, _)| *address == wanted).unwrap().1.balance
    };
    assert_eq!(balance_of(alice.address), Some(BalanceWrite::Set(U256::from(993))));
    assert_eq!(balance_of(friend), Some(BalanceWrite::Credit(U256::from(7))));
    let expected = [slot_value(contract(1), 0, 9), slot_value(contract(1), 9, 0)];
    assert_eq!(slots_of(&outcome), expected);
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

#[actix::test]
async fn slices_that_run_at_once_ask_for_each_key_once_between_them() {
    let state = Arc::new(MemoryState::default());
    let people: Vec<_> = (0..12).map(Person::number).collect();
    state.put_code(contract(1), &CHASE);
    state.put_slot(contract(1), 0, 9);
    state.put_code(contract(2), &PEEK);
    let frame = frame(1, people.len());
    let worker = start(&state);
    state.hold();
    let slices = people.iter().zip(0..).map(|(person, slice)| {
        // A sender without code in one slice is a recipient in the next.
        let to = [contract(1), contract(2), people[0].address][slice as usize % 3];
        worker.execute_slice(call(&frame, slice, *person, to))
    });

    let all = join_all(slices);
    let let_them_meet = async {
        // All people and both contracts are asked for once the last slice has begun.
        while worker.metrics().cache_misses.get() < people.len() as u64 + 2 {
            yield_now().await;
        }
        state.release();
    };
    let (outcomes, ()) = futures::join!(all, let_them_meet);

    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    for (outcome, slice) in outcomes.iter().zip(0..12) {
        let executed = outcome.transactions[0].executed().unwrap();
        assert!(executed.receipt.as_ref().unwrap().success, "slice {slice}");
        let expected = match slice % 3 {
            0 => vec![slot_value(contract(1), 0, 9), slot_value(contract(1), 9, 0)],
            1 => vec![slot_value(contract(2), 7, 0)],
            _ => Vec::new(),
        };
        assert_eq!(slots_of(outcome), expected, "slice {slice}");
    }
    let asked = state.keys_asked();
    let distinct: BTreeSet<_> = asked.iter().map(subject).collect();
    assert_eq!(asked.len(), distinct.len(), "asked twice: {asked:?}");
    assert_eq!(distinct.len(), 12 + 2 + 3, "people, contracts, slots");
    let mut sum = ReadStats::default();
    outcomes.iter().for_each(|outcome| sum.add(&outcome.reads));
    assert_eq!(sum.keys, asked.len() as u64);
    assert_eq!(sum.batches, state.reads().len() as u64);
    assert_eq!((sum.cache_hits, sum.cache_misses), (0, sum.keys));
}

#[actix::test]
async fn a_later_slice_of_the_job_asks_for_nothing_that_is_known() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &CHASE);
    let (worker, frame) = (start(&state), frame(1, 2));
    let (alice, bob) = (Person::number(1), Person::number(2));
    worker.execute_slice(call(&frame, 0, alice, contract(1))).await.unwrap();
    let n_before = state.keys_asked().len();

    let outcome = worker.execute_slice(call(&frame, 1, bob, contract(1))).await.unwrap();

    assert_eq!(state.keys_asked()[n_before..], [SnapshotKey::Account(bob.address)]);
    let stats = outcome.reads;
    assert_eq!((stats.keys, stats.batches, stats.miss_steps), (1, 1, 0));
    assert_eq!((stats.cache_hits, stats.cache_misses), (0, 1), "the job knew the rest");
}

#[actix::test]
async fn code_is_kept_across_jobs_and_values_are_not() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    state.put_slot(contract(1), 7, 70);
    let (worker, alice) = (start(&state), Person::number(1));
    worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await.unwrap();
    worker.end_job(JobId { sequence: 1, ..frame(1, 1).job }).await.unwrap();
    state.put_slot(contract(1), 7, 71);
    let n_before = state.keys_asked().len();

    let outcome = worker.execute_slice(call(&frame(2, 1), 0, alice, contract(1))).await.unwrap();

    let asked = BTreeSet::from_iter(state.keys_asked().split_off(n_before));
    let expected = BTreeSet::from([
        SnapshotKey::Account(alice.address),
        SnapshotKey::Account(contract(1)),
        SnapshotKey::Slot(contract(1), U256::from(7)),
    ]);
    assert_eq!(asked, expected);
    assert_eq!(slots_of(&outcome), [slot_value(contract(1), 7, 71)]);
}

#[actix::test]
async fn code_that_was_replaced_since_the_last_job_is_asked_for_by_its_hash() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    let (worker, alice) = (start(&state), Person::number(1));
    worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await.unwrap();
    state.put_code(contract(1), &CHASE);
    let n_before = state.keys_asked().len();

    let outcome = worker.execute_slice(call(&frame(2, 1), 0, alice, contract(1))).await.unwrap();

    let asked = &state.keys_asked()[n_before..];
    let hash = keccak256(&CHASE);
    assert!(asked.contains(&SnapshotKey::Account(contract(1))), "{asked:?}");
    assert!(asked.contains(&SnapshotKey::Code(contract(1), hash)), "{asked:?}");
    assert_eq!(slots_of(&outcome), [slot_value(contract(1), 0, 0)], "the new code ran");
    let stats = outcome.reads;
    assert_eq!((stats.batches, stats.miss_steps), (3, 2), "its code was a miss, as was its slot");
}

#[actix::test]
async fn code_that_the_snapshot_lacks_makes_the_outcome_unavailable_and_not_wrong() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    state.drop_code(&PEEK);

    let task = call(&frame(1, 1), 0, Person::number(1), contract(1));
    let outcome = start(&state).execute_slice(task).await.unwrap();

    let hash = keccak256(&PEEK);
    let verdict = &outcome.transactions[0].verdict;
    let expected = Verdict::Unavailable { key: SnapshotKey::Code(contract(1), hash) };
    assert_eq!(*verdict, expected);
}

#[actix::test]
async fn code_that_the_snapshot_lacks_is_not_asked_for_where_only_the_account_is_looked_at() {
    let state = Arc::new(MemoryState::default());
    let looks_at_the_balance = [&[0x73], contract(2).as_slice(), &[0x31, 0x00]].concat();
    state.put_code(contract(1), &looks_at_the_balance.into());
    state.put_code(contract(2), &PEEK);
    state.drop_code(&PEEK);

    let task = call(&frame(1, 1), 0, Person::number(1), contract(1));
    let outcome = start(&state).execute_slice(task).await.unwrap();

    assert!(outcome.transactions[0].executed().is_some());
    let asked = state.keys_asked();
    assert_eq!(asked.last(), Some(&SnapshotKey::AccountWithCode(contract(2))), "{asked:?}");
    assert_eq!(asked.len(), 3, "{asked:?}");
}

#[actix::test]
async fn a_slice_sees_the_overlay_as_sent_so_far_and_not_what_was_taken_back() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    let (worker, frame, alice) = (start(&state), frame(1, 9), Person::number(1));
    let writes = |value: u64| {
        let slots = vec![(U256::from(7), U256::from(value))];
        let write = AccountWrite { slots, ..AccountWrite::default() };
        Some(Arc::new(WriteSet { accounts: vec![(contract(1), write)], codes: Vec::new() }))
    };
    let entry = |index, writes| OverlayEntry { index: AccessIndex::new(index), writes };
    let overlays = [
        (vec![entry(1, writes(10)), entry(2, writes(20)), entry(9, writes(90))], Some(20)),
        (Vec::new(), Some(20)),
        (vec![entry(2, None)], Some(10)),
        (vec![entry(1, None)], None),
    ];

    for ((overlay, seen), slice) in overlays.into_iter().zip(4..) {
        let task = call(&frame, slice, alice, contract(1));
        let outcome = worker.execute_slice(SliceTask { overlay, ..task }).await;

        let outcome = outcome.unwrap();
        let key = AccessKey::Slot(contract(1), U256::from(7));
        let read = outcome.transactions[0].reads.0.iter().find(|read| read.key == key);
        let expected = U256::from(seen.unwrap_or_default());
        assert_eq!(read.unwrap().value.0, expected, "slice {slice}");
        assert_eq!(slots_of(&outcome).is_empty(), seen.is_some(), "slice {slice}");
    }
}

#[actix::test]
async fn the_overlay_of_a_slice_that_is_refused_is_kept() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    let (worker, frame, alice) = (start(&state), frame(1, 9), Person::number(1));
    let task = call(&frame, 4, alice, contract(1));
    worker.execute_slice(task.clone()).await.unwrap();
    let slots = vec![(U256::from(7), U256::from(10))];
    let write = AccountWrite { slots, ..AccountWrite::default() };
    let writes = WriteSet { accounts: vec![(contract(1), write)], codes: Vec::new() };
    let overlay = vec![OverlayEntry { index: AccessIndex::new(1), writes: Some(writes.into()) }];

    let late = worker.execute_slice(SliceTask { overlay, ..task }).await;
    assert!(late.is_err(), "the same attempt again");

    // The coordinator sends differences: it will not send this again.
    let next = worker.execute_slice(call(&frame, 5, alice, contract(1))).await.unwrap();
    let key = AccessKey::Slot(contract(1), U256::from(7));
    let read = next.transactions[0].reads.0.iter().find(|read| read.key == key);
    assert_eq!(read.unwrap().value.0, U256::from(10));
}

#[actix::test]
async fn keys_that_are_read_ahead_in_vain_are_counted() {
    let state = Arc::new(MemoryState::default());
    let alice = Person::number(1);
    let wrong_nonce = alice.sends(Address::repeat_byte(0xaa), 1, 5);

    let task = task(&frame(1, 1), 0, 1, &[(alice, wrong_nonce)]);
    let outcome = start(&state).execute_slice(task).await.unwrap();

    assert!(matches!(outcome.transactions[0].verdict, Verdict::Invalid { .. }));
    assert_eq!((outcome.reads.prefetched, outcome.reads.prefetched_unused), (2, 1));
}

async fn confirm(worker: &WorkerHandle, task: SliceTask) -> SliceOutcome {
    let kind = SliceKind::Confirmation;
    worker.execute_slice(SliceTask { kind, ..task }).await.unwrap()
}

#[actix::test]
async fn a_confirmation_asks_for_everything_again_and_leaves_nothing_behind() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &CHASE);
    let (worker, frame, alice) = (start(&state), frame(1, 1), Person::number(1));
    worker.execute_slice(call(&frame, 0, alice, contract(1))).await.unwrap();
    let first = state.keys_asked();

    let confirmed = confirm(&worker, call(&frame, 1, alice, contract(1))).await;
    let again = state.keys_asked().split_off(first.len());
    let later = worker.execute_slice(call(&frame, 2, alice, contract(1))).await.unwrap();

    assert_eq!(again, first, "code included");
    assert_eq!(confirmed.reads.cache_hits, 0);
    assert_eq!(later.reads.keys, 0, "the job's own answers are still there");
}

#[actix::test]
async fn a_confirmation_runs_with_the_senders_that_the_signatures_give() {
    let state = Arc::new(MemoryState::default());
    let (alice, mallory) = (Person::number(1), Person::number(2));
    state.put_balance(alice.address, 10);
    let friend = Address::repeat_byte(0xaa);
    let signed_by_alice = [(mallory, alice.sends(friend, 7, 0))];
    let (worker, frame) = (start(&state), frame(1, 1));

    let believed = worker.execute_slice(task(&frame, 0, 1, &signed_by_alice)).await.unwrap();
    let confirmed = confirm(&worker, task(&frame, 1, 1, &signed_by_alice)).await;

    assert!(
        matches!(believed.transactions[0].verdict, Verdict::Invalid { .. }),
        "mallory has no money: {believed:?}"
    );
    let writes = &confirmed.transactions[0].executed().unwrap().writes.accounts;
    assert!(writes.iter().any(|(address, _)| *address == alice.address), "{writes:?}");
}

#[actix::test]
async fn a_confirmation_ends_at_the_first_transaction_that_nobody_signed() {
    let state = Arc::new(MemoryState::default());
    let (alice, bob) = (Person::number(1), Person::number(2));
    let friend = Address::repeat_byte(0xaa);
    let signed = alice.sends(friend, 0, 0);
    let not_signed = {
        let tx = signed.as_legacy().unwrap().tx().clone();
        let zero = alloy_primitives::Signature::new(U256::ZERO, U256::ZERO, false);
        Arc::new(alloy_consensus::SignableTransaction::into_signed(tx, zero).into())
    };
    let transactions = [(alice, signed), (bob, not_signed), (bob, bob.sends(friend, 0, 0))];

    let outcome = confirm(&start(&state), task(&frame(1, 3), 0, 1, &transactions)).await;

    let [first, second] = &outcome.transactions[..] else { panic!("{outcome:?}") };
    assert!(first.executed().is_some());
    assert_eq!(second.index, AccessIndex::new(2));
    let Verdict::Invalid { reason } = &second.verdict else { panic!("{second:?}") };
    assert_eq!(reason, "the signature has no sender");
}
