//! Workers that attach to the program over gRPC.

use crate::{
    program::{BOUND, Program},
    shard::there,
};
use engine::ids::WorkerId;
use futures::stream;
use proto::{
    attach::{CoordinatorMessage, Hello, WorkerMessage},
    client::{CoordinatorClient, Deadlines, MessageLimits},
    coordinator::{CoordinatorService, EtcdState, ShardState, WorkerState},
    status::Code,
    version::{PROTOCOL, Version},
    wire::{coordinator_service_client::CoordinatorServiceClient, v1},
};
use tokio::{sync::mpsc, time::timeout};
use tonic::Streaming;

/// A worker's end of its stream.
struct Far {
    to: mpsc::Sender<v1::WorkerMessage>,
    from: Streaming<v1::CoordinatorMessage>,
}

impl Far {
    async fn attach(program: &Program, id: u64, protocol: Version) -> Self {
        let (to, said) = mpsc::channel(8);
        let (address, name) = ("127.0.0.1:1".to_owned(), format!("w{id}"));
        let (worker, version) = (WorkerId::new(id), "0".to_owned());
        let hello = Hello { worker, address, cores: 3, version, protocol, name };
        to.send(WorkerMessage::Hello(hello).into()).await.unwrap();
        let said = stream::unfold(said, |mut said| async { Some((said.recv().await?, said)) });
        let mut client = CoordinatorServiceClient::new(program.link());
        let from = timeout(BOUND, client.attach(said)).await.unwrap().unwrap().into_inner();
        Self { to, from }
    }

    async fn hear(&mut self) -> Option<CoordinatorMessage> {
        // A stream that is cut ends too.
        let message = timeout(BOUND, self.from.message()).await.unwrap().ok()??;
        Some(CoordinatorMessage::from_wire(message, |_| None).unwrap())
    }
}

fn client(program: &Program) -> impl CoordinatorService {
    let deadlines = Deadlines {
        control: BOUND,
        read: BOUND,
        stage: BOUND,
        seal: BOUND,
        commit: BOUND,
        load: BOUND,
        block: BOUND,
    };
    let limits = MessageLimits { message_bytes_max: 1 << 20, piece_bytes_max: 1 << 16 };
    CoordinatorClient::new(program.link(), deadlines, limits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_told_the_cluster_and_shown_by_status_until_it_is_silent() {
    let (_shard, address) = there().await;
    let program = Program::start(&["--state", &address, "--name", "first"]);
    program.until_ready_says(200, "ok");
    let client = client(&program);
    let mut far = Far::attach(&program, 7, PROTOCOL).await;
    let Some(CoordinatorMessage::Welcome(welcome)) = far.hear().await else {
        panic!("it is not welcome")
    };
    assert_eq!(welcome.shards, [address]);
    let silence = welcome.heartbeat_interval * welcome.heartbeats_missed_max;
    assert!(silence.as_millis() <= 2_000, "a worker that stops is noticed within two seconds");

    let status = client.status().await.unwrap();
    assert_eq!(status.cluster, welcome.cluster);
    assert_eq!((&*status.leader.id, status.etcd), ("first", EtcdState::None));
    assert_eq!((status.workers[0].id.get(), status.workers[0].cores), (7, 3));
    assert_eq!(status.workers[0].state, WorkerState::Ready);
    assert_eq!(status.state_shards[0].state, ShardState::Ready);

    // Its stream stays open and it says nothing.
    assert!(far.hear().await.is_none(), "the stream ends");
    let mut state = WorkerState::Ready;
    let clock = cluster::clock::SystemClock::shared();
    while state != WorkerState::Lost && clock.now() < BOUND {
        state = client.status().await.unwrap().workers[0].state;
    }
    assert_eq!(state, WorkerState::Lost);
    drop(far.to);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_major_version_is_refused() {
    let (_shard, address) = there().await;
    let program = Program::start(&["--state", &address]);
    program.until_ready_says(200, "ok");
    let other = Version { major: PROTOCOL.major + 1, minor: 0 };
    let mut far = Far::attach(&program, 7, other).await;
    let Some(CoordinatorMessage::Refused(status)) = far.hear().await else {
        panic!("it is not refused")
    };
    assert_eq!(status.code, Code::FailedPrecondition);
    assert!(status.message.contains(&other.to_string()), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_ends_closes_the_streams_of_its_workers() {
    let (_shard, address) = there().await;
    let program = Program::start(&["--state", &address]);
    program.until_ready_says(200, "ok");
    let mut far = Far::attach(&program, 7, PROTOCOL).await;
    assert!(far.hear().await.is_some());
    program.terminate();
    assert!(far.hear().await.is_none());
    assert_eq!(program.ended().code(), Some(0));
}
