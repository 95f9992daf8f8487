//! The services over a real socket: every method, every error, and what breaks.

mod blocks;
mod server;
mod shard;

use crate::{
    draw::Draw,
    messages::{CODES, Messages, job},
};
use futures::StreamExt;
use proto::{
    client::{Deadlines, MessageLimits, StateClient},
    state::{Feed, LoadGenesisRequest, LoadSnapshotRequest, StateService},
    status::{Code, Status},
    wire::{state_service_client::StateServiceClient, v1},
};
use server::Running;
use shard::Scripted;
use std::{fmt::Debug, future::Future, sync::Arc, time::Duration};
use tonic::transport::{Channel, Endpoint};

const LIMITS: MessageLimits = MessageLimits { message_bytes_max: 1 << 20, piece_bytes_max: 700 };

const fn deadlines(each: Duration) -> Deadlines {
    Deadlines {
        control: each,
        read: each,
        stage: each,
        seal: each,
        commit: each,
        load: each,
        block: each,
    }
}

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn client_with(address: &str, each: Duration) -> StateClient<Channel> {
    StateClient::new(channel(address), deadlines(each), LIMITS)
}

fn client(address: &str) -> StateClient<Channel> {
    client_with(address, Duration::from_secs(20))
}

fn shown(value: impl Debug) -> String {
    format!("{value:?}")
}

