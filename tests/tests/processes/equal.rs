//! Workloads and real blocks on processes, in shapes that a seed chooses.

use super::{Shape, open, run};
use crate::sandbox::random::workload;
use engine::model::Numbers;
use evmesh::session::BlockReport;
use inputs::testdata;

/// The first seed; each is a shape with its workload.
const FIRST_SEED: u64 = 20;
const N_SEEDS: u64 = 3;

/// A shape runs one part of the real blocks; `make conformance-real` runs all of them in each.
const N_REAL_PARTS: usize = 6;

fn shape(seed: u64, numbers: &mut Numbers) -> Shape {
    let pick =
        |numbers: &mut Numbers, of: [usize; 3]| of[usize::try_from(numbers.below(3)).unwrap()];
    Shape {
        workers: u16::try_from(pick(numbers, [1, 2, 5])).unwrap(),
        state_shards: pick(numbers, [1, 4, 16]),
        slice_gas: numbers.percent(50).then_some(1),
        seed,
    }
}

fn expect_cheap(report: &BlockReport, place: &str) {
    let line = &report.line;
    let messages = line.messages;
    assert!(messages.total <= messages.bound, "{place}: {messages:?}");
    assert!(messages.bytes.unwrap() > 0, "{place}: {messages:?}");
    assert!(report.cpu.workers.unwrap() > 0, "{place}");
    assert!(report.cpu.coordinator.is_some() && report.cpu.state.is_some(), "{place}");
}

#[test]
fn workloads_and_real_blocks_over_grpc_equal_serial_in_a_seeded_choice_of_shapes() {
    let real = testdata::mainnet_blocks("real blocks over gRPC").unwrap_or_default();
    let (mut n_split, mut n_spread) = (0, 0);
    for seed in FIRST_SEED..FIRST_SEED + N_SEEDS {
        let mut numbers = Numbers::new(seed);
        let shape = shape(seed, &mut numbers);
        let spec = workload(&mut numbers);
        let place = format!("seed {seed}: {spec}, {shape:?}");
        let mut session = shape.session();
        let mut after = |report: &BlockReport| {
            expect_cheap(report, &place);
            let plan = report.line.plan;
            n_split += u64::from(plan.slices > 1);
            n_spread += u64::from(plan.workers_used > 1);
        };

        run(&mut session, &open(&spec), &mut |report| {
            assert_eq!(report.line.fields.state_root, Some("equal"), "{place}");
            after(report);
        });
        let part = usize::try_from(seed).unwrap() % N_REAL_PARTS;
        for input in real.iter().skip(part).step_by(N_REAL_PARTS) {
            run(&mut session, input, &mut after);
        }

        session.finish().unwrap_or_else(|failure| panic!("{place}: {failure}"));
    }
    assert!(n_split > 0 && n_spread > 0, "nothing was cut for several workers");
}
