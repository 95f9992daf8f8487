//! Bounds that hold, bytes that are counted, and what a server tells of itself.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request as HttpRequest, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tower::Service;

use super::*;

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

#[tokio::test]
async fn bytes_and_messages_are_counted_on_both_sides_alike() {
    let running = start(&GrpcConfig::default(), ShutdownConfig::default()).await;
    let counts = GrpcCounts::default();
    let link = connect(&running.address.to_string(), &GrpcConfig::default(), &counts).unwrap();
    let mut client = HealthClient::new(link);

    for _ in 0..10 {
        health(&mut client).await;
    }

    // A question for the whole process is an empty message: a header of five bytes; the answer has
    // a field and its value besides.
    let of_client =
        [&counts.messages_out, &counts.bytes_out, &counts.messages_in, &counts.bytes_in];
    assert_eq!(of_client.map(crate::metrics::Counter::get), [10, 50, 10, 70]);
    let counts = &running.counts;
    let of_server =
        [&counts.messages_in, &counts.bytes_in, &counts.messages_out, &counts.bytes_out];
    assert_eq!(of_server.map(crate::metrics::Counter::get), [10, 50, 10, 70]);
    running.end().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_are_refused_and_counted_until_one_ends() {
    let config = GrpcConfig { connections_max: number(1), ..GrpcConfig::default() };
    let running = start(&config, ShutdownConfig::default()).await;
    let mut first = HealthClient::new(running.link());
    health(&mut first).await;

    let refused = HealthClient::new(running.link()).check(question()).await.unwrap_err();
    assert_eq!(classify(&refused), crate::retry::Verdict::Again, "{refused:?}");
    assert!(running.counts.connections_refused.get() >= 1);
    assert_eq!(health(&mut first).await, NOT_SERVING, "who is in stays in");

    drop(first);
    let freed = async {
        while HealthClient::new(running.link()).check(question()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, freed).await.expect("a place becomes free");
    running.end().await;
}

/// A service whose answers begin when they are allowed to.
#[derive(Clone)]
struct Held {
    go_on: ShutdownToken,
}

impl NamedService for Held {
    const NAME: &'static str = "grpc.health.v1.Held";
}

impl Service<HttpRequest<Body>> for Held {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: HttpRequest<Body>) -> Self::Future {
        let go_on = self.go_on.clone();
        Box::pin(async move {
            go_on.cancelled().await;
            Ok(Status::aborted("held back").into_http())
        })
    }
}

/// Calls the service that holds its answers back.
async fn call_held(mut link: Link) -> Status {
    futures::future::poll_fn(|context| link.poll_ready(context)).await.unwrap();
    let request = HttpRequest::post("http://test/grpc.health.v1.Held/Call")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::empty())
        .unwrap();
    let answer = link.call(request).await.unwrap();
    Status::from_header_map(answer.headers()).expect("a status in the head")
}

#[tokio::test]
async fn calls_beyond_the_bound_of_a_connection_are_refused_as_exhausted() {
    let config = GrpcConfig { calls_per_connection_max: number(2), ..GrpcConfig::default() };
    let (counts, readiness) = (GrpcCounts::default(), Readiness::new("a test"));
    let go_on = ShutdownToken::new();
    let server = GrpcServer::new(&config, &counts, &readiness)
        .service(Held { go_on: go_on.clone() })
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let running = run(server, (counts, readiness), ShutdownConfig::default());
    let link = running.link();

    let mut calls: Vec<_> = (0..3).map(|_| Box::pin(call_held(link.clone()))).collect();
    let (refused, _, held) = timeout(LONG, futures::future::select_all(calls.drain(..)))
        .await
        .expect("one of three is refused while two are held");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    assert_eq!(classify(&refused), crate::retry::Verdict::Again);

    go_on.cancel(ShutdownCause::Requested);
    for status in timeout(LONG, futures::future::join_all(held)).await.unwrap() {
        assert_eq!(status.code(), Code::Aborted, "the others are answered");
    }
    running.end().await;
}

#[tokio::test]
async fn clients_can_ask_what_a_server_serves() {
    let (counts, readiness) = (GrpcCounts::default(), Readiness::new("a test"));
    let server = GrpcServer::new(&GrpcConfig::default(), &counts, &readiness)
        .reflection(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let running = run(server, (counts, readiness), ShutdownConfig::default());

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(running.link());
    let asked = client.server_reflection_info(futures::stream::iter([request]));
    let mut answers = asked.await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();

    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
    running.end().await;
}

#[tokio::test]
async fn what_is_no_address_or_no_window_is_refused_by_name() {
    let counts = GrpcCounts::default();
    for url in ["", "host", "http://host", "https://host:7410", "a b:1"] {
        let refused = connect(url, &GrpcConfig::default(), &counts).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("`{url}` is not an address: ")), "{refused}");
    }
    let config = GrpcConfig { stream_window_bytes: 1_000, ..GrpcConfig::default() };
    let refused = connect("host:7410", &config, &counts).unwrap_err().to_string();
    assert!(refused.starts_with("grpc.stream_window_bytes is 1000"), "{refused}");
}
