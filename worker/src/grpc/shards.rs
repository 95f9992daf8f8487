//! The state shards over the wire. Their calls run on the process's runtime, so that the worker's
//! actor neither writes nor reads messages; an address may change under a shard that is in use.

use super::StreamConfig;
use crate::config::Limits;
use alloy_primitives::B256;
use async_trait::async_trait;
use cluster::grpc::{GrpcConfig, GrpcCounts, GrpcError, connect};
use engine::ids::{BootId, JobId, SnapshotId};
use futures::{StreamExt, stream};
use proto::{
    client::{Deadlines, MessageLimits, StateClient},
    shards::StateShards,
    state::{
        CommitRequest, ConfigureRequest, Feed, Head, LoadGenesisRequest, LoadSnapshotRequest,
        ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest, SealResponse,
        SealedShard, StageRequest, StateService,
    },
    status::{Code, Status},
};
use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tracing::Instrument;

/// What it takes to dial a shard.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    pub(super) grpc: GrpcConfig,
    pub(super) counts: GrpcCounts,
    pub(super) limits: Limits,
    pub(super) stream: StreamConfig,
    pub(super) runtime: Handle,
}

/// All shards, by index.
#[derive(Debug)]
pub(super) struct RemoteShards {
    dialer: Dialer,
    addresses: Vec<String>,
    shards: Vec<Arc<RemoteShard>>,
}

impl RemoteShards {
    /// Makes links to these addresses; nobody is called yet.
    pub(super) fn new(dialer: Dialer, addresses: Vec<String>) -> Result<Self, GrpcError> {
        let shards = addresses.iter().map(|address| {
            let present = RwLock::new(dialer.dial(address)?);
            let (runtime, feed_queue_len_max) =
                (dialer.runtime.clone(), dialer.stream.feed_queue_len_max.get());
            Ok(Arc::new(RemoteShard { present, runtime, feed_queue_len_max }))
        });
        let shards = shards.collect::<Result<_, GrpcError>>()?;
        Ok(Self { dialer, addresses, shards })
    }

    /// Returns the shards as the worker uses them.
    pub(super) fn services(&self) -> Option<StateShards> {
        let services = self.shards.iter().map(|shard| Arc::clone(shard) as _);
        StateShards::new(services.collect()).ok()
    }

    /// Takes other addresses; false if these are not as many shards.
    pub(super) fn point_at(&mut self, addresses: &[String]) -> Result<bool, GrpcError> {
        if addresses.len() != self.shards.len() {
            return Ok(false);
        }
        for (position, address) in addresses.iter().enumerate() {
            if self.addresses[position] != *address {
                self.shards[position].point_at(self.dialer.dial(address)?);
                self.addresses[position].clone_from(address);
            }
        }
        Ok(true)
    }
}

impl Dialer {
    fn dial(&self, address: &str) -> Result<Arc<dyn StateService>, GrpcError> {
        let link = connect(address, &self.grpc, &self.counts)?;
        let Limits { read_timeout, stage_timeout, feed_timeout, .. } = self.limits;
        let deadlines = Deadlines {
            control: feed_timeout,
            read: read_timeout,
            stage: stage_timeout,
            // A worker never calls these.
            seal: feed_timeout,
            commit: feed_timeout,
            load: feed_timeout,
            block: feed_timeout,
        };
        let message_bytes_max = self.grpc.message_bytes_max();
        let limits = MessageLimits { message_bytes_max, piece_bytes_max: message_bytes_max };
        Ok(Arc::new(StateClient::new(link, deadlines, limits)))
    }
}

/// One shard, wherever it is now.
#[derive(Debug)]
struct RemoteShard {
    present: RwLock<Arc<dyn StateService>>,
    runtime: Handle,
    feed_queue_len_max: usize,
}

impl RemoteShard {
    fn point_at(&self, service: Arc<dyn StateService>) {
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = service;
    }

    fn present(&self) -> Arc<dyn StateService> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a call on the process's runtime; it ends with whoever waits for it.
    async fn beside<A: Send + 'static>(
        &self,
        call: impl Future<Output = Result<A, Status>> + Send + 'static,
    ) -> Result<A, Status> {
        let mut task = Aborted(self.runtime.spawn(call.in_current_span()));
        let gone = |_| Status::new(Code::Unavailable, "the process ends");
        (&mut task.0).await.unwrap_or_else(|error| Err(gone(error)))
    }
}

/// A task that ends when nobody waits for it any more.
struct Aborted<A>(JoinHandle<A>);

impl<A> Drop for Aborted<A> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl StateService for RemoteShard {
    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        let shard = self.present();
        self.beside(async move { shard.read(request).await }).await
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        let shard = self.present();
        self.beside(async move { shard.stage(request).await }).await
    }

    async fn feed(&self) -> Result<Feed, Status> {
        let shard = self.present();
        let mut feed = self.beside(async move { shard.feed().await }).await?;
        let (forward, messages) = mpsc::channel(self.feed_queue_len_max);
        let pump = self.runtime.spawn(async move {
            while let Some(message) = feed.next().await {
                if forward.send(message).await.is_err() {
                    return;
                }
            }
        });
        let messages = stream::unfold((messages, Aborted(pump)), async |(mut messages, pump)| {
            let message = messages.recv().await?;
            Some((message, (messages, pump)))
        });
        Ok(messages.boxed())
    }

    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        self.present().configure(request).await
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        self.present().seal(request).await
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.present().commit(request).await
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.present().abort(job).await
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        self.present().load_genesis(request).await
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        self.present().load_snapshot(request).await
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        self.present().drop_snapshot(snapshot).await
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        self.present().set_head(block_hash).await
    }

    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status> {
        self.present().prove(request).await
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        self.present().head().await
    }
}
