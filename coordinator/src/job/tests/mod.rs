//! The machine against serial execution of model blocks: whatever is shuffled, delayed, repeated,
//! lost or lied about, the outcome is the serial one, and the machine ends.

mod building;
mod lies;
mod sim;

use super::{Event, JobReport};
use alloy_primitives::Address;
use engine::{
    account::{SnapshotKey, TouchRule},
    ids::{AccessIndex, ShardIndex, WorkerId},
    model::{Numbers, Shape},
    outcome::Verdict,
    shard::ShardCount,
    task::SliceKind,
};
use lies::{LIES, Lie};
use proto::coordinator::{JobEnd, PlanWish};
use sim::{Sim, World};
use std::collections::BTreeSet;

fn world(seed: u64) -> World {
    let mut numbers = Numbers::new(seed ^ 0x3077);
    let n_transactions = u32::try_from(numbers.below(40)).unwrap();
    World {
        shape: Shape {
            n_transactions,
            n_accounts: [3, 10, 60][usize::try_from(numbers.below(3)).unwrap()],
            invalid_percent: 0,
            parked_percent: if numbers.percent(30) { 15 } else { 0 },
            n_fitting: u64::from(n_transactions) + 1,
        },
        rule: if numbers.percent(50) { TouchRule::Creates } else { TouchRule::Clears },
        n_workers: 1 + numbers.below(5),
        shards: ShardCount::new(1 << numbers.below(5)).unwrap(),
        plan: if numbers.percent(20) { PlanWish::Whole } else { PlanWish::Split },
        slice_gas: numbers.percent(20).then_some(1),
        local_recovery_len_max: if numbers.percent(50) { 100 } else { 0 },
        liar: None,
        all_wrong_at: None,
        loss_percent: 0,
        panic_percent: 0,
        broken: None,
        unreported_percent: 0,
        join_permille: 10,
        unsigned: None,
        wrong_header: false,
        builds: false,
    }
}

/// Runs a job and compares how it ended with serial execution.
fn run_and_compare(sim: &mut Sim) -> Option<JobReport> {
    let seed = sim.seed;
    let report = sim.run();
    match (sim.serial(), &report.end) {
        (Ok((receipts, results)), JobEnd::Committed) => {
            assert_eq!(report.receipts, receipts, "seed {seed}");
            assert_eq!(report.results.as_ref(), Some(&results), "seed {seed}");
            assert_eq!(report.writes.len(), sim.block.n_indices() as usize, "seed {seed}");
            assert_eq!(sim.n_commits, 1, "seed {seed}");
        }
        (Err(offset), JobEnd::Invalid { transaction, .. }) => {
            assert_eq!(*transaction, Some(offset), "seed {seed}");
            assert_eq!(sim.n_commits, 0, "seed {seed}");
        }
        (Ok(_), end) => panic!("seed {seed}: {end:?} and should be committed"),
        (Err(offset), end) => panic!("seed {seed}: {end:?}, and {offset} is invalid"),
    }
    let counts = &report.counts;
    let n_messages = counts.messages_coordinator_worker
        + counts.messages_coordinator_state
        + counts.messages_worker_state;
    let bound = counts.message_bound;
    assert!(n_messages <= bound, "seed {seed}: {n_messages} messages are above {bound}");
    assert!(report.plan.rounds <= 2, "seed {seed}: {} rounds", report.plan.rounds);
    Some(report).filter(|report| report.end == JobEnd::Committed)
}

#[test]
fn whatever_the_order_of_events_the_outcome_is_the_serial_one() {
    let (mut n_tails, mut n_second_rounds) = (0, 0);
    for seed in 0..1_500 {
        let mut sim = Sim::new(seed, world(seed));
        run_and_compare(&mut sim);
        n_tails += u32::from(sim.dispatches.iter().any(|it| it.1 == SliceKind::Tail));
        let n_rounds = sim.dispatches.iter().filter(|it| it.1 == SliceKind::Round).count();
        let n_first = sim.dispatches.iter().take_while(|it| it.1 == SliceKind::Round).count();
        n_second_rounds += u32::from(n_rounds > 5 && n_first > 5);
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_tails > 100, "{n_tails} blocks had a tail");
    assert!(n_second_rounds > 20, "{n_second_rounds} blocks had a second round");
}

