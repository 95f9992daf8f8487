//! What a probe and Prometheus get.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::config::page;
use crate::metrics::ProcessMetrics;
use crate::shutdown::ShutdownCause;

struct Running {
    address: SocketAddr,
    readiness: Readiness,
    shutdown: ShutdownToken,
    server: JoinHandle<Result<(), HttpError>>,
}

fn start() -> Running {
    let readiness = Readiness::new("no shard yet");
    let sources: Sources = vec![Arc::new(ProcessMetrics)];
    let bound = bind("127.0.0.1:0", &HttpConfig::default(), &readiness, sources).unwrap();
    let (address, shutdown) = (bound.address(), ShutdownToken::new());
    let token = shutdown.clone();
    let server = tokio::spawn(async move { bound.serve(&token).await });
    Running { address, readiness, shutdown, server }
}

/// Returns the whole answer to a request for `path`.
async fn fetch(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn probes_and_metrics_are_answered_until_the_process_ends() {
    let running = start();
    let fetch = |path| fetch(running.address, path);

    assert!(fetch("/livez").await.starts_with("HTTP/1.1 200"));
    let waiting = fetch("/readyz").await;
    assert!(
        waiting.starts_with("HTTP/1.1 503") && waiting.ends_with("no shard yet\n"),
        "{waiting}"
    );
    running.readiness.ready();
    assert!(fetch("/readyz").await.starts_with("HTTP/1.1 200"));
    running.readiness.stopping();
    assert!(fetch("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(fetch("/livez").await.starts_with("HTTP/1.1 200"), "alive while it drains");

    let metrics = fetch("/metrics").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\nevmesh_process_cpu_seconds_total "), "{metrics}");
    assert!(fetch("/else").await.starts_with("HTTP/1.1 404"));

    running.shutdown.cancel(ShutdownCause::Requested);
    running.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_name() {
    let running = start();
    let taken = running.address.to_string();

    let refused = bind(&taken, &HttpConfig::default(), &running.readiness, Vec::new()).unwrap_err();

    assert!(refused.to_string().starts_with(&format!("cannot listen on {taken}: ")), "{refused}");
    running.shutdown.cancel(ShutdownCause::Requested);
    running.server.await.unwrap().unwrap();
}

#[test]
fn the_page_on_configuration_lists_every_key_with_its_default() {
    page::assert_lists::<HttpConfig>("http");
}
