//! Links and servers against each other, over real connections; and against an etcd that is killed.

mod bounds;
mod context;
mod end;
mod verdict;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::readiness::Readiness;
use crate::shutdown::{ShutdownCause, ShutdownConfig, ShutdownToken};

/// Longest wait for what has to happen, on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// What health says: `SERVING` and `NOT_SERVING` on the wire.
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// A server of health alone, which runs.
struct Running {
    address: SocketAddr,
    counts: GrpcCounts,
    readiness: Readiness,
    shutdown: ShutdownToken,
    drained: ShutdownToken,
    server: JoinHandle<Result<(), GrpcError>>,
}

async fn start(config: &GrpcConfig, limits: ShutdownConfig) -> Running {
    let (counts, readiness) = (GrpcCounts::default(), Readiness::new("a test begins"));
    let bound = GrpcServer::new(config, &counts, &readiness).bind("127.0.0.1:0").await.unwrap();
    run(bound, (counts, readiness), limits)
}

fn run(
    bound: BoundServer,
    (counts, readiness): (GrpcCounts, Readiness),
    limits: ShutdownConfig,
) -> Running {
    let (shutdown, drained) = (ShutdownToken::new(), ShutdownToken::new());
    let (address, token, work) = (bound.address(), shutdown.clone(), drained.clone());
    let server = tokio::spawn(async move {
        bound.serve(&token, &limits, async move { _ = work.cancelled().await }).await
    });
    Running { address, counts, readiness, shutdown, drained, server }
}

impl Running {
    fn link(&self) -> Link {
        link(&self.address.to_string())
    }

    /// Ends the server at once.
    async fn end(self) {
        self.drained.cancel(ShutdownCause::Requested);
        self.shutdown.cancel(ShutdownCause::Requested);
        timeout(LONG, self.server).await.expect("it ends").unwrap().unwrap();
    }
}

fn link(address: &str) -> Link {
    connect(address, &GrpcConfig::default(), &GrpcCounts::default()).unwrap()
}

/// A question to the health service, with a deadline.
fn question() -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest { service: String::new() });
    request.set_timeout(LONG);
    request
}

async fn health(client: &mut HealthClient<Link>) -> i32 {
    client.check(question()).await.unwrap().into_inner().status
}
