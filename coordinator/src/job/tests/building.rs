//! Building: whatever the order of events, the block is made of what serial execution keeps.

use super::{sim::Sim, world};
use engine::{ids::AccessIndex, outcome::Executed, task::SliceKind};
use proto::coordinator::JobEnd;

/// Builds a block and compares it with serial execution; returns how many were left out.
fn build_and_compare(sim: &mut Sim) -> usize {
    let seed = sim.seed;
    let report = sim.run();
    assert_eq!(report.end, JobEnd::Built, "seed {seed}");
    let (kept, dropped): (Vec<(AccessIndex, Executed)>, _) = sim.block.serial_built();
    let body = report.built.as_ref().unwrap();
    let offsets: Vec<_> = body.dropped.iter().map(|it| it.candidate).collect();
    let wanted: Vec<_> = dropped.iter().filter_map(|index| index.transaction_offset()).collect();
    assert_eq!(offsets, wanted, "seed {seed}: {:?}", body.dropped);
    let all = sim.block.transactions();
    for (place, dropped) in wanted.iter().zip(&body.dropped) {
        assert_eq!(dropped.hash, *all[*place].tx_hash(), "seed {seed}");
    }
    let transactions = all.iter().enumerate().filter(|(offset, _)| !wanted.contains(offset));
    let transactions: Vec<_> = transactions.map(|(_, it)| it.clone()).collect();
    assert_eq!(body.transactions, transactions, "seed {seed}");
    let places = (0..).map(AccessIndex::new);
    let writes: Vec<_> = places.zip(kept.iter().map(|(_, it)| it.writes.clone())).collect();
    assert_eq!(report.writes, writes, "seed {seed}");
    let gas = kept.iter().filter_map(|(_, it)| Some(it.receipt.as_ref()?.gas.used));
    let gas: Vec<u64> = gas
        .scan(0, |all, used| {
            *all += used;
            Some(*all)
        })
        .collect();
    let found = report.receipts.iter().map(|receipt| receipt.cumulative_gas_used());
    assert!(found.eq(gas), "seed {seed}");
    let roots = report.receipts.iter().filter_map(|it| it.as_receipt()?.status.as_post_state());
    let expected = sim.roots_after(&kept);
    assert!(roots.eq(expected.into_iter().flatten()), "seed {seed}");
    dropped.len()
}

fn building(seed: u64) -> super::sim::World {
    let mut world = world(seed);
    world.builds = true;
    let n_transactions = u64::from(world.shape.n_transactions);
    if !seed.is_multiple_of(3) {
        world.shape.invalid_percent = 10 + seed % 40;
    }
    if seed % 3 != 1 {
        world.shape.n_fitting = (n_transactions / 2).max(1);
    }
    world
}

#[test]
fn a_built_block_holds_what_serial_execution_keeps() {
    let (mut n_dropped, mut n_tails) = (0, 0);
    for seed in 0..1_500 {
        let mut sim = Sim::new(seed, building(seed));
        n_dropped += build_and_compare(&mut sim);
        n_tails += u32::from(sim.dispatches.iter().any(|it| it.1 == SliceKind::Tail));
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_dropped > 3_000, "{n_dropped} transactions were left out");
    assert!(n_tails > 100, "{n_tails} blocks had a tail");
}

#[test]
fn a_block_is_built_though_workers_are_lost() {
    let mut n_lost = 0;
    for seed in 0..1_500 {
        let mut world = building(seed);
        world.loss_percent = 20;
        let mut sim = Sim::new(seed, world);
        build_and_compare(&mut sim);
        n_lost += sim.n_lost;
        assert_eq!(sim.quarantined, [], "seed {seed}: nobody did anything wrong");
    }
    assert!(n_lost > 500, "{n_lost} workers were lost");
}
