//! Random blocks of contracts that look at everything, cut at random and answered in any order.

mod blocks;
mod code;
mod driver;

use alloy_primitives::Address;
use blocks::ChaosBlock;
use driver::{Driver, End};
use engine::{
    access::Wipe,
    fold::fold,
    header::assemble_receipts,
    sequential::{self, Record, Stop},
};
use inputs::workload::Fork;
use std::collections::BTreeSet;

/// Seeds of a run; each is one block, one slicing and one order of answers.
const N_SEEDS: u64 = 2_000;

/// Generated chains of edge cases, each of two blocks, the forks by turns.
const N_EDGES: u64 = 70;

/// What the seeds met: a test of a thing that never happened shows nothing.
#[derive(Debug, Default)]
struct Met {
    valid: u64,
    invalid: u64,
    conflicts: u64,
    parked: u64,
    destroyed: u64,
    /// Accounts that were destroyed in a block and exist after it.
    destroyed_and_alive: u64,
}

/// Runs a block both ways and adds what it met.
fn check(seed: u64, block: &ChaosBlock, met: &mut Met) {
    let (end, run) = Driver::new(seed, block).run();
    met.conflicts += run.n_conflicts;
    met.parked += run.n_parked;
    let judged = sequential::execute(
        &block.frame.chain,
        &block.prepared,
        &block.frame.ancestors,
        &block.state,
        Record::Nothing,
    );
    let execution = match (judged, &end) {
        (Err(Stop::Invalid(invalid)), End::Invalid(offset, _)) => {
            assert_eq!(invalid.transaction, *offset, "seed {seed}: {invalid}");
            met.invalid += 1;
            return;
        }
        (Err(error), end) => panic!("seed {seed}: serial {error}, cut {end:?}"),
        (Ok(_), End::Invalid(offset, reason)) => {
            panic!("seed {seed}: {offset:?} is called invalid: {reason}")
        }
        (Ok(execution), End::Final(_)) => execution,
    };
    let End::Final(outcome) = end else { unreachable!("matched above") };
    let judged = sequential::finish(&block.frame.chain, &block.prepared, execution, None).unwrap();
    let receipts = outcome.iter().filter_map(|(_, executed)| executed.receipt.clone());
    assert_eq!(assemble_receipts(receipts.collect(), None), judged.receipts, "seed {seed}");
    let writes: Vec<_> =
        outcome.into_iter().map(|(index, executed)| (index, executed.writes)).collect();
    let destroyed: BTreeSet<_> = writes
        .iter()
        .flat_map(|(_, set)| &set.accounts)
        .filter(|(_, write)| write.wipe == Some(Wipe::Destroyed))
        .map(|(address, _)| *address)
        .collect();
    let diff = fold(&writes, block.touch_rule(), |address| block.state.account(address));
    assert_eq!(
        block.state.normalise(&diff),
        block.state.normalise(&judged.post),
        "seed {seed}, {:?}",
        block.prepared.spec
    );
    met.valid += 1;
    met.destroyed += destroyed.len() as u64;
    let is_alive = |address: &Address| {
        diff.accounts.get(address).is_some_and(|change| change.account.is_some())
    };
    met.destroyed_and_alive += destroyed.iter().filter(|it| is_alive(it)).count() as u64;
}

#[test]
fn random_blocks_cut_and_answered_at_random_equal_serial() {
    let mut met = Met::default();
    for seed in 0..N_SEEDS {
        check(seed, &ChaosBlock::new(seed), &mut met);
    }
    let Met { valid, invalid, conflicts, parked, destroyed, destroyed_and_alive } = met;
    assert!(valid > N_SEEDS / 2, "{met:?}");
    assert!(invalid > N_SEEDS / 50, "{met:?}");
    assert!(conflicts > N_SEEDS && parked > N_SEEDS / 50, "{met:?}");
    assert!(destroyed > N_SEEDS / 50 && destroyed_and_alive > N_SEEDS / 200, "{met:?}");
}

#[test]
fn edge_cases_cut_and_answered_at_random_equal_serial() {
    let mut met = Met::default();
    for (fork, n) in Fork::ALL.into_iter().cycle().zip(0..N_EDGES) {
        let sizes = "txs=40&blocks=2&accounts=16";
        let spec = format!("workload:edges?{sizes}&fork={}&seed={n}", fork.name());
        let input = inputs::open(&spec, &mut |_, _| {}).unwrap().remove(0);
        for (block, seed) in ChaosBlock::of_input(&input).iter().zip(n * 2..) {
            check(seed, block, &mut met);
        }
    }
    let Met { valid, conflicts, parked, destroyed, destroyed_and_alive, .. } = met;
    assert_eq!(valid, 2 * N_EDGES, "{met:?}");
    assert!(conflicts > N_EDGES && parked > N_EDGES / 4, "{met:?}");
    assert!(destroyed > N_EDGES && destroyed_and_alive > N_EDGES / 8, "{met:?}");
}
