//! Properties that hold in whatever order things come.

use super::driver::{Driver, N_CONTRACTS, contract, job, task};
use crate::{config::Limits, error::WorkerError};
use alloy_primitives::U256;
use engine::{
    account::{SnapshotKey, SnapshotValue},
    outcome::{ReadStats, SliceOutcome},
    shard::ShardCount,
    task::SliceKind,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What a test does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Something that is under way arrives.
    Deliver(usize),
    /// A read fails, if it is one that is chosen.
    Fail(usize),
    /// A slice is dispatched.
    Send { sequence: u64, slice: u32, attempt: u32, confirms: bool },
    /// A job ends.
    End(u64),
}

fn acts(may_fail: bool) -> impl Strategy<Value = Vec<Act>> {
    let send = (1..3_u64, 0..12_u32, 0..3_u32, prop::bool::weighted(0.1)).prop_map(
        |(sequence, slice, attempt, confirms)| Act::Send { sequence, slice, attempt, confirms },
    );
    let act = prop_oneof![
        10 => any::<usize>().prop_map(Act::Deliver),
        u32::from(may_fail) => any::<usize>().prop_map(Act::Fail),
        8 => send,
        u32::from(may_fail) => (1..3_u64).prop_map(Act::End),
    ];
    prop::collection::vec(act, 1..200)
}

fn act(driver: &mut Driver, act: Act) {
    match act {
        Act::Deliver(_) | Act::Fail(_) if driver.n_under_way() == 0 => {}
        Act::Deliver(choice) => driver.deliver(choice, false),
        Act::Fail(choice) => driver.deliver(choice, true),
        Act::Send { sequence, slice, attempt, confirms } => {
            let kind = if confirms { SliceKind::Confirmation } else { SliceKind::Round };
            // Refusals are part of the game; who is refused has no run.
            let _ = driver.send(task(sequence, slice, attempt, kind));
        }
        Act::End(sequence) => driver.end_job(job(sequence)),
    }
}

const fn subject(key: &SnapshotKey) -> SnapshotKey {
    match key {
        SnapshotKey::AccountWithCode(address) => SnapshotKey::Account(*address),
        key => *key,
    }
}

fn narrow() -> Limits {
    Limits {
        reads_in_flight_max: 2.try_into().unwrap(),
        read_keys_max: 3.try_into().unwrap(),
        ..Limits::default()
    }
}

fn check_outcome(outcome: &SliceOutcome) {
    let slice = outcome.slice.get();
    let [transaction] = &outcome.transactions[..] else { panic!("{outcome:?}") };
    // A Confirmation finds another sender in the signature; the call is the same.
    assert!(transaction.executed().is_some(), "slice {slice}: {outcome:?}");
    let slots: Vec<_> = outcome
        .snapshot
        .iter()
        .filter_map(|value| match value {
            SnapshotValue::Slot(address, slot, value) => Some((*address, *slot, *value)),
            SnapshotValue::Account(..) => None,
        })
        .collect();
    let five = U256::from(5);
    let expected = [(contract(slice), U256::ZERO, five), (contract(slice), five, U256::ZERO)];
    assert_eq!(slots, expected, "slice {slice}");
}

/// Delivers all that is under way, and checks that nothing is left.
fn drain(driver: &mut Driver) {
    while driver.n_under_way() > 0 {
        driver.deliver(0, false);
    }
    let machine = &driver.machine;
    assert!(machine.running.is_empty(), "{:?}", machine.running);
    assert!(machine.reads.is_empty(), "{:?}", machine.reads);
    assert_eq!((machine.n_held_by_pool, machine.n_stages), (0, 0));
    assert!(machine.keys.keys().all(|(_, confirmation)| confirmation.is_none()));
    assert!(machine.keys.keys().all(|(job, _)| machine.jobs.contains_key(job)));
    let answered: Vec<_> = driver.answers.keys().collect();
    assert_eq!(answered, Vec::from_iter(driver.runs.keys()), "each run is answered once");
}

