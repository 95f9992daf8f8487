//! A real state shard behind a bad network.

use super::chance::{Chance, Fault};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::{BootId, JobId, SnapshotId};
use futures::{StreamExt, stream};
use proto::{
    state::{
        CommitRequest, ConfigureRequest, Feed, FeedMessage, Head, LoadGenesisRequest,
        LoadSnapshotRequest, ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest,
        SealResponse, SealedShard, StageRequest, StateService,
    },
    status::{Code, Status},
};
use std::{collections::VecDeque, future::Future, sync::Arc};

/// Passes calls on, badly.
#[derive(Clone, Debug)]
pub(super) struct BadLink {
    pub(super) shard: Arc<dyn StateService>,
    pub(super) chance: Arc<Chance>,
}

impl BadLink {
    /// Makes a call that may be late, come twice, or lose its answer. All of these calls may be
    /// repeated.
    async fn call<T, Calling>(
        &self,
        call: impl Fn(Arc<dyn StateService>) -> Calling,
    ) -> Result<T, Status>
    where
        T: Send + 'static,
        Calling: Future<Output = Result<T, Status>> + Send + 'static,
    {
        self.chance.delay().await;
        if self.chance.strikes(Fault::Lost, 1) {
            return Err(Status::new(Code::Unavailable, "the message was lost"));
        }
        if self.chance.strikes(Fault::Repeated, 3) {
            let _ = call(Arc::clone(&self.shard)).await;
        }
        let answer = call(Arc::clone(&self.shard)).await;
        if self.chance.strikes(Fault::Stale, 3) {
            let (again, chance) = (call(Arc::clone(&self.shard)), Arc::clone(&self.chance));
            tokio::spawn(async move {
                chance.delay().await;
                // Nobody hears the answer.
                let _ = again.await;
            });
        }
        self.chance.delay().await;
        if self.chance.strikes(Fault::AnswerLost, 1) {
            return Err(Status::new(Code::Unavailable, "the answer was lost"));
        }
        answer
    }
}

#[async_trait]
impl StateService for BadLink {
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        self.shard.configure(request).await
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        self.call(|shard| {
            let request = request.clone();
            async move { shard.read(request).await }
        })
        .await
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        self.call(|shard| {
            let request = request.clone();
            async move { shard.stage(request).await }
        })
        .await
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        self.call(|shard| {
            let request = request.clone();
            async move { shard.seal(request).await }
        })
        .await
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.call(|shard| {
            let request = request.clone();
            async move { shard.commit(request).await }
        })
        .await
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.call(|shard| async move { shard.abort(job).await }).await
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
        let source = self.shard.feed().await?;
        let chance = Arc::clone(&self.chance);
        let bad = BadFeed { source, chance, ready: VecDeque::new(), ended: false };
        Ok(stream::unfold(bad, BadFeed::next).boxed())
    }
}

/// A feed that is late, cut, repeated, out of order and incomplete.
struct BadFeed {
    source: Feed,
    chance: Arc<Chance>,
    ready: VecDeque<Result<FeedMessage, Status>>,
    ended: bool,
}

impl BadFeed {
    async fn next(mut self) -> Option<(Result<FeedMessage, Status>, Self)> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some((message, self));
            }
            if self.ended {
                return None;
            }
            self.take().await;
        }
    }

    async fn take(&mut self) {
        let Some(message) = self.source.next().await else {
            self.ended = true;
            return;
        };
        self.chance.delay().await;
        if self.chance.strikes(Fault::FeedCut, 4) {
            self.ended = true;
            return;
        }
        let is_start = matches!(message, Ok(FeedMessage::Start { .. }));
        if !is_start && self.chance.strikes(Fault::FeedGap, 3) {
            return;
        }
        if self.chance.strikes(Fault::FeedRepeated, 5) {
            self.ready.push_back(message.clone());
        }
        self.ready.push_back(message);
        if !is_start && self.chance.strikes(Fault::FeedReordered, 5) {
            match self.source.next().await {
                Some(other) => self.ready.push_front(other),
                None => self.ended = true,
            }
        }
    }
}
