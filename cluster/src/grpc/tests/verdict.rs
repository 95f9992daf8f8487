//! What failures of calls mean, seen at a peer that is really killed, stopped, or away: an etcd, which
//! serves gRPC's health too.

use tonic::{Code, Status};

use super::*;
use crate::retry::Verdict;
use crate::testing::TestEtcd;

#[test]
fn what_a_handler_says_is_judged_by_its_code() {
    let again = [Code::Unavailable, Code::ResourceExhausted, Code::DeadlineExceeded];
    for code in (0..=16).map(Code::from_i32) {
        let expected = if again.contains(&code) { Verdict::Again } else { Verdict::Stop };
        assert_eq!(classify(&Status::new(code, "said")), expected, "{code:?}");
    }
}

#[tokio::test]
async fn a_peer_that_is_killed_under_a_call_is_tried_again() {
    let mut etcd = TestEtcd::start();
    let mut client = HealthClient::new(link(&etcd.url()));
    client.check(question()).await.unwrap();

    // Stopped, it has the question and does not answer; then it dies with it.
    etcd.pause();
    let mut asking = client.clone();
    let asked = tokio::spawn(async move { asking.check(question()).await });
    tokio::task::yield_now().await;
    etcd.kill();

    let status = timeout(LONG, asked).await.expect("it ends").unwrap().unwrap_err();
    assert_eq!(classify(&status), Verdict::Again, "{status:?}");

    let away = client.check(question()).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable, "{away:?}");
    assert_eq!(classify(&away), Verdict::Again);

    etcd.restart();
    let back = async { while client.check(question()).await.is_err() {} };
    timeout(LONG, back).await.expect("the link finds its peer again");
}

#[tokio::test]
async fn a_peer_that_is_killed_under_a_stream_is_tried_again() {
    let mut etcd = TestEtcd::start();
    let mut client = HealthClient::new(link(&etcd.url()));
    let mut stream = client.watch(question()).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().status, SERVING);
    etcd.kill();

    let status = timeout(LONG, stream.message()).await.expect("it ends").unwrap_err();

    assert_eq!(classify(&status), Verdict::Again, "{:?} {status:?}", status.code());
}

#[tokio::test]
async fn a_peer_that_gives_no_sign_of_life_is_tried_again() {
    let etcd = TestEtcd::start();
    let config = GrpcConfig {
        keepalive_interval: Duration::from_millis(100),
        keepalive_timeout: Duration::from_millis(100),
        ..GrpcConfig::default()
    };
    let link = connect(&etcd.url(), &config, &GrpcCounts::default()).unwrap();
    let mut client = HealthClient::new(link);
    client.check(question()).await.unwrap();

    etcd.pause();
    let status = timeout(LONG / 2, client.check(question())).await.expect("before the deadline");

    let status = status.unwrap_err();
    assert_eq!(classify(&status), Verdict::Again, "{status:?}");
    etcd.resume();
}

#[tokio::test]
async fn a_deadline_that_passes_is_tried_again() {
    let etcd = TestEtcd::start();
    let mut client = HealthClient::new(link(&etcd.url()));
    client.check(question()).await.unwrap();
    etcd.pause();

    let mut request = question();
    request.set_timeout(Duration::from_millis(100));
    let status = client.check(request).await.unwrap_err();

    assert_eq!(classify(&status), Verdict::Again, "{status:?}");
    etcd.resume();
}