proptest! {
    #[test]
    fn every_run_is_answered_once_and_nothing_is_left_whatever_happens(acts in acts(true)) {
        let mut driver = Driver::with_shards(ShardCount::new(4).unwrap(), narrow());
        for next in acts {
            act(&mut driver, next);
        }

        drain(&mut driver);

        for answer in driver.answers.values() {
            match answer {
                Ok(outcome) => check_outcome(outcome),
                Err(
                    WorkerError::JobEnded { .. }
                    | WorkerError::Redispatched { .. }
                    | WorkerError::State { .. },
                ) => {}
                Err(error) => panic!("{error}"),
            }
        }
        for sequence in [1, 2] {
            driver.end_job(job(sequence));
        }
        prop_assert!(driver.machine.keys.is_empty() && driver.machine.jobs.is_empty());
    }

    #[test]
    fn each_key_is_asked_once_a_job_in_whatever_order_slices_and_answers_come(
        slices in Just(Vec::from_iter(0..12_u32)).prop_shuffle(),
        pauses in prop::collection::vec(0..6_usize, 12),
        choices in prop::collection::vec(any::<usize>(), 400),
        n_shards in prop::sample::select(vec![1, 2, 16]),
    ) {
        let mut driver = Driver::with_shards(ShardCount::new(n_shards).unwrap(), narrow());
        let mut choices = choices.into_iter().cycle();
        for (slice, pause) in slices.into_iter().zip(pauses) {
            driver.send(task(1, slice, 0, SliceKind::Round)).unwrap();
            for _ in 0..pause {
                act(&mut driver, Act::Deliver(choices.next().unwrap()));
            }
        }
        while driver.n_under_way() > 0 {
            driver.deliver(choices.next().unwrap(), false);
        }

        drain(&mut driver);

        let distinct: BTreeSet<_> = driver.keys_asked.iter().map(subject).collect();
        prop_assert_eq!(distinct.len(), driver.keys_asked.len(), "{:?}", driver.keys_asked);
        // Six senders; of each contract the account and two slots.
        prop_assert_eq!(distinct.len(), 6 + 3 * N_CONTRACTS as usize);
        let mut sum = ReadStats::default();
        for answer in driver.answers.values() {
            let outcome = answer.as_ref().unwrap();
            check_outcome(outcome);
            sum.add(&outcome.reads);
        }
        prop_assert_eq!(sum.keys, distinct.len() as u64);
        prop_assert_eq!(sum.batches, driver.n_reads as u64);
        prop_assert_eq!(sum.prefetched, 6 + u64::from(N_CONTRACTS));
        prop_assert_eq!(sum.prefetched_unused, 0);
        prop_assert_eq!((sum.cache_hits, sum.cache_misses), (0, sum.keys));
        // The coordinator's bound: a first read for each dispatch, and one for each miss step.
        prop_assert!(sum.batches <= (12 + sum.miss_steps) * n_shards as u64, "{sum:?}");
        let n_stages: u32 = driver.answers.values().map(|it| it.as_ref().unwrap().n_stages).sum();
        prop_assert_eq!(driver.n_staged, usize::try_from(n_stages).unwrap());
        prop_assert!(n_stages >= 12 && (n_shards > 1 || n_stages == 12), "{}", n_stages);
        prop_assert_eq!(driver.metrics.keys.get(), sum.keys);
        prop_assert_eq!(driver.metrics.read_bytes.get(), sum.bytes);
    }
}

#[test]
fn no_more_reads_are_under_way_than_may_be_and_none_is_longer_than_it_may_be() {
    let mut driver = Driver::new(narrow());
    for slice in 0..12 {
        driver.send(task(1, slice, 0, SliceKind::Round)).unwrap();
    }
    // Every run begins before any read is answered.
    for _ in 0..12 {
        driver.deliver(0, false);
    }

    assert_eq!(driver.n_reads, 2);
    drain(&mut driver);
    assert_eq!(driver.longest_read, 3);
    // Fifteen keys, three at a time where they wait together.
    assert!(driver.n_reads < 15, "{}", driver.n_reads);
}

#[test]
fn a_run_that_a_thread_still_holds_counts_until_the_thread_lets_go() {
    let one = Limits { slice_queue_len_max: 1.try_into().unwrap(), ..Limits::default() };
    let mut driver = Driver::new(one);
    driver.send(task(1, 0, 0, SliceKind::Round)).unwrap();
    driver.end_job(job(1));

    let refused = driver.send(task(2, 0, 0, SliceKind::Round));
    assert_eq!(refused, Err(WorkerError::SliceQueueFull { slice_queue_len_max: 1 }));
    driver.deliver(0, false);

    assert!(driver.send(task(2, 0, 0, SliceKind::Round)).is_ok());
}

#[test]
fn writes_are_staged_only_while_few_stage_messages_are_under_way() {
    let one = Limits { stages_in_flight_max: 1.try_into().unwrap(), ..Limits::default() };
    let mut driver = Driver::new(one);
    let run = |driver: &mut Driver, slice| {
        let run = driver.send(task(1, slice, 0, SliceKind::Round)).unwrap();
        while !driver.answers.contains_key(&run) {
            // The newest first: an older stage message stays under way.
            driver.deliver(driver.n_under_way() - 1, false);
        }
    };
    run(&mut driver, 0);
    run(&mut driver, 1);
    assert_eq!((driver.n_staged, driver.metrics.stages_skipped.get()), (1, 1));

    drain(&mut driver);
    run(&mut driver, 2);

    assert_eq!((driver.n_staged, driver.metrics.stages_skipped.get()), (2, 1));
    drain(&mut driver);
    assert!(driver.answers.values().all(Result::is_ok), "no slice fails for it");
}

#[test]
fn a_key_that_nobody_waits_for_any_more_is_not_asked() {
    let one = Limits { reads_in_flight_max: 1.try_into().unwrap(), ..Limits::default() };
    let mut driver = Driver::new(one);
    for slice in [0, 2] {
        driver.send(task(1, slice, 0, SliceKind::Round)).unwrap();
        driver.deliver(driver.n_under_way() - 1, false);
    }
    let n_asked = driver.keys_asked.len();
    // The keys of slice 2 wait behind the read of slice 0; their run is gone before they leave.
    driver.send(task(1, 2, 1, SliceKind::Round)).unwrap();
    driver.deliver(0, false);
    assert_eq!(driver.keys_asked.len(), n_asked, "of the first attempt of slice 2");

    drain(&mut driver);
    let distinct: BTreeSet<_> = driver.keys_asked.iter().map(subject).collect();
    assert_eq!(distinct.len(), driver.keys_asked.len());
}
