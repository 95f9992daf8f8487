//! A state shard that answers by script and remembers what it heard.

use crate::{draw::Draw, messages::Messages};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::{BootId, JobId, SnapshotId};
use futures::{StreamExt, stream};
use proto::{
    state::{
        CommitRequest, ConfigureRequest, Feed, Head, LoadGenesisRequest, LoadSnapshotRequest,
        ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest, SealResponse,
        SealedShard, StageRequest, StateService,
    },
    status::Status,
};
use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard},
};
use tokio::sync::Semaphore;

/// What a scripted shard does when it is asked.
#[derive(Debug)]
enum Script {
    /// Answers with values drawn from a seed.
    Answer(u64),
    /// Fails.
    Fail(Status),
    /// Never answers.
    Silent,
}

/// A shard by script.
#[derive(Debug)]
pub(crate) struct Scripted {
    script: Script,
    feed_end: Option<Status>,
    heard: Mutex<Vec<String>>,
    asked: Semaphore,
}

impl Scripted {
    const fn new(script: Script) -> Self {
        Self {
            script,
            feed_end: None,
            heard: Mutex::new(Vec::new()),
            asked: Semaphore::const_new(0),
        }
    }

    pub(crate) const fn answering(seed: u64) -> Self {
        Self::new(Script::Answer(seed))
    }

    pub(crate) const fn failing(status: Status) -> Self {
        Self::new(Script::Fail(status))
    }

    pub(crate) const fn silent() -> Self {
        Self::new(Script::Silent)
    }

    pub(crate) fn ending_feed(mut self, status: Status) -> Self {
        self.feed_end = Some(status);
        self
    }

    /// Returns what was asked so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub(crate) async fn wait_until_asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.heard.lock().unwrap()
    }

    async fn draw(&self, request: impl Debug) -> Result<Draw, Status> {
        self.lock().push(format!("{request:?}"));
        self.asked.add_permits(1);
        match &self.script {
            Script::Answer(seed) => Ok(Draw::new(seed ^ 0xabcd)),
            Script::Fail(status) => Err(status.clone()),
            Script::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl StateService for Scripted {
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        Ok(BootId::new(self.draw(request).await?.u64()))
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        let mut draw = self.draw(&request).await?;
        let values = request.keys.iter().map(|_| draw.answer()).collect();
        Ok(ReadResponse { boot: BootId::new(draw.u64()), values })
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        self.draw(request).await.map(drop)
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        Ok(self.draw(request).await?.seal_response())
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.draw(request).await.map(drop)
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.draw(job).await.map(drop)
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        Ok(self.draw(request).await?.sealed())
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        self.draw(request).await.map(drop)
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        self.draw(snapshot).await.map(drop)
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        let mut draw = self.draw(block_hash).await?;
        Ok(Head { block_hash: B256::from(draw.word()), block_number: draw.u64() })
    }

    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status> {
        Ok(self.draw(request).await?.prove_response())
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        let mut draw = self.draw("head").await?;
        Ok(draw
            .maybe(|draw| Head { block_hash: B256::from(draw.word()), block_number: draw.u64() }))
    }

    async fn feed(&self) -> Result<Feed, Status> {
        let mut draw = self.draw("feed").await?;
        let mut messages: Vec<_> = (0..9).map(|_| Ok(draw.feed_message())).collect();
        messages.extend(self.feed_end.clone().map(Err));
        Ok(stream::iter(messages).boxed())
    }
}
