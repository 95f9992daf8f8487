//! Processes that find each other through a real etcd: they come, die, and come back.

use super::{
    Shape, clock,
    faults::{COMPUTE, until_busy},
    open, run,
};
use cluster::testing::TestEtcd;
use evmesh::{
    config::ClientConfig,
    processes::{Discovery, Processes},
    report::{BlockLine, BlockStatus},
    session::Session,
    transport::Connection,
};
use inputs::Input;
use proto::coordinator::{ClusterStatus, EtcdState, ShardState, WorkerState};
use std::{thread, time::Duration};

/// Within this time a cluster makes use of who came, and knows who went.
const NOTICE: Duration = Duration::from_secs(1);

/// Longest wait for what has no bound of its own.
const LIMIT: Duration = Duration::from_secs(60);

const SHAPE: Shape = Shape { workers: 1, state_shards: 2, slice_gas: Some(1), seed: 9 };

const CHAIN: &str = "workload:erc20?txs=60&blocks=4&accounts=300&seed=4";

/// A cluster, and the etcd that holds its members.
struct World {
    // Dropped before the etcd.
    processes: Processes,
    etcd: TestEtcd,
    connection: Connection,
}

impl World {
    fn start(shape: Shape) -> Self {
        let etcd = TestEtcd::start();
        let discovery = Discovery::Etcd { endpoints: etcd.url(), cluster: "of-a-test".to_owned() };
        let spec = evmesh::processes::ProcessesSpec { discovery, ..shape.spec("") };
        let started = Processes::start(&spec, &clock());
        let processes = started.unwrap_or_else(|failure| panic!("{shape:?}: {failure}"));
        let connection = connect(&processes);
        Self { processes, etcd, connection }
    }

    fn stop(self) {
        self.processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
        drop(self.etcd);
    }
}

fn connect(processes: &Processes) -> Connection {
    Connection::open(&processes.coordinator_url(), &ClientConfig::default()).unwrap()
}

/// Asks for the status until it is as wanted, and returns how long that took.
fn until(connection: &Connection, wanted: impl Fn(&ClusterStatus) -> bool) -> Duration {
    let clock = clock();
    let begin = clock.now();
    loop {
        let status = connection.status().unwrap_or_else(|failure| panic!("{failure}"));
        let took = clock.now() - begin;
        if wanted(&status) {
            return took;
        }
        assert!(took < LIMIT, "it never came: {status:?}");
        thread::yield_now();
    }
}

fn is_ready(status: &ClusterStatus, address: &str) -> bool {
    let is_it = |state, at: &str| state == WorkerState::Ready && at == address;
    status.workers.iter().any(|worker| is_it(worker.state, &worker.address))
}

/// Runs all blocks of an input whatever becomes of them; `after` hears of each.
fn run_any(session: &mut Session, input: &Input, after: &mut dyn FnMut(&BlockLine)) {
    let ran = session.run_input(input, &mut |report| {
        after(&report.line);
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{}: {failure}", input.name));
}

#[test]
fn a_worker_that_is_started_later_gets_work_within_a_second_of_its_first_line() {
    let World { mut processes, etcd, connection } = World::start(SHAPE);
    let mut session = SHAPE.session_on(&processes);
    let mut n_workers_used = Vec::new();

    run(&mut session, &open(CHAIN), &mut |report| {
        n_workers_used.push(report.line.plan.workers_used);
        if n_workers_used.len() == 2 {
            let launched = processes.launch_worker();
            let worker = launched.unwrap_or_else(|failure| panic!("{failure}"));
            let address = worker.grpc().to_string();
            let took = until(&connection, |status| is_ready(status, &address));
            assert!(took <= NOTICE, "it was given work after {took:?}");
        }
    });

    assert_eq!(n_workers_used, [1, 1, 2, 2]);
    session.finish().unwrap();
    World { processes, etcd, connection }.stop();
}

#[test]
fn a_worker_that_is_killed_is_gone_from_status_within_a_second_and_no_block_is_lost() {
    let shape = Shape { workers: 3, ..SHAPE };
    let World { mut processes, etcd, connection } = World::start(shape);
    let mut session = shape.session_on(&processes);
    let url = processes.coordinator_url();
    let worker = &mut processes.workers()[0];
    let address = worker.grpc().to_string();
    let mut attempts_lost = Vec::new();

    thread::scope(|scope| {
        scope.spawn(|| {
            until_busy(&url, &address);
            worker.kill();
            let took = until(&connection, |status| !is_ready(status, &address));
            assert!(took <= NOTICE, "it was ready for {took:?} after its death");
        });
        run(&mut session, &open(COMPUTE), &mut |report| {
            attempts_lost.push(report.line.attempts_lost);
        });
    });

    assert!(attempts_lost[0] > 0, "it was killed while it had nothing: {attempts_lost:?}");
    let status = connection.status().unwrap();
    assert_eq!((is_ready(&status, &address), status.etcd), (false, EtcdState::Up), "{status:?}");
    session.finish().unwrap();
    World { processes, etcd, connection }.stop();
}

#[test]
fn a_coordinator_that_comes_back_finds_its_shards_and_goes_on_from_the_committed_head() {
    let World { mut processes, etcd, connection } = World::start(SHAPE);
    let mut session = SHAPE.session_on(&processes);
    let before = connection.status().unwrap();
    let mut heads = Vec::new();

    run(&mut session, &open(CHAIN), &mut |report| {
        if heads.len() == 1 {
            processes.coordinator().kill();
            processes.restart_coordinator().unwrap_or_else(|failure| panic!("{failure}"));
        }
        let number = report.line.number;
        until(&connection, |status| status.head.is_some_and(|head| head.block_number == number));
        heads.push(number);
    });

    let after = connection.status().unwrap();
    assert_eq!(heads, [1, 2, 3, 4]);
    assert_eq!(after.cluster, before.cluster);
    let addresses = |status: &ClusterStatus| {
        status.state_shards.iter().map(|shard| shard.address.clone()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&after), addresses(&before));
    // The Term is part of every job's id.
    assert!(after.term > before.term, "{} after {}", after.term, before.term);
    session.finish().unwrap();
    World { processes, etcd, connection }.stop();
}

#[test]
fn a_shard_that_restarts_loses_its_state_and_the_next_block_fails_by_name() {
    let World { mut processes, etcd, connection } = World::start(SHAPE);
    let mut session = SHAPE.session_on(&processes);
    let input = open(CHAIN);
    let mut lines = Vec::new();

    run_any(&mut session, &input, &mut |line| {
        if lines.len() == 1 {
            processes.shards()[1].kill();
            processes.restart_shard(1).unwrap_or_else(|failure| panic!("{failure}"));
        }
        lines.push(line.clone());
    });

    let statuses: Vec<_> = lines.iter().map(|line| line.status).collect();
    let [equal, failed] = [BlockStatus::Equal, BlockStatus::Failed];
    assert_eq!(statuses, [equal, equal, failed, failed], "{lines:?}");
    let errors: Vec<_> = lines[2..].iter().map(|line| line.error.clone().unwrap()).collect();
    assert_eq!((errors[0].code, errors[1].code), ("failed", "not_run"), "{errors:?}");
    for part in ["state shard 1", "there is no Snapshot"] {
        assert!(errors[0].message.contains(part), "{errors:?}");
    }
    until(&connection, |status| {
        let shard = &status.state_shards[1];
        shard.state == ShardState::Ready && shard.head.is_none()
    });

    // The same chain is loaded again, and everything goes on.
    run(&mut session, &input, &mut |_| {});
    session.finish().unwrap();
    World { processes, etcd, connection }.stop();
}
