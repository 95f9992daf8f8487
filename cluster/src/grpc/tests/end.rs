//! A server's life: what its health says, and that it ends in time whatever its clients do.

use tonic::Streaming;
use tonic_health::pb::HealthCheckResponse;

use super::*;

async fn next_status(stream: &mut Streaming<HealthCheckResponse>) -> i32 {
    let message = timeout(LONG, stream.message()).await.expect("health changes");
    message.unwrap().expect("the stream goes on").status
}

#[tokio::test]
async fn health_says_what_the_readiness_of_the_process_says() {
    let running = start(&GrpcConfig::default(), ShutdownConfig::default()).await;
    let mut client = HealthClient::new(running.link());
    assert_eq!(health(&mut client).await, NOT_SERVING);

    let mut changes = client.watch(question()).await.unwrap().into_inner();
    assert_eq!(next_status(&mut changes).await, NOT_SERVING);
    running.readiness.ready();
    assert_eq!(next_status(&mut changes).await, SERVING);
    running.readiness.not_ready("a shard is away");
    assert_eq!(next_status(&mut changes).await, NOT_SERVING);

    drop((changes, client));
    running.end().await;
}

#[tokio::test]
async fn a_process_that_drains_is_not_serving_and_still_answers() {
    let running = start(&GrpcConfig::default(), ShutdownConfig::default()).await;
    running.readiness.ready();
    let mut client = HealthClient::new(running.link());
    let mut changes = client.watch(question()).await.unwrap().into_inner();
    while next_status(&mut changes).await != SERVING {}

    running.shutdown.cancel(ShutdownCause::Terminate);

    assert_eq!(next_status(&mut changes).await, NOT_SERVING);
    assert_eq!(health(&mut client).await, NOT_SERVING, "calls are answered while it drains");
    drop(changes);
    running.drained.cancel(ShutdownCause::Requested);
    timeout(LONG, running.server).await.expect("it ends").unwrap().unwrap();
    assert!(client.check(question()).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_stream_that_nobody_ends_is_cut_in_time() {
    let limits = ShutdownConfig {
        drain_timeout: Duration::from_millis(50),
        close_timeout: Duration::from_millis(100),
    };
    let running = start(&GrpcConfig::default(), limits).await;
    let mut client = HealthClient::new(running.link());
    let mut stream = client.watch(question()).await.unwrap().into_inner();
    assert_eq!(next_status(&mut stream).await, NOT_SERVING);

    // The process never says that it has drained, and the client holds on to its stream.
    running.shutdown.cancel(ShutdownCause::Terminate);

    timeout(LONG, running.server).await.expect("it ends").unwrap().unwrap();
    let cut = timeout(LONG, async { while let Ok(Some(_)) = stream.message().await {} });
    cut.await.expect("the stream is cut and not left open");
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_name() {
    let running = start(&GrpcConfig::default(), ShutdownConfig::default()).await;
    let taken = running.address.to_string();

    let server = GrpcServer::new(&GrpcConfig::default(), &running.counts, &running.readiness);
    let refused = server.bind(&taken).await.unwrap_err().to_string();

    assert!(refused.starts_with(&format!("cannot listen on {taken}: ")), "{refused}");
    running.end().await;
}
