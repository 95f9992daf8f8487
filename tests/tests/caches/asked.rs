//! A state shard that notes what it is asked.

use alloy_primitives::B256;
use async_trait::async_trait;
use engine::{
    account::SnapshotKey,
    ids::{BootId, JobId, SnapshotId},
};
use proto::{
    state::{
        CommitRequest, ConfigureRequest, Feed, Head, LoadGenesisRequest, LoadSnapshotRequest,
        ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest, SealResponse,
        SealedShard, StageRequest, StateService,
    },
    status::Status,
};
use std::sync::{Arc, Mutex};

/// Keys that one worker asked of all shards.
#[derive(Debug, Default)]
pub(super) struct AskedOf(Mutex<Vec<SnapshotKey>>);

impl AskedOf {
    /// Returns what was asked since the last time.
    pub(super) fn take(&self) -> Vec<SnapshotKey> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Passes calls of one worker on to a shard.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) shard: Arc<dyn StateService>,
    pub(super) asked: Arc<AskedOf>,
}

#[async_trait]
impl StateService for Asked {
    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        self.asked.0.lock().unwrap().extend(&request.keys);
        self.shard.read(request).await
    }

    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        self.shard.configure(request).await
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        self.shard.stage(request).await
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        self.shard.seal(request).await
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.shard.commit(request).await
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.shard.abort(job).await
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        self.shard.load_genesis(request).await
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        self.shard.load_snapshot(request).await
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        self.shard.drop_snapshot(snapshot).await
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        self.shard.set_head(block_hash).await
    }

    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status> {
        self.shard.prove(request).await
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        self.shard.head().await
    }

    async fn feed(&self) -> Result<Feed, Status> {
        self.shard.feed().await
    }
}