#[test]
fn a_block_survives_the_loss_of_workers_and_refused_dispatches() {
    let mut n_lost = 0;
    for seed in 0..1_500 {
        let world = World { loss_percent: 20, ..world(seed) };
        let mut sim = Sim::new(seed, world);
        run_and_compare(&mut sim);
        n_lost += sim.n_lost;
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_lost > 500, "{n_lost} workers were lost");
}

#[test]
fn the_verdict_is_that_of_the_lowest_invalid_transaction() {
    let mut n_invalid = 0;
    for seed in 0..1_500 {
        let mut world = world(seed);
        match seed % 3 {
            0 => world.shape.invalid_percent = 10,
            1 => world.shape.n_fitting = u64::from(world.shape.n_transactions / 2).max(1),
            _ => {
                let n_transactions = u64::from(world.shape.n_transactions).max(1);
                let index = 1 + Numbers::new(seed).below(n_transactions);
                world.shape.n_transactions = world.shape.n_transactions.max(1);
                world.shape.invalid_percent = 2;
                world.unsigned = Some(AccessIndex::new(u32::try_from(index).unwrap()));
            }
        }
        let mut sim = Sim::new(seed, world);
        n_invalid += u32::from(sim.serial().is_err());
        run_and_compare(&mut sim);
        if sim.serial().is_err() {
            let kinds: Vec<_> = sim.dispatches.iter().map(|it| it.1).collect();
            assert!(kinds.contains(&SliceKind::Confirmation), "seed {seed}: was not confirmed");
        }
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_invalid > 700, "{n_invalid} blocks were invalid");
}

#[test]
fn a_liar_costs_time_and_changes_nothing() {
    let mut n_told = [0; LIES.len()];
    let mut n_caught = [0; LIES.len()];
    for seed in 0..4_000 {
        let mut world = world(seed);
        let mut numbers = Numbers::new(seed ^ 0x11e);
        let kind = usize::try_from(numbers.below(LIES.len() as u64)).unwrap();
        world.n_workers = 2 + numbers.below(4);
        // Before Byzantium a header says next to nothing of receipts.
        world.rule = TouchRule::Clears;
        let liar = WorkerId::new(1 + numbers.below(world.n_workers));
        world.liar = Some((liar, LIES[kind]));
        world.local_recovery_len_max *= usize::from(LIES[kind] != Lie::Sender);
        // Of two workers that say different things of an invalid block nobody knows who is right.
        if world.n_workers > 2 && numbers.percent(20) {
            world.shape.invalid_percent = 5;
        }
        let mut sim = Sim::new(seed, world);

        let report = run_and_compare(&mut sim);

        n_told[kind] += u32::from(sim.n_lies > 0);
        n_caught[kind] += u32::from(sim.quarantined == [liar]);
        let others: BTreeSet<_> = sim.quarantined.iter().filter(|it| **it != liar).collect();
        let kind = LIES[kind];
        // A lie that no field of a header tells can make the truth look like one.
        let is_hidden = report.is_some_and(|report| !sim.wrote_as_serial(&report));
        assert!(
            is_hidden || others.is_empty(),
            "seed {seed}, {kind:?}: {others:?} did nothing wrong"
        );
    }
    for (kind, lie) in LIES.iter().enumerate() {
        assert!(n_told[kind] > 100, "{lie:?} was told {} times", n_told[kind]);
        assert!(
            n_caught[kind] * 4 > n_told[kind],
            "{lie:?}: {} of {}",
            n_caught[kind],
            n_told[kind]
        );
    }
}

