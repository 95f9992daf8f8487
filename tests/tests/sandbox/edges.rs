//! Edge cases of every fork, on clusters of every shape.

use super::{Shape, run};
use engine::shard::ShardCount;
use evmesh::{args::PlanArg, report::BlockStatus};
use inputs::{
    Input,
    workload::{Case, Fork},
};

/// Seeds of a run; `make edges` takes more.
const N_SEEDS: u64 = 2;

/// One slice; as it is cut unless said; and slices of one transaction.
fn shapes(seed: u64) -> [Shape; 5] {
    let whole = Shape { seed, ..Shape::whole() };
    let default = Shape { workers: 4, plan: PlanArg::Split, ..whole };
    let single = Shape { slice_gas: Some(1), ..default };
    let four = ShardCount::new(4).unwrap();
    [
        whole,
        Shape { state_shards: four, ..default },
        Shape { workers: 1, ..single },
        Shape { workers: 3, threads: 2, state_shards: four, ..single },
        Shape { workers: 5, ..single },
    ]
}

/// Runs all blocks and returns how often something conflicted.
fn check(input: &Input, shape: Shape) -> u64 {
    let reports = run(input, shape);
    assert_eq!(reports.len(), input.blocks.len());
    for report in &reports {
        let place = format!("{} with {shape:?}: {:?}", input.name, report.line);
        assert_eq!(report.line.status, BlockStatus::Equal, "{place}");
        assert!(report.line.oracle.compared, "{place}");
        assert_eq!(report.line.fields.state_root, Some("equal"), "{place}");
        assert_eq!(report.line.fields.gas_used, Some("equal"), "{place}");
        assert_eq!(report.line.fields.receipts_root, Some("equal"), "{place}");
        assert!(report.line.messages.total <= report.line.messages.bound, "{place}");
    }
    reports.iter().map(|report| report.line.conflicts).sum()
}

#[test]
fn edge_cases_of_every_fork_equal_serial_however_they_are_cut() {
    for fork in Fork::ALL {
        let mut n_conflicts = 0;
        for seed in 0..N_SEEDS {
            let sizes = "txs=70&blocks=3&accounts=24";
            let spec = format!("workload:edges?{sizes}&fork={}&seed={seed}", fork.name());
            let inputs = inputs::open(&spec, &mut |_, _| {}).unwrap();
            for shape in shapes(seed) {
                n_conflicts += check(&inputs[0], shape);
            }
        }
        assert!(n_conflicts > 0, "{fork:?}: nothing ever conflicted, so this shows nothing");
    }
}

#[test]
fn each_case_alone_equals_serial_in_the_first_and_the_last_fork_that_has_it() {
    for (case, seed) in Case::ALL.into_iter().zip(0..) {
        let [_, by_four, _, single, _] = shapes(seed);
        for (fork, shape) in [(case.forks().start(), by_four), (case.forks().end(), single)] {
            let (case, fork) = (case.name(), fork.name());
            let sizes = "txs=40&blocks=2&accounts=16";
            let spec = format!("workload:edges?{sizes}&fork={fork}&case={case}&seed={seed}");
            check(&inputs::open(&spec, &mut |_, _| {}).unwrap()[0], shape);
        }
    }
}
