//! A running shard: what it listens on, whom it tells, and how it ends.

use super::failure::Failure;
use crate::{StateHandle, StateShard, config::ProcessConfig, grpc};
use cluster::{
    clock::{SharedClock, SystemClock},
    grpc::{BoundServer, GrpcCounts, GrpcError, GrpcServer},
    http::{self, BoundHttp, HttpError},
    members::{self, Member, MembersError, Role, SharedMembers},
    metrics::{ProcessMetrics, Sources},
    process::{Listening, host_name},
    readiness::Readiness,
    shutdown::{ShutdownCause, ShutdownToken},
};
use engine::ids::BootId;
use std::sync::Arc;
use tracing::info;

/// Ports without settings.
const GRPC_PORT: u16 = 7412;
const HTTP_PORT: u16 = 7422;

/// Everything that listens.
struct Servers {
    grpc: BoundServer,
    http: BoundHttp,
}

/// Runs a shard until it is told to end.
pub(super) async fn serve(config: ProcessConfig, shutdown: &ShutdownToken) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let readiness = Readiness::new("starting");
    let boot = BootId::new(rand::random());
    let members =
        members::open(&config.members, &clock).await.map_err(|error| no_members(&error))?;
    let state = StateShard::new(boot, config.state.clone())
        .start_in(&actix::Arbiter::new().handle())
        .map_err(|error| Failure::unfinished(error, "starting threads", "raise their limit"))?;
    let servers = bind(&config, &state, &readiness).await?;
    let (grpc_at, http_at) = (servers.grpc.address(), servers.http.address());
    let member = member(&config, boot, &servers);
    let listening = Listening { role: "state", grpc: grpc_at, http: http_at };
    listening.print().map_err(|error| {
        Failure::unfinished(error, "standard output", "give the process one that is open")
    })?;
    readiness.ready();
    info!(%boot, address = member.address, "listening");
    let ended = run(servers, (&config, &clock), (members, member), shutdown).await;
    state.stop().await;
    ended
}

async fn bind(
    config: &ProcessConfig,
    state: &StateHandle,
    readiness: &Readiness,
) -> Result<Servers, Failure> {
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
        .await
        .map_err(|error| no_grpc(&error))?;
    let mut sources: Sources = vec![Arc::new(ProcessMetrics), Arc::new(counts)];
    sources.extend(state.sources());
    let http = http::bind(&config.http.listen_or(HTTP_PORT), &config.http, readiness, sources)
        .map_err(|error| no_http(&error))?;
    Ok(Servers { grpc, http })
}

/// Says how others find this process.
fn member(config: &ProcessConfig, boot: BootId, servers: &Servers) -> Member {
    let address = config.grpc.advertised(servers.grpc.address());
    let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
    let http_address = format!("{host}:{}", servers.http.address().port());
    Member {
        name: config.members.name.clone().unwrap_or_else(host_name),
        address,
        http_address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot: boot.to_string(),
    }
}

/// Serves until the end: the membership is left first, then calls under way are answered, then the
/// pages go.
async fn run(
    servers: Servers,
    (config, clock): (&ProcessConfig, &SharedClock),
    (members, member): (SharedMembers, Member),
    shutdown: &ShutdownToken,
) -> Result<(), Failure> {
    let (clock, pause, told) = (clock.clone(), config.members.retry_pause, shutdown.clone());
    let staying = tokio::spawn(async move {
        let who = (Role::State, &member);
        members::stay(&*members, who, (&*clock, pause), &told, |_| {}).await;
    });
    let left = async {
        // It ends by the token; a panic there was logged, and there is nothing to leave then.
        let _ = staying.await;
    };
    let ended = ShutdownToken::new();
    let calls = async {
        let served = servers.grpc.serve(shutdown, &config.shutdown, left).await;
        ended.cancel(ShutdownCause::Requested);
        served.map_err(|error| no_grpc(&error))
    };
    let pages = async {
        let served = servers.http.serve(&ended).await;
        // Without pages nobody knows how the process is: it ends.
        shutdown.cancel(ShutdownCause::Requested);
        served.map_err(|error| no_http(&error))
    };
    let (calls, pages) = tokio::join!(calls, pages);
    calls.and(pages)
}

fn no_grpc(error: &GrpcError) -> Failure {
    match error {
        GrpcError::Listen { address, .. } => {
            Failure::unfinished(error, format!("--listen {address}"), "choose a free address")
        }
        GrpcError::Ended { .. } => Failure::unfinished(error, "the gRPC server", "start it again"),
        _ => Failure::usage(error, "the settings below `grpc`", "correct them"),
    }
}

fn no_http(error: &HttpError) -> Failure {
    match error {
        HttpError::Listen { address, .. } => {
            Failure::unfinished(error, format!("--http {address}"), "choose a free address")
        }
        HttpError::Ended { .. } => Failure::unfinished(error, "the HTTP server", "start it again"),
    }
}

fn no_members(error: &MembersError) -> Failure {
    match error {
        MembersError::Setting { .. } => {
            Failure::usage(error, "the settings below `members`", "correct it")
        }
        _ => Failure::unfinished(error, "--etcd", "check that etcd answers there"),
    }
}
