//! Counts of a cluster in which nothing goes wrong: what is reported is what the processes counted,
//! within its bound; and what switches change, and what not.

use super::{Shape, clock, open, run};
use crate::caches;
use evmesh::{
    processes::{Process, Processes},
    report::{BlockLine, BlockStatus},
};
use std::{thread, time::Duration};
use worker::config::Switch;

/// Longest wait for what is on its way.
const LIMIT: Duration = Duration::from_secs(15);

/// Calls of state shards that have to do with a block.
const STATE_CALLS: [&str; 4] = ["read", "stage", "seal", "decide"];

/// What the feed says of a block.
const FEED_KINDS: [&str; 3] = ["sealed", "committed", "dropped"];

/// Feeds that workers heard begin.
const FEED_STARTS: &str = "evmesh_feed_messages_total{kind=\"start\"}";

/// Messages as the processes counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    worker_state: u64,
    all_of_state: u64,
}

impl Counted {
    fn now(processes: &mut Processes) -> Self {
        let mut sum = Self { worker_state: 0, all_of_state: 0 };
        let mut n_starts = 0;
        for worker in processes.workers() {
            let of = |series: String| worker.count_of(&series).unwrap();
            let calls = ["read", "stage"]
                .map(|kind| of(format!("evmesh_state_messages_total{{kind=\"{kind}\"}}")));
            let told =
                FEED_KINDS.map(|kind| of(format!("evmesh_feed_messages_total{{kind=\"{kind}\"}}")));
            sum.worker_state += calls.iter().chain(&told).sum::<u64>();
            n_starts += worker.count_of(FEED_STARTS).unwrap();
        }
        for shard in processes.shards() {
            let calls = STATE_CALLS.map(|call| {
                let series = format!("evmesh_state_calls_total{{call=\"{call}\"}}");
                shard.count_of(&series).unwrap()
            });
            let told = shard.count_of("evmesh_state_feed_messages_total").unwrap();
            sum.all_of_state += calls.iter().sum::<u64>() + told;
        }
        // A feed's beginning belongs to no block.
        sum.all_of_state = sum.all_of_state.saturating_sub(n_starts);
        sum
    }
}

/// Runs a workload on processes with these settings, and waits after each block until the workers
/// heard of it, if they listen.
fn lines_of(processes: &mut Processes, shape: Shape, workload: &str) -> Vec<BlockLine> {
    let mut session = shape.session_on(processes);
    let listens = |worker: &Process| worker.count_of(FEED_STARTS).unwrap() > 0;
    let mut lines: Vec<BlockLine> = Vec::new();
    run(&mut session, &open(workload), &mut |report| {
        lines.push(report.line.clone());
        let n_told = (shape.state_shards * lines.len()) as u64;
        for worker in processes.workers().iter().filter(|worker| listens(worker)) {
            let series = "evmesh_feed_messages_total{kind=\"committed\"}";
            let clock = clock();
            let deadline = clock.now() + LIMIT;
            while worker.count_of(series).unwrap() < n_told {
                assert!(clock.now() < deadline, "{shape:?}: the feed is silent");
                thread::yield_now();
            }
        }
    });
    session.finish().unwrap();
    lines
}

fn with_processes<T>(shape: Shape, settings: &str, work: impl FnOnce(&mut Processes) -> T) -> T {
    let mut processes = shape.start(settings);
    let value = work(&mut processes);
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
    value
}

#[test]
fn messages_are_within_their_bound_and_as_many_as_the_processes_counted() {
    for (seed, state_shards) in [(1, 1), (2, 4), (3, 16)] {
        let shape = Shape { workers: 2, state_shards, slice_gas: Some(1), seed };
        with_processes(shape, "", |processes| {
            let workload = format!("workload:erc20?txs=40&blocks=2&accounts=200&seed={seed}");
            let lines = lines_of(processes, shape, &workload);
            for line in &lines {
                let messages = line.messages;
                assert!(messages.total <= messages.bound, "{shape:?}: {messages:?}");
                assert_eq!(line.attempts_lost, 0, "it is not quiet: {line:?}");
            }
            let worker_state = lines.iter().map(|line| line.messages.worker_state).sum();
            let coordinator_state: u64 =
                lines.iter().map(|line| line.messages.coordinator_state).sum();
            let reported = Counted { worker_state, all_of_state: worker_state + coordinator_state };
            let clock = clock();
            let deadline = clock.now() + LIMIT;
            // The last messages may be on their way when a block is answered.
            let mut counted = Counted::now(processes);
            while counted != reported && clock.now() < deadline {
                thread::yield_now();
                counted = Counted::now(processes);
            }
            assert_eq!(counted, reported, "{shape:?}");
        });
    }
}

#[test]
fn over_grpc_a_worker_reads_as_many_keys_as_in_one_process_and_with_caches_off_all_again() {
    let shape = Shape { workers: 1, state_shards: 1, slice_gas: Some(1), seed: 1 };
    for workload in caches::WORKLOADS {
        for (cache, text) in [(Switch::On, ""), (Switch::Off, "[worker]\ncache = \"off\"\n")] {
            let here = caches::Shape { n_workers: 1, n_shards: 1, cache };
            let blocks = caches::blocks_of(workload, here);
            let expected: Vec<_> = blocks.iter().map(|it| caches::count(&it.asked)).collect();

            let lines =
                with_processes(shape, text, |processes| lines_of(processes, shape, workload));

            let keys: Vec<_> = lines.iter().map(|line| line.reads.keys).collect();
            assert_eq!(keys, expected, "{workload}, {cache:?}");
            let hits: Vec<_> = lines.iter().map(|line| line.reads.cache_hits > 0).collect();
            assert_eq!(hits, [false, cache == Switch::On, cache == Switch::On], "{workload}");
        }
    }
}

#[test]
fn staging_on_and_off_gives_the_same_blocks() {
    let shape = Shape { workers: 2, state_shards: 4, slice_gas: Some(1), seed: 4 };
    let workload = "workload:swaps?txs=30&blocks=2&accounts=200&pools=2&seed=5";
    let settings = ["", "[worker]\nstage = \"off\"\n"];
    let ran = settings.map(|settings| {
        with_processes(shape, settings, |processes| {
            let lines = lines_of(processes, shape, workload);
            let stages = "evmesh_state_calls_total{call=\"stage\"}";
            let shards = processes.shards().iter();
            let n_stages: u64 = shards.map(|shard| shard.count_of(stages).unwrap()).sum();
            (lines, n_stages)
        })
    });

    let [(with, n_with), (without, n_without)] = ran;
    assert!(n_with > 0, "nothing was staged");
    assert_eq!(n_without, 0);
    for (with, without) in with.iter().zip(&without) {
        // Equal to the header and to serial execution, receipts one by one: so to each other.
        for line in [with, without] {
            assert_eq!(line.status, BlockStatus::Equal);
            assert_eq!(line.oracle.receipts, Some("equal"), "{line:?}");
            assert_eq!(line.fields.state_root, Some("equal"), "{line:?}");
        }
        assert_eq!((with.hash, with.gas_used), (without.hash, without.gas_used));
    }
}
