//! A worker from its start to its end.

use super::Settings;
use crate::{grpc::Attachment, metrics::Metrics};
use cluster::{
    grpc::{GrpcCounts, GrpcServer},
    http,
    members::{self, Member, Role},
    metrics::ProcessMetrics,
    process::{Doors, Failure, Process, host_name},
    readiness::Readiness,
    shutdown::{ShutdownCause, ShutdownToken},
};
use engine::ids::WorkerId;
use std::sync::Arc;

/// Port for gRPC health.
const GRPC_PORT: u16 = 7411;
/// Port for HTTP.
const HTTP_PORT: u16 = 7421;
/// Bits of a random id that are not used: a worker's has 48, which every reader of JSON can hold.
const UNUSED_BITS: u32 = 16;

/// Serves until the process is told to end and has drained.
pub(super) async fn serve(settings: Settings, process: Process) -> Result<(), Failure> {
    let Process { shutdown, clock } = process;
    let readiness = Readiness::new("not attached to a coordinator yet");
    let (counts, metrics) = (GrpcCounts::default(), Metrics::default());
    let doors = open(&settings, (&readiness, &counts, &metrics)).await?;
    let members = members::open(&settings.members, &clock).await?;
    let id = WorkerId::new(rand::random::<u64>() >> UNUSED_BITS);
    let (address, http_address) = doors.advertised(&settings.grpc);
    let member = Member {
        name: id.to_string(),
        address: address.clone(),
        http_address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot: id.to_string(),
    };
    let name = settings.members.name.clone();
    let name = name.unwrap_or_else(|| format!("{}-{:04x}", host_name(), id.get() & 0xffff));
    doors.announce("worker")?;

    let ended = ShutdownToken::new();
    let staying = {
        let (members, clock, ended) = (Arc::clone(&members), Arc::clone(&clock), ended.clone());
        let pause = settings.members.retry_pause;
        tokio::spawn(async move {
            let who = (Role::Worker, &member);
            members::stay(members.as_ref(), who, (clock.as_ref(), pause), &ended, |_| {}).await;
        })
    };
    let arbiter = actix::Arbiter::new();
    let attachment = Attachment {
        id,
        name,
        address,
        worker: settings.worker,
        stream: settings.stream,
        grpc: settings.grpc,
        members,
        readiness,
        counts,
        metrics,
        clock,
        arbiter: arbiter.handle(),
    };
    let attached = tokio::spawn(attachment.run(shutdown.clone()));
    let drained = async { _ = attached.await };
    let served = doors.serve(&shutdown, &settings.shutdown, drained).await;
    ended.cancel(ShutdownCause::Requested);
    // The lease is given back within the time for one request.
    let _ = staying.await;
    arbiter.stop();
    served
}

async fn open(
    settings: &Settings,
    (readiness, counts, metrics): (&Readiness, &GrpcCounts, &Metrics),
) -> Result<Doors, Failure> {
    let grpc = GrpcServer::new(&settings.grpc, counts, readiness)
        .bind(&settings.grpc.listen_or(GRPC_PORT))
        .await?;
    let sources: cluster::metrics::Sources =
        vec![Arc::new(metrics.clone()), Arc::new(counts.clone()), Arc::new(ProcessMetrics)];
    let address = settings.http.listen_or(HTTP_PORT);
    let http = http::bind(&address, &settings.http, readiness, sources)?;
    Ok(Doors { grpc, http })
}
