//! A running coordinator: what it listens on, what it waits for, and how it ends.

use super::{
    Settings, clients,
    find::{Found, find},
    vicinity::Vicinity,
};
use crate::{
    Coordinator, CoordinatorHandle,
    grpc::{GrpcService, Serving},
    metrics::Metrics,
    status::Surroundings,
};
use cluster::{
    clock::SharedClock,
    grpc::{GrpcCounts, GrpcServer},
    http,
    members::{self, Member},
    metrics::{ProcessMetrics, Sources},
    process::{Doors, Failure, Process, host_name},
    readiness::Readiness,
    shutdown::{ShutdownCause, ShutdownToken},
};
use engine::ids::Term;
use proto::coordinator::CoordinatorStatus;
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use tracing::{info, warn};

/// Ports without settings.
const GRPC_PORT: u16 = 7410;
const HTTP_PORT: u16 = 7420;

/// What all parts of the process share.
struct Shared {
    settings: Settings,
    clock: SharedClock,
    readiness: Readiness,
    metrics: Metrics,
    counts: GrpcCounts,
    service: GrpcService,
    /// Ends streams, after the process has drained.
    closing: ShutdownToken,
}

/// Runs a coordinator until it is told to end.
pub(super) async fn serve(settings: Settings, process: Process) -> Result<(), Failure> {
    let Process { shutdown, clock } = process;
    let members = members::open(&settings.members, &clock).await?;
    let (shared, doors) = open(settings, clock.clone()).await?;
    doors.announce("coordinator")?;
    let me = member(&shared.settings, &doors);
    info!(address = me.address, "listening");
    let surroundings = surroundings_of(&me);
    let vicinity = Vicinity { members, clock, surroundings };
    let handle = OnceLock::new();
    let drained = async {
        if let Some(handle) = handle.get() {
            CoordinatorHandle::drain(handle).await;
        }
    };
    let (gone, limits) = (ShutdownToken::new(), shared.settings.shutdown.clone());
    let serving = async {
        let served = doors.serve(&shutdown, &limits, drained).await;
        gone.cancel(ShutdownCause::Requested);
        served
    };
    let working = work(&shared, (&vicinity, &me), &handle);
    let staying = async {
        // Nobody is to find a coordinator that takes no blocks yet.
        while handle.get().is_none() && !gone.is_cancelled() {
            vicinity.clock.sleep(shared.settings.members.retry_pause).await;
        }
        vicinity.stay(&shared.settings, &me, &gone).await;
    };
    let serving = async {
        tokio::select! {
            served = serving => served,
            failure = working => {
                gone.cancel(ShutdownCause::Requested);
                Err(failure)
            }
        }
    };
    let (served, ()) = tokio::join!(serving, staying);
    served
}

async fn open(settings: Settings, clock: SharedClock) -> Result<(Shared, Doors), Failure> {
    let readiness = Readiness::new("state shards are looked for");
    let (metrics, counts) = (Metrics::default(), GrpcCounts::default());
    let service = GrpcService::new(&readiness, settings.grpc.message_bytes_max());
    let server = GrpcServer::new(&settings.grpc, &counts, &readiness);
    let closing = server.closing();
    let grpc = server
        .service(service.server())
        .reflection(proto::wire::FILE_DESCRIPTOR_SET)
        .bind(&settings.grpc.listen_or(GRPC_PORT))
        .await?;
    let mut sources: Sources = vec![Arc::new(ProcessMetrics), Arc::new(counts.clone())];
    sources.extend(metrics.sources());
    let address = settings.http.listen_or(HTTP_PORT);
    let http = http::bind(&address, &settings.http, &readiness, sources)?;
    let shared = Shared { settings, clock, readiness, metrics, counts, service, closing };
    Ok((shared, Doors { grpc, http }))
}

/// Says how others find this process.
fn member(settings: &Settings, doors: &Doors) -> Member {
    let (address, http_address) = doors.advertised(&settings.grpc);
    Member {
        name: settings.members.name.clone().unwrap_or_else(host_name),
        http_address,
        address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot: term().to_string(),
    }
}

fn surroundings_of(me: &Member) -> watch::Sender<Surroundings> {
    let myself = CoordinatorStatus { id: me.name.clone(), address: me.address.clone() };
    let coordinators = vec![myself.clone()];
    watch::Sender::new(Surroundings { myself, coordinators, ..Surroundings::default() })
}

/// Until leaders are elected the Term is the time of the start, in milliseconds since 1970: it grows
/// with every start, however soon it follows, so that names of jobs and of loaded Snapshots are new.
fn term() -> Term {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or(Duration::from_secs(1)).as_millis();
    Term::new(u64::try_from(since).unwrap_or(u64::MAX))
}

/// Finds the shards, starts the coordinator and lets it work for ever; returns why it cannot.
async fn work(
    shared: &Shared,
    (vicinity, me): (&Vicinity, &Member),
    handle: &OnceLock<CoordinatorHandle>,
) -> Failure {
    let Shared { settings, clock, readiness, .. } = shared;
    let found = match find(&*vicinity.members, settings, (clock.as_ref(), readiness)).await {
        Ok(found) => found,
        Err(failure) => return failure,
    };
    let coordinator = match start(shared, vicinity, &found).await {
        Ok(coordinator) => coordinator,
        Err(failure) => return failure,
    };
    let (attach, bytes_max) = (settings.attach.clone(), settings.grpc.message_bytes_max());
    let closing = shared.closing.clone();
    let serving = Serving::new(coordinator.clone(), (attach, bytes_max), found.addresses, closing);
    let serving = Arc::new(serving);
    shared.service.serve(Arc::clone(&serving));
    let _ = handle.set(coordinator);
    readiness.ready();
    info!(name = me.name, shards = found.names.join(","), cluster = %found.cluster, "ready");
    let workers = vicinity.watch_workers(settings, &serving);
    let coordinators = vicinity.watch_coordinators(settings);
    tokio::join!(workers, coordinators);
    Failure::start("the members are not watched any more", "members", "start it again")
}

/// Starts the coordinator and gives the shards their places.
async fn start(
    shared: &Shared,
    vicinity: &Vicinity,
    found: &Found,
) -> Result<CoordinatorHandle, Failure> {
    let Shared { settings, clock, readiness, metrics, counts, .. } = shared;
    let shards = clients::shards(&found.addresses, settings, counts)?;
    let addresses = found.addresses.clone();
    vicinity.surroundings.send_modify(|it| it.shard_addresses = addresses);
    let coordinator = Coordinator::new(settings.coordinator.clone(), shards)
        .clock(clock.clone())
        .term(term())
        .cluster(found.cluster)
        .surroundings(vicinity.surroundings.subscribe())
        .metrics(metrics.clone())
        .start()
        .map_err(|error| Failure::start(error, "starting threads", "raise their limit"))?;
    let tell = |status: &proto::status::Status| {
        warn!(%status, "a state shard is not configured");
        readiness.not_ready(format!("a state shard is not configured: {status}"));
    };
    coordinator.configure_with(&settings.coordinator.configure_retry, tell).await.map_err(
        |status| Failure::start(status, "the state shards", "start them, or check their addresses"),
    )?;
    Ok(coordinator)
}