/// Calls every method; returns what was asked, and what was answered.
async fn call_all(service: &dyn StateService, draw: &mut Draw) -> Vec<(String, String)> {
    async fn called<A: Debug>(
        request: String,
        answer: impl Future<Output = Result<A, Status>>,
    ) -> (String, String) {
        (request, shown(answer.await))
    }
    let genesis = LoadGenesisRequest {
        block_hash: draw.hash(),
        block_number: draw.u64(),
        state: draw.state(),
    };
    let loaded = LoadSnapshotRequest { number: draw.u64(), contents: draw.contents() };
    let (head, prove) = (draw.hash(), draw.prove());
    let (configure, read, stage) = (draw.configure(), draw.read_request(), draw.stage());
    let (seal, commit, snapshot) = (draw.seal(), draw.commit(), draw.snapshot());
    let mut calls = vec![
        called(shown(&configure), service.configure(configure)).await,
        called(shown(&read), service.read(read)).await,
        called(shown(&stage), service.stage(stage)).await,
        called(shown(&seal), service.seal(seal)).await,
        called(shown(&commit), service.commit(commit)).await,
        called(shown(job(7)), service.abort(job(7))).await,
        called(shown(&genesis), service.load_genesis(genesis)).await,
        called(shown(&loaded), service.load_snapshot(loaded)).await,
        called(shown(snapshot), service.drop_snapshot(snapshot)).await,
        called(shown(head), service.set_head(head)).await,
        called(shown(&prove), service.prove(prove)).await,
        called(shown("head"), service.head()).await,
    ];
    let feed = match service.feed().await {
        Ok(feed) => shown(feed.collect::<Vec<_>>().await),
        Err(status) => shown(Err::<(), _>(status)),
    };
    calls.push((shown("feed"), feed));
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_takes_and_gives_over_a_socket_what_it_takes_and_gives_in_process() {
    for seed in 0..20 {
        let direct = Arc::new(Scripted::answering(seed));
        let behind = Arc::new(Scripted::answering(seed));
        let server = Running::start(Arc::clone(&behind));

        let in_process = call_all(direct.as_ref(), &mut Draw::new(seed)).await;
        let over_wire = call_all(&client(&server.address), &mut Draw::new(seed)).await;

        assert_eq!(over_wire, in_process, "seed {seed}");
        let asked: Vec<_> = over_wire.into_iter().map(|(request, _)| request).collect();
        assert_eq!(behind.heard(), asked, "seed {seed}");
        assert_eq!(asked.len(), 13);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_of_every_method_crosses_the_wire_with_code_and_message() {
    for (seed, code) in (0..).zip(CODES) {
        let status = Status::new(code, "nöt now: 100 %\nreally");
        let server = Running::start(Arc::new(Scripted::failing(status.clone())));
        let calls = call_all(&client(&server.address), &mut Draw::new(seed)).await;
        for (request, answer) in calls {
            assert_eq!(answer, shown(Err::<(), _>(status.clone())), "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_ends_in_an_error_says_so_after_its_messages() {
    let shard = Scripted::answering(5).ending_feed(Status::new(Code::ResourceExhausted, "slow"));
    let server = Running::start(Arc::new(shard));
    let feed: Feed = client(&server.address).feed().await.unwrap();
    let messages: Vec<_> = feed.collect().await;
    let (last, before) = messages.split_last().unwrap();
    assert_eq!(*last, Err(Status::new(Code::ResourceExhausted, "slow")));
    assert!(!before.is_empty() && before.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_request_is_refused_by_the_fields_name() {
    let server = Running::start(Arc::new(Scripted::answering(1)));
    let mut raw = StateServiceClient::new(channel(&server.address));
    let short = v1::CommitRequest {
        job_id: Some(job(1).into()),
        block_hash: vec![1; 31].into(),
        block_number: 1,
    };
    let status = Status::from(raw.commit(short).await.unwrap_err());
    assert_eq!(status.code, Code::InvalidArgument);
    assert_eq!(status.message, "block_hash: is 31 long, not 32");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_major_version_is_refused_with_both_named() {
    let server = Running::start(Arc::new(Scripted::answering(1)));
    let mut raw = StateServiceClient::new(channel(&server.address));
    let mut request = v1::ConfigureRequest::from(Draw::new(1).configure());
    request.protocol = Some(v1::ProtocolVersion { major: 2, minor: 7 });
    let status = Status::from(raw.configure(request).await.unwrap_err());
    assert_eq!(status.code, Code::FailedPrecondition);
    assert!(status.message.contains("2.7") && status.message.contains("1.0"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_not_there_or_dies_in_a_call_is_unavailable() {
    let nowhere = client("127.0.0.1:1").head().await.unwrap_err();
    assert_eq!(nowhere.code, Code::Unavailable, "{nowhere:?}");

    // Takes connections, answers with rubbish or not at all, and closes.
    for rubbish in [&b""[..], b"HTTP/1.1 500 no\r\n\r\n"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peer = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut first = [0; 16];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut first).await;
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, rubbish).await;
            }
        });
        let died = client(&address).head().await.unwrap_err();
        assert_eq!(died.code, Code::Unavailable, "{died:?}");
        peer.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_works_is_unavailable() {
    let shard = Arc::new(Scripted::silent());
    let server = Running::start(Arc::clone(&shard));
    let client = client(&server.address);
    let call = tokio::spawn(async move { client.head().await });
    shard.wait_until_asked().await;
    server.kill();
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code, Code::Unavailable, "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_at_its_deadline() {
    let server = Running::start(Arc::new(Scripted::silent()));
    let client = client_with(&server.address, Duration::from_millis(50));
    let calls = call_all(&client, &mut Draw::new(1)).await;
    for (request, answer) in calls {
        assert!(answer.contains("DeadlineExceeded"), "{request}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_is_resource_exhausted() {
    let server = Running::start(Arc::new(Scripted::answering(1)));
    let small = MessageLimits { message_bytes_max: 64, piece_bytes_max: 64 };
    let each = deadlines(Duration::from_secs(20));
    let client = StateClient::new(channel(&server.address), each, small);
    let mut draw = Draw::new(2);
    let large = std::iter::repeat_with(|| draw.read_request()).find(|one| one.keys.len() > 5);
    let status = client.read(large.unwrap()).await.unwrap_err();
    assert_eq!(status.code, Code::ResourceExhausted, "{status:?}");

    // What comes in is bounded too, and a feed ends with its first error.
    let tiny = MessageLimits { message_bytes_max: 4, piece_bytes_max: 4 };
    let client = StateClient::new(channel(&server.address), each, tiny);
    let messages: Vec<_> = client.feed().await.unwrap().collect().await;
    let errors: Vec<_> = messages.iter().filter_map(|message| message.as_ref().err()).collect();
    assert_eq!(errors.len(), 1, "{messages:?}");
    assert_eq!(errors[0].code, Code::ResourceExhausted, "{messages:?}");
}