#[test]
fn an_index_that_panics_once_runs_again_elsewhere() {
    for seed in 0..500 {
        let world = World { panic_percent: 10, ..world(seed) };
        let mut sim = Sim::new(seed, world);
        run_and_compare(&mut sim);
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
}

#[test]
fn what_all_workers_get_wrong_alike_is_a_difference_and_nobody_is_blamed() {
    for seed in 0..300 {
        let mut world = world(seed);
        world.shape.n_transactions += 1;
        world.shape.n_fitting += 1;
        world.all_wrong_at = Some(AccessIndex::new(1));
        let mut sim = Sim::new(seed, world);

        let report = sim.run();

        assert_eq!(report.end, JobEnd::Different, "seed {seed}");
        assert!(report.results.is_some(), "seed {seed}: the difference can be shown");
        let n_runs = sim.dispatches.iter().filter(|it| it.1 == SliceKind::Confirmation).count();
        assert!((1..=2).contains(&n_runs), "seed {seed}: {n_runs} runs confirm it");
        assert_eq!(sim.quarantined, [], "seed {seed}");
        assert_eq!(sim.n_commits, 0, "seed {seed}");
    }
}

#[test]
fn a_wrong_header_is_a_difference_that_a_second_run_confirms() {
    for seed in 0..300 {
        let world = World { wrong_header: true, ..world(seed) };
        let mut sim = Sim::new(seed, world);

        let report = sim.run();

        assert_eq!(report.end, JobEnd::Different, "seed {seed}");
        let confirming: Vec<_> =
            sim.dispatches.iter().filter(|it| it.1 == SliceKind::Confirmation).collect();
        let n_runs = confirming.len();
        assert!((1..=2).contains(&n_runs), "seed {seed}: {n_runs} runs confirm it");
        let n_indices = sim.block.n_indices() as usize;
        assert_eq!(confirming[0].2.len(), n_indices, "seed {seed}: the whole block");
        let ran_whole = sim.dispatches[0].2.len() == n_indices;
        if ran_whole && sim.world.n_workers > 1 {
            assert_eq!(n_runs, 1, "seed {seed}: the word of two workers is enough");
            assert_ne!(sim.dispatches[0].0, confirming[0].0, "seed {seed}: another worker");
        }
    }
}

#[test]
fn what_nobody_reported_of_the_snapshot_the_coordinator_reads_itself() {
    let mut n_keys_read = 0;
    for seed in 0..300 {
        let mut sim = Sim::new(seed, World { unreported_percent: 30, ..world(seed) });
        run_and_compare(&mut sim);
        n_keys_read += sim.n_keys_read;
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_keys_read > 1_000, "{n_keys_read} keys were read");
}

/// Runs blocks of which one index always ends in one way; returns why the jobs failed.
fn reasons_with(verdict: &Verdict) -> Vec<String> {
    let reason = |seed| {
        let mut world = world(seed);
        world.shape.n_transactions += 1;
        world.shape.n_fitting += 1;
        let index = 1 + Numbers::new(seed).below(u64::from(world.shape.n_transactions));
        let index = AccessIndex::new(u32::try_from(index).unwrap());
        world.broken = Some((index, verdict.clone()));
        let mut sim = Sim::new(seed, world);
        let JobEnd::Failed { reason } = sim.run().end else { panic!("seed {seed}: not failed") };
        assert_eq!(sim.n_commits, 0, "seed {seed}");
        assert_eq!(sim.quarantined, [], "seed {seed}");
        assert!(reason.contains(&format!("index {index}")), "seed {seed}: {reason}");
        reason
    };
    (0..200).map(reason).collect()
}

#[test]
fn an_index_that_always_panics_fails_the_job_by_name_at_its_second_failure() {
    let verdict = Verdict::Failed { message: "on purpose".to_owned() };
    for reason in reasons_with(&verdict) {
        assert!(reason.contains("failed twice: on purpose"), "{reason}");
    }
}

#[test]
fn an_index_that_is_parked_where_all_is_certain_fails_the_job_by_name() {
    for reason in reasons_with(&Verdict::Parked) {
        assert!(reason.contains("failed twice: it was parked"), "{reason}");
    }
}

#[test]
fn a_key_that_the_snapshot_cannot_answer_fails_the_job_and_never_the_block() {
    let key = SnapshotKey::Account(Address::repeat_byte(1));
    for reason in reasons_with(&Verdict::Unavailable { key }) {
        assert!(reason.contains("cannot answer"), "{reason}");
    }
}

#[test]
fn more_than_half_conflicted_becomes_a_tail_after_the_first_round_and_the_rest_after_the_last() {
    let (mut n_after_first, mut n_after_last) = (0, 0);
    for seed in 0..600 {
        let mut world = world(seed);
        (world.plan, world.n_workers, world.join_permille) = (PlanWish::Split, 4, 0);
        world.shape.n_transactions = 40;
        world.shape.n_fitting = 40;
        world.shape.n_accounts = [2, 30, 120][usize::try_from(seed % 3).unwrap()];
        let mut sim = Sim::new(seed, world);
        let report = sim.run();
        let tails = sim.dispatches.iter().filter(|it| it.1 == SliceKind::Tail).count();
        assert_eq!(report.plan.tail, tails > 0, "seed {seed}");
        assert!(tails <= 1, "seed {seed}: {tails} tails, and nobody did anything wrong");
        assert_eq!(
            sim.dispatches[..4].iter().map(|it| it.1).collect::<Vec<_>>(),
            [SliceKind::Round; 4]
        );
        if report.plan.tail {
            n_after_first += u32::from(report.plan.rounds == 1);
            n_after_last += u32::from(report.plan.rounds == 2);
        }
        if seed % 3 == 0 && report.plan.tail {
            // On two accounts nearly everything depends on everything.
            let tail = &sim.dispatches.last().unwrap().2;
            assert!(report.plan.rounds == 1 || tail.len() < 20, "seed {seed}: a second round");
        }
    }
    assert!(n_after_first > 150, "{n_after_first} tails after the first round");
    assert!(n_after_last > 10, "{n_after_last} tails after the second round");
}

#[test]
fn slices_are_spread_over_distinct_workers() {
    for seed in 0..300 {
        let mut world = world(seed);
        world.shape.n_transactions = 50;
        world.shape.n_fitting = 50;
        world.plan = PlanWish::Split;
        world.join_permille = 0;
        let mut sim = Sim::new(seed, world);

        let report = sim.run();

        let n_slices = u64::from(report.plan.slices);
        assert!(n_slices >= sim.world.n_workers, "seed {seed}: {n_slices} slices");
        let n_used = u64::from(report.plan.workers_used);
        assert_eq!(n_used, sim.world.n_workers.min(n_slices), "seed {seed}");
    }
}

#[test]
fn without_a_worker_a_job_waits_until_its_deadline_and_fails_by_name() {
    let mut sim = Sim::new(1, World { n_workers: 0, local_recovery_len_max: 0, ..world(1) });
    sim.give(Event::Started);
    assert!(sim.report.is_none(), "it waits");

    sim.give(Event::Deadline);

    let Some(JobEnd::Failed { reason }) = sim.report.map(|report| report.end) else {
        panic!("it has not failed");
    };
    assert_eq!(reason, "the deadline passed while there is no worker");
}

#[test]
fn a_restarted_shard_makes_the_job_start_again() {
    let mut sim = Sim::new(3, world(3));
    while sim.dispatches.is_empty() {
        sim.step();
    }
    let shard = ShardIndex::new(0);
    sim.give(Event::SnapshotRead { shard, boot: sim.boot, answers: Vec::new() });
    sim.boot = sim.boot.next();
    while sim.report.is_none() && sim.started_again.is_none() {
        sim.step();
    }
    let reason = sim.started_again.expect("the seal has another boot id");
    assert!(reason.contains("restarted"), "{reason}");
}

#[test]
fn the_second_failure_of_one_index_fails_the_job_by_name() {
    // A worker that is alone and breaks its promise twice.
    let mut world = world(5);
    world.n_workers = 1;
    world.shape.n_transactions = 5;
    world.shape.n_fitting = 5;
    world.liar = Some((WorkerId::new(1), Lie::Read));
    let mut sim = Sim::new(5, world);
    while sim.report.is_none() && sim.dispatches.len() < 20 {
        sim.step();
    }

    let Some(JobEnd::Failed { reason }) = sim.report.map(|report| report.end) else {
        panic!("it has not failed");
    };
    assert!(reason.contains("broke the protocol"), "{reason}");
}
