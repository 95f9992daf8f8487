//! Workers that die or stall in the middle of a block.

use super::{Shape, clock, open, run};
use evmesh::{
    config::ClientConfig,
    processes::{Process, Processes},
    transport::Connection,
};
use std::{thread, time::Duration};

/// Longest wait until a worker has work.
const LIMIT: Duration = Duration::from_secs(60);

const SHAPE: Shape = Shape { workers: 3, state_shards: 4, slice_gas: Some(1), seed: 5 };

/// Slices that take a while: a worker that has one has it for a while.
pub(super) const COMPUTE: &str = "workload:compute?txs=12&blocks=2&accounts=100&gas=1500000";

/// Waits until the coordinator says that a worker has a slice.
pub(super) fn until_busy(url: &str, address: &str) {
    let connection = Connection::open(url, &ClientConfig::default()).unwrap();
    let clock = clock();
    let deadline = clock.now() + LIMIT;
    loop {
        let status = connection.status().unwrap_or_else(|failure| panic!("{failure}"));
        let worker = status.workers.iter().find(|worker| worker.address == address);
        let worker = worker.unwrap_or_else(|| panic!("{address} is no worker of {status:?}"));
        if worker.slices_running > 0 {
            return;
        }
        assert!(clock.now() < deadline, "{address} never had a slice");
        thread::yield_now();
    }
}

/// Runs blocks while something happens to the first worker as soon as it has a slice; returns the
/// attempts that were lost in the first block.
fn run_with(processes: &mut Processes, hit: fn(&mut Process)) -> u64 {
    let mut session = SHAPE.session_on(processes);
    let url = processes.coordinator_url();
    let worker = &mut processes.workers()[0];
    let mut attempts_lost = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            until_busy(&url, &worker.grpc().to_string());
            hit(worker);
        });
        run(&mut session, &open(COMPUTE), &mut |report| {
            attempts_lost.push(report.line.attempts_lost);
        });
    });
    session.finish().unwrap();
    attempts_lost[0]
}

#[test]
fn a_worker_that_is_killed_inside_a_block_costs_attempts_and_no_block() {
    let mut processes = SHAPE.start("");

    let attempts_lost = run_with(&mut processes, Process::kill);

    assert!(attempts_lost > 0, "the worker was killed while it had nothing");
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_worker_that_stalls_inside_a_block_costs_attempts_and_no_block() {
    let mut processes = SHAPE.start("");

    let attempts_lost = run_with(&mut processes, Process::pause);

    assert!(attempts_lost > 0, "the worker was stopped while it had nothing");
    processes.workers()[0].kill();
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
}
