//! Random workloads on random clusters.

use super::{Shape, run};
use engine::{model::Numbers, shard::ShardCount};
use evmesh::{args::PlanArg, report::BlockStatus};

const N_SEEDS: u64 = 14;

pub(crate) fn workload(numbers: &mut Numbers) -> String {
    let (txs, blocks, seed) = (20 + numbers.below(60), 1 + numbers.below(2), numbers.below(1000));
    let hot = numbers.below(60);
    let common = format!("txs={txs}&blocks={blocks}&accounts=400&seed={seed}");
    match numbers.below(7) {
        0 => format!("workload:transfers?{common}&hot={hot}"),
        1 => format!("workload:erc20?{common}&zipf=1.1"),
        2 => format!("workload:erc20?{common}&hot={hot}"),
        3 => format!("workload:swaps?{common}&pools={}", 1 + numbers.below(8)),
        4 => format!("workload:chain?{common}"),
        5 => format!("workload:mint?{common}&hot={hot}"),
        _ => format!("workload:hybrid?{common}&hot={hot}"),
    }
}

fn shape(numbers: &mut Numbers) -> Shape {
    let slice_gas = match numbers.below(3) {
        0 => None,
        1 => Some(1),
        _ => Some(50_000 + numbers.below(1_000_000)),
    };
    Shape {
        workers: u16::try_from(1 + numbers.below(5)).unwrap(),
        threads: usize::try_from(1 + numbers.below(3)).unwrap(),
        state_shards: ShardCount::new(1 << numbers.below(5)).unwrap(),
        plan: if numbers.percent(85) { PlanArg::Split } else { PlanArg::Whole },
        slice_gas,
        seed: numbers.below(1000),
    }
}

#[test]
fn random_workloads_on_random_clusters_equal_serial() {
    let mut n_conflicts = 0;
    for seed in 0..N_SEEDS {
        let mut numbers = Numbers::new(seed);
        let spec = workload(&mut numbers);
        let shape = shape(&mut numbers);
        let inputs = inputs::open(&spec, &mut |_, _| {}).unwrap();
        for report in run(&inputs[0], shape) {
            let place = format!("seed {seed}: {spec}, {shape:?}, {:?}", report.line);
            assert_eq!(report.line.status, BlockStatus::Equal, "{place}");
            assert!(report.line.oracle.compared, "{place}");
            assert_eq!(report.line.fields.state_root, Some("equal"), "{place}");
            assert!(report.line.messages.total <= report.line.messages.bound, "{place}");
            n_conflicts += report.line.conflicts;
        }
    }
    assert!(n_conflicts > 0, "nothing ever conflicted: the slicings show nothing");
}
