//! The handle serves the trait: every call is counted, and carried on.

use crate::{
    error::StateError,
    handle::{StateHandle, as_u64},
    shard_actor::{
        Abort, Commit, Configure, DropSnapshot, GetHead, LoadGenesis, LoadSnapshot, SetHead,
        Subscribe,
    },
    sizes,
};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::{BootId, JobId, SnapshotId};
use proto::{
    state::{
        CommitRequest, ConfigureRequest, Feed, Head, LoadGenesisRequest, LoadSnapshotRequest,
        ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest, SealResponse,
        SealedShard, StageRequest, StateService,
    },
    status::Status,
};

#[async_trait]
impl StateService for StateHandle {
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        self.counts.calls.others.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::PLACE));
        self.counted(self.send(Configure(request)).await)
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        self.counts.calls.reads.increment();
        self.counts.calls.read_keys.add(as_u64(request.keys.len()));
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME + sizes::of_keys(&request.keys)));
        self.counted(self.read_now(request).await)
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        self.counts.calls.stages.increment();
        let n_bytes = sizes::of_stage(&request);
        self.counts.calls.bytes_in.add(as_u64(n_bytes));
        self.counted(self.stage_now(request, n_bytes).await)
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        self.counts.calls.seals.increment();
        let n_bytes = sizes::of_seal(&request);
        self.counts.calls.bytes_in.add(as_u64(n_bytes));
        let answer = self.seal_now(request, n_bytes).await;
        self.count_out(&answer, sizes::of_sealed);
        self.counted(answer)
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.counts.calls.decisions.increment();
        self.counts.calls.bytes_in.add(as_u64(2 * sizes::NAME));
        let begin = self.shared.clock.now();
        let committed = self.counted(self.send(Commit(request)).await);
        if committed.is_ok() {
            self.shared.metrics.commit.observe(self.shared.clock.now() - begin);
        }
        committed
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.counts.calls.decisions.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME));
        self.counted(self.send(Abort(job)).await)
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        self.counts.calls.others.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME + sizes::of_values(&request.state)));
        let answer = self.send(LoadGenesis(request)).await;
        self.count_out(&answer, sizes::of_sealed_shard);
        self.counted(answer)
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        self.counts.calls.others.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME + sizes::of_contents(&request.contents)));
        self.counted(self.send(LoadSnapshot(request)).await)
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        self.counts.calls.others.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME));
        self.counted(self.send(DropSnapshot(snapshot)).await)
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        self.counts.calls.others.increment();
        self.counts.calls.bytes_in.add(as_u64(sizes::NAME));
        self.counted(self.send(SetHead(block_hash)).await)
    }

    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status> {
        self.counts.calls.others.increment();
        let n_bytes = sizes::NAME + sizes::NAME * (request.slots.len() + 1);
        self.counts.calls.bytes_in.add(as_u64(n_bytes));
        self.counted(self.prove_now(request).await)
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        self.counts.calls.others.increment();
        self.counted(self.send(GetHead).await)
    }

    async fn feed(&self) -> Result<Feed, Status> {
        self.counts.calls.others.increment();
        let subscription = self.counted(self.send(Subscribe).await)?;
        let calls = self.counts.calls.clone();
        Ok(subscription.into_feed(move |message| {
            calls.feed_messages.increment();
            calls.bytes_out.add(as_u64(sizes::of_feed_message(message)));
        }))
    }
}

impl StateHandle {
    fn count_out<T>(&self, answer: &Result<T, StateError>, size: impl Fn(&T) -> usize) {
        let n_bytes = answer.as_ref().map_or(0, size);
        self.counts.calls.bytes_out.add(as_u64(n_bytes));
    }
}
