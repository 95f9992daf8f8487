//! Processes that were started are gone afterwards, however it ends.

use super::{Shape, clock};
use std::{path::PathBuf, time::Duration};

const SHAPE: Shape = Shape { workers: 2, state_shards: 2, slice_gas: None, seed: 0 };

fn exists(id: u32) -> bool {
    PathBuf::from(format!("/proc/{id}")).exists()
}

#[test]
fn all_processes_end_in_an_orderly_way_when_told_to() {
    let mut processes = SHAPE.start("");
    let ids = processes.ids();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| exists(*id)));
    let logs = processes.logs().to_owned();
    assert!(logs.join("worker-1.log").exists());

    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));

    assert!(ids.iter().all(|id| !exists(*id)), "{ids:?}");
    assert!(!logs.exists(), "logs of a run in which nothing failed are left");
}

#[test]
fn processes_that_are_dropped_are_gone_even_a_paused_one() {
    let mut processes = SHAPE.start("");
    let ids = processes.ids();
    processes.workers()[0].pause();

    drop(processes);

    assert!(ids.iter().all(|id| !exists(*id)), "{ids:?}");
}

#[test]
fn a_cluster_with_a_process_that_fails_to_start_names_its_log_and_leaves_nothing_running() {
    let failure = evmesh::processes::Processes::start(
        &SHAPE.spec("[worker]\nno_such_setting = 1\n"),
        &clock(),
    )
    .unwrap_err();

    assert_eq!(failure.exit.code(), 4, "{failure}");
    assert!(failure.what.contains("evmesh-worker (worker-"), "{failure}");
    let log = PathBuf::from(failure.at.trim_start_matches("its log "));
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("no_such_setting"), "{said}");
    std::fs::remove_dir_all(log.parent().unwrap()).unwrap();
}

#[test]
fn a_process_that_ends_badly_is_told_when_the_others_are_stopped() {
    let mut processes = SHAPE.start("");
    let logs = processes.logs().to_owned();
    let id = processes.workers()[1].id();
    let kill = format!("kill -KILL {id}");
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let deadline = clock().now() + Duration::from_secs(20);
    assert!(processes.workers()[1].wait(&clock(), deadline).is_some(), "it lives");

    let failure = processes.stop().unwrap_err();

    assert!(failure.what.contains("worker-1") && failure.what.contains("signal: 9"), "{failure}");
    assert!(logs.exists(), "the logs are needed to see why");
    std::fs::remove_dir_all(logs).unwrap();
}
