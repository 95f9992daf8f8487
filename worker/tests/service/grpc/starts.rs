//! How the program begins, and how it does not.

use super::{
    coordinator::{Coordinator, welcome},
    program::{Program, command},
    shard, soon,
};
use crate::state::MemoryState;
use cluster::{
    clock::SystemClock,
    members::{self, Member, MemberEvent, MembersConfig, Role},
    testing::TestEtcd,
};
use proto::{
    attach::{CoordinatorMessage, Welcome, WorkerMessage},
    status::{Code, Status},
    version::{PROTOCOL, Version},
};
use std::{net::TcpListener, process::Stdio, sync::Arc};
use tokio::task::spawn_blocking;

#[actix::test]
async fn a_worker_says_who_it_is_and_is_ready_once_it_is_welcome() {
    let shard = shard::serve(&Arc::new(MemoryState::default())).await;
    let coordinator = Coordinator::start().await;
    let program = Program::start(coordinator.address, &[]).await;
    let mut line = coordinator.dialled().await;
    let hello = line.hello().await;
    assert_eq!(program.get("/readyz").await.0, 503);

    line.say(CoordinatorMessage::Welcome(welcome(&[shard]))).await;
    let first = line.next().await;

    assert_eq!(first, Some(WorkerMessage::Heartbeat { calls_running: 0 }));
    assert_eq!(program.get("/readyz").await.0, 200);
    assert_eq!((hello.cores, hello.protocol), (2, PROTOCOL));
    assert_eq!((hello.name.as_str(), hello.address), ("tested", program.grpc.to_string()));
    assert_eq!(hello.version, env!("CARGO_PKG_VERSION"));
    assert!(hello.worker.get() > 0 && hello.worker.get() < 1 << 48, "{}", hello.worker);
}

#[actix::test]
async fn another_protocol_is_refused_with_both_versions_named_whoever_refuses() {
    let shard = shard::serve(&Arc::new(MemoryState::default())).await;
    let coordinator = Coordinator::start().await;
    let program = Program::start(coordinator.address, &[]).await;
    let protocol = Version { major: PROTOCOL.major + 1, minor: 0 };
    let foreign = CoordinatorMessage::Welcome(Welcome { protocol, ..welcome(&[shard]) });
    let refusal = Status::new(Code::FailedPrecondition, "protocol 1.0 does not work with our 9.3");
    let named = [[protocol.to_string(), PROTOCOL.to_string()], ["9.3".into(), "1.0".into()]];
    for (answer, named) in [foreign, CoordinatorMessage::Refused(refusal)].into_iter().zip(named) {
        let mut line = coordinator.dialled().await;
        line.hello().await;
        line.say(answer).await;
        // It dials again: a coordinator may be replaced by one that it can work with.
        let mut again = coordinator.dialled().await;
        let (status, reason) = program.get("/readyz").await;
        assert_eq!(status, 503);
        for version in named {
            assert!(reason.contains(&version), "{version} in {reason}");
        }
        again.hello().await;
        again.say(CoordinatorMessage::Refused(Status::new(Code::Unavailable, "later"))).await;
    }
}

#[actix::test]
async fn a_worker_finds_its_coordinator_in_etcd_is_found_there_itself_and_leaves_when_it_ends() {
    let etcd = spawn_blocking(TestEtcd::start).await.unwrap();
    let config = MembersConfig { etcd: vec![etcd.url()], ..MembersConfig::default() };
    let members = members::open(&config, &SystemClock::shared()).await.unwrap();
    let shard = shard::serve(&Arc::new(MemoryState::default())).await;
    let mut program = Program::start_with(&["--etcd", &etcd.url()], &[]).await;
    let mut workers = members.watch(Role::Worker).await.unwrap();
    let joined = soon("the worker among the members", workers.next()).await.unwrap();
    let MemberEvent::Joined(worker) = joined else { panic!("{joined:?}") };
    assert_eq!(worker.address, program.grpc.to_string());
    assert_eq!(worker.http_address, program.http.to_string());

    // The coordinator comes after the worker.
    let coordinator = Coordinator::start().await;
    let address = coordinator.address.to_string();
    let me = Member { name: "one".to_owned(), address, ..Member::default() };
    let _place = members.join(Role::Coordinator, &me).await.unwrap();
    let (hello, _line) = coordinator.welcome(&[shard]).await;
    assert_eq!(hello.worker.to_string(), worker.name);
    program.terminate();

    assert_eq!(program.ended().await.code(), Some(0));
    let left = soon("its leaving", workers.next()).await;
    assert_eq!(left, Some(MemberEvent::Left(worker)));
}

/// Runs the program to its end, and returns its code and what it said.
async fn run_to_end(args: &[&str]) -> (Option<i32>, String) {
    let mut command = command(args);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let output = spawn_blocking(move || child.wait_with_output().unwrap());
    let output = soon("the end of the process", output).await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[actix::test]
async fn wrong_settings_end_in_2_and_a_port_that_is_taken_in_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let coordinator = ["--coordinator", "127.0.0.1:1", "--http", "127.0.0.1:0"];
    for (args, expected) in [
        (vec!["--nonsense"], 2),
        (vec![], 2),
        (vec!["--coordinator", "127.0.0.1:1", "--threads", "none"], 2),
        ([&coordinator[..], &["--listen", &taken]].concat(), 4),
    ] {
        let (code, said) = run_to_end(&args).await;
        assert_eq!(code, Some(expected), "{args:?}: {said}");
        let lines: Vec<_> = said.lines().collect();
        let begins = ["error: ", "at: ", "try: "];
        let fits = lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin));
        assert!(lines.len() == 3 && fits, "{args:?}: {said}");
    }
}
