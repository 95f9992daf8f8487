//! A running shard: what it listens on, whom it tells, and how it ends.

use crate::{StateHandle, StateShard, config::ProcessConfig, grpc};
use cluster::{
    grpc::{GrpcCounts, GrpcServer},
    http,
    members::{self, Member, Role},
    metrics::{ProcessMetrics, Sources},
    process::{Doors, Failure, Process, host_name},
    readiness::Readiness,
};
use engine::ids::BootId;
use std::sync::Arc;
use tracing::info;

/// Ports without settings.
const GRPC_PORT: u16 = 7412;
const HTTP_PORT: u16 = 7422;

/// Runs a shard until it is told to end: the membership is left first, then calls under way are
/// answered, then the pages go.
pub(super) async fn serve(config: ProcessConfig, process: Process) -> Result<(), Failure> {
    let Process { shutdown, clock } = process;
    let readiness = Readiness::new("starting");
    let boot = BootId::new(rand::random());
    let members = members::open(&config.members, &clock).await?;
    let state = StateShard::new(boot, config.state.clone())
        .start_in(&actix::Arbiter::new().handle())
        .map_err(|error| Failure::start(error, "starting threads", "raise their limit"))?;
    let doors = open(&config, &state, &readiness).await?;
    let member = member(&config, boot, &doors);
    doors.announce("state")?;
    readiness.ready();
    info!(%boot, address = member.address, "listening");
    let staying = {
        let (pause, told) = (config.members.retry_pause, shutdown.clone());
        tokio::spawn(async move {
            let who = (Role::State, &member);
            members::stay(&*members, who, (&*clock, pause), &told, |_| {}).await;
        })
    };
    let left = async {
        // It ends by the token; a panic there was logged, and there is nothing to leave then.
        let _ = staying.await;
    };
    let ended = doors.serve(&shutdown, &config.shutdown, left).await;
    state.stop().await;
    ended
}

async fn open(
    config: &ProcessConfig,
    state: &StateHandle,
    readiness: &Readiness,
) -> Result<Doors, Failure> {
    let counts = GrpcCounts::default();
    let server = GrpcServer::new(&config.grpc, &counts, readiness);
    let service = grpc::server(
        Arc::new(state.clone()),
        &config.grpc,
        &server.closing(),
        config.state.limits.load_bytes_max,
    );
    let grpc = server
        .service(service)
        .reflection(proto::wire::FILE_DESCRIPTOR_SET)
        .bind(&config.grpc.listen_or(GRPC_PORT))
        .await?;
    let mut sources: Sources = vec![Arc::new(ProcessMetrics), Arc::new(counts)];
    sources.extend(state.sources());
    let http = http::bind(&config.http.listen_or(HTTP_PORT), &config.http, readiness, sources)?;
    Ok(Doors { grpc, http })
}

/// Says how others find this process.
fn member(config: &ProcessConfig, boot: BootId, doors: &Doors) -> Member {
    let (address, http_address) = doors.advertised(&config.grpc);
    Member {
        name: config.members.name.clone().unwrap_or_else(host_name),
        address,
        http_address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot: boot.to_string(),
    }
}
