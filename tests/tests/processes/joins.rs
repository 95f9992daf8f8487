//! Workers that come while a cluster runs.

use super::{Shape, open, run};

#[test]
fn a_worker_that_is_started_later_gets_work() {
    let shape = Shape { workers: 1, state_shards: 2, slice_gas: Some(1), seed: 1 };
    let mut processes = shape.start("");
    let mut session = shape.session_on(&processes);
    let input = open("workload:erc20?txs=80&blocks=4&accounts=400&seed=3");
    let mut n_workers_used = Vec::new();

    run(&mut session, &input, &mut |report| {
        n_workers_used.push(report.line.plan.workers_used);
        if n_workers_used.len() == 2 {
            processes.start_worker().unwrap_or_else(|failure| panic!("{failure}"));
        }
    });

    assert_eq!(n_workers_used, [1, 1, 2, 2]);
    session.finish().unwrap();
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
}
