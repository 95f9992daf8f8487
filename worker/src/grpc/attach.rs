//! The way to a coordinator: found, dialled, served, and dialled again when its stream ends.

use super::{
    StreamConfig,
    calls::Calls,
    session::{End, Session, out_queue_len},
    shards::{Dialer, RemoteShards},
};
use crate::{Worker, WorkerHandle, config::WorkerConfig, metrics::Metrics};
use cluster::{
    clock::SharedClock,
    grpc::{GrpcConfig, GrpcCounts, connect},
    members::{Role, SharedMembers},
    readiness::Readiness,
    retry::RetryPolicy,
    shutdown::ShutdownToken,
};
use engine::ids::{ClusterId, WorkerId};
use futures::stream;
use proto::{
    attach::{CoordinatorMessage, Hello, Welcome, WorkerMessage},
    version::PROTOCOL,
    wire::{coordinator_service_client::CoordinatorServiceClient, v1},
};
use std::{future::Future, num::NonZeroU32, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::mpsc};
use tonic::Streaming;
use tracing::{info, warn};

/// Answers that may wait before the coordinator said how many calls it makes at once.
const OUT_QUEUE_LEN: usize = out_queue_len(4_096);

/// A worker that serves whatever coordinator it finds.
#[derive(Debug)]
pub struct Attachment {
    /// The worker's id.
    pub id: WorkerId,
    /// Its name among the members.
    pub name: String,
    /// Where its health service is reached.
    pub address: String,
    /// What it is told of itself.
    pub worker: WorkerConfig,
    /// What it is told of the stream.
    pub stream: StreamConfig,
    /// What it is told of connections.
    pub grpc: GrpcConfig,
    /// Where coordinators are found.
    pub members: SharedMembers,
    /// Says whether it is attached.
    pub readiness: Readiness,
    /// What crosses the wire.
    pub counts: GrpcCounts,
    /// What it counts.
    pub metrics: Metrics,
    /// Tells time.
    pub clock: SharedClock,
    /// Where its actor runs.
    pub arbiter: actix::ArbiterHandle,
}

/// The worker behind the stream; it outlives streams as long as the cluster stays the same.
#[derive(Debug)]
struct Present {
    cluster: ClusterId,
    shards: RemoteShards,
    handle: WorkerHandle,
}

/// A stream on which a coordinator said welcome.
struct Welcomed {
    welcome: Welcome,
    out: mpsc::Sender<v1::WorkerMessage>,
    incoming: Streaming<v1::CoordinatorMessage>,
}

impl Attachment {
    /// Serves until `shutdown` is cancelled and all that had begun is answered.
    pub async fn run(self, shutdown: ShutdownToken) {
        let policy = RetryPolicy {
            // A worker waits for its coordinator as long as it lives.
            tries_max: NonZeroU32::MAX,
            pause_first: self.stream.pause_min,
            pause_max: self.stream.pause_max,
        };
        let mut present = None;
        let mut n_tries = 0_u32;
        while !shutdown.is_cancelled() {
            n_tries = n_tries.saturating_add(1).min(32);
            let welcomed = tokio::select! {
                welcomed = self.dial(n_tries) => welcomed,
                _ = shutdown.cancelled() => break,
            };
            let reason = match welcomed {
                Ok(welcomed) => match self.serve(welcomed, &mut present, &shutdown).await {
                    Ok(End::Drained) => break,
                    Ok(End::Closed(reason)) => {
                        n_tries = 0;
                        reason
                    }
                    Err(reason) => reason,
                },
                Err(reason) => {
                    self.metrics.not_attached.increment();
                    reason
                }
            };
            warn!(reason, "not attached");
            self.readiness.not_ready(reason);
            tokio::select! {
                () = self.clock.sleep(policy.pause_after(n_tries.max(1), self.id.get())) => {}
                _ = shutdown.cancelled() => {}
            }
        }
        if let Some(Present { handle, .. }) = present {
            handle.stop().await;
        }
    }

    /// Finds a coordinator, another one at each try, and waits for its welcome.
    async fn dial(&self, n_tries: u32) -> Result<Welcomed, String> {
        let found =
            self.members.list(Role::Coordinator).await.map_err(|error| error.to_string())?;
        if found.is_empty() {
            return Err("no coordinator is among the members".to_owned());
        }
        let turn = usize::try_from(n_tries).unwrap_or(0) % found.len();
        let address = &found[turn].address;
        let link = connect(address, &self.grpc, &self.counts).map_err(|error| error.to_string())?;
        let message_bytes_max = self.grpc.message_bytes_max();
        let mut client = CoordinatorServiceClient::new(link)
            .max_encoding_message_size(message_bytes_max)
            .max_decoding_message_size(message_bytes_max);
        let (out, messages) = mpsc::channel(OUT_QUEUE_LEN);
        // The queue is empty.
        let _ = out.try_send(WorkerMessage::Hello(self.hello()).into());
        let messages = stream::unfold(messages, async |mut messages| {
            let message = messages.recv().await?;
            Some((message, messages))
        });
        let attached = self.in_time(address, client.attach(messages)).await?;
        let mut incoming = attached.map_err(|status| status.to_string())?.into_inner();
        let first = self.in_time(address, incoming.message()).await?;
        let first = first.map_err(|status| status.to_string())?;
        let first = first.ok_or_else(|| format!("{address} said nothing"))?;
        match CoordinatorMessage::from_wire(first, |_| None) {
            Ok(CoordinatorMessage::Welcome(welcome)) => {
                info!(address, cluster = %welcome.cluster, "attached");
                Ok(Welcomed { welcome, out, incoming })
            }
            Ok(CoordinatorMessage::Refused(status)) => Err(format!("{address} refused: {status}")),
            Ok(_) => Err(format!("{address} did not say welcome")),
            // Another protocol among others: both versions are named.
            Err(error) => Err(format!("{address} sent {error}")),
        }
    }

    async fn in_time<T>(
        &self,
        address: &str,
        answer: impl Future<Output = T>,
    ) -> Result<T, String> {
        let longest: Duration = self.stream.welcome_timeout;
        tokio::select! {
            answer = answer => Ok(answer),
            () = self.clock.sleep(longest) => {
                Err(format!("{address} said nothing within {longest:?}"))
            }
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            worker: self.id,
            address: self.address.clone(),
            cores: u32::try_from(self.worker.threads.get()).unwrap_or(u32::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            name: self.name.clone(),
        }
    }

    async fn serve(
        &self,
        welcomed: Welcomed,
        present: &mut Option<Present>,
        shutdown: &ShutdownToken,
    ) -> Result<End, String> {
        let Welcomed { welcome, out, incoming } = welcomed;
        let Present { shards, handle, .. } = self.worker_for(&welcome, present).await?;
        self.metrics.attached.increment();
        self.readiness.ready();
        let session = Session {
            worker: handle.clone(),
            shards,
            welcome,
            out,
            config: &self.stream,
            jobs_max: self.worker.limits.jobs_max.get(),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
            frames: Arc::default(),
            calls: Calls::default(),
            drains: false,
        };
        let end = session.serve(incoming, shutdown).await;
        // Whoever is attached next knows nothing of these jobs.
        handle.forget_jobs().await;
        Ok(end)
    }

    /// Returns the worker for a cluster: the one that is there, if it is for the same.
    async fn worker_for<'a>(
        &self,
        welcome: &Welcome,
        present: &'a mut Option<Present>,
    ) -> Result<&'a mut Present, String> {
        let fits = match present {
            Some(present) if present.cluster == welcome.cluster => {
                let moved = present.shards.point_at(&welcome.shards);
                moved.map_err(|error| error.to_string())?
            }
            _ => false,
        };
        if !fits {
            if let Some(Present { handle, .. }) = present.take() {
                handle.stop().await;
            }
            *present = Some(self.start(welcome)?);
        }
        present.as_mut().ok_or_else(|| "there is no worker".to_owned())
    }

    fn start(&self, welcome: &Welcome) -> Result<Present, String> {
        let dialer = Dialer {
            grpc: self.grpc.clone(),
            counts: self.counts.clone(),
            limits: self.worker.limits.clone(),
            stream: self.stream.clone(),
            runtime: Handle::current(),
        };
        let shards = RemoteShards::new(dialer, welcome.shards.clone());
        let shards = shards.map_err(|error| error.to_string())?;
        let services = shards.services().ok_or("as many shards are not possible")?;
        let handle = Worker::new(self.id, self.worker.clone(), services)
            .metrics(self.metrics.clone())
            .clock(Arc::clone(&self.clock))
            .start_in(&self.arbiter)
            .map_err(|error| error.to_string())?;
        Ok(Present { cluster: welcome.cluster, shards, handle })
    }
}
