//! Calls to the state shards: reads, seal, commit, abort. Each has a deadline, and its retries an
//! end.
//!
//! A block is committed when shard 0 has decided it, and that is what the client waits for. The
//! other shards are told afterwards. Until each of them knows it ([`Progress::Settled`]) the
//! coordinator remembers under which job the block was sealed: a child that names the block by hash
//! reads its Snapshot by the job's name, which every shard has had since the seal. At each shard a
//! block is committed after its parent.

use crate::{
    front::{Front, NewJobId, Progress, Tools},
    job::Event,
    job_actor::within,
    seal,
};
use actix::Addr;
use alloy_primitives::B256;
use cluster::retry::{self, RetryPolicy, Verdict};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::{BootId, JobId, ShardIndex, SnapshotId},
    outcome::FinalWrite,
    task::JobFrame,
};
use futures::future::join_all;
use proto::{
    state::{CommitRequest, ReadRequest, SealPurpose},
    status::{Code, Status},
};
use std::{any::Any, collections::VecDeque, future::Future, sync::Arc, time::Duration};
use tokio::sync::watch;
use tracing::{Instrument, info_span, warn};

/// Something that the state shards are told.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Seal these writes.
    Seal(Vec<FinalWrite>),
    /// Drop what is sealed.
    Abort,
    /// Commit what is sealed: have shard 0 decide.
    Commit,
    /// Tell the other shards what shard 0 decided.
    Spread,
}

/// Decisions on one job, carried out one after the other.
#[derive(Debug)]
pub(crate) struct StateLane {
    waiting: VecDeque<Decision>,
    is_busy: bool,
    /// Under which job the block is sealed, or will be.
    sealed_as: JobId,
    /// Whether something was sealed under that name before: a name is sealed once.
    is_used: bool,
}

impl StateLane {
    pub(crate) const fn new(job: JobId) -> Self {
        Self { waiting: VecDeque::new(), is_busy: false, sealed_as: job, is_used: false }
    }

    pub(crate) fn push(&mut self, decision: Decision) {
        self.waiting.push_back(decision);
    }

    pub(crate) const fn sealed_as(&self) -> JobId {
        self.sealed_as
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.is_busy && self.waiting.is_empty()
    }

    /// Takes the next decision, with the name to be used; `None` for a seal means a new name.
    pub(crate) fn begin(&mut self) -> Option<(Decision, Option<JobId>)> {
        if self.is_busy {
            return None;
        }
        let decision = self.waiting.pop_front()?;
        self.is_busy = true;
        let needs_name = matches!(decision, Decision::Seal(_)) && self.is_used;
        self.is_used |= matches!(decision, Decision::Seal(_) | Decision::Abort);
        Some((decision, (!needs_name).then_some(self.sealed_as)))
    }

    pub(crate) const fn end(&mut self, sealed_as: Option<JobId>) {
        self.is_busy = false;
        if let Some(sealed_as) = sealed_as {
            self.sealed_as = sealed_as;
        }
    }
}

/// How a decision was carried out.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What the machine is to be told; it ends before a decision is spread.
    pub(crate) event: Option<Event>,
    /// The name that was used.
    pub(crate) sealed_as: Option<JobId>,
    pub(crate) seal_took: Duration,
    pub(crate) commit_took: Duration,
}

/// What a call to the state service needs.
#[derive(Debug)]
pub(crate) struct StateCall {
    pub(crate) tools: Tools,
    pub(crate) front: Addr<Front>,
    pub(crate) frame: Arc<JobFrame>,
    pub(crate) block_hash: B256,
    pub(crate) parent: Option<watch::Receiver<Progress>>,
    pub(crate) purpose: SealPurpose,
    pub(crate) seed: u64,
}

impl StateCall {
    /// Reads keys of the Snapshot below the block, which are all one shard's.
    pub(crate) async fn read(
        &self,
        shard: ShardIndex,
        keys: Vec<SnapshotKey>,
    ) -> Result<(BootId, Vec<(SnapshotKey, SnapshotAnswer)>), Status> {
        let service = self.tools.state.get(shard);
        let read_keys_max = self.tools.config.limits.read_keys_max.get();
        let mut boot = None;
        let mut answers = Vec::with_capacity(keys.len());
        for batch in keys.chunks(read_keys_max) {
            let request = ReadRequest { snapshot: self.frame.snapshot, keys: batch.to_vec() };
            let response = self.tried(|| service.read(request.clone())).await?;
            let first = *boot.get_or_insert(response.boot);
            if first != response.boot || response.values.len() != batch.len() {
                let message = format!("state shard {shard} changed its answer");
                return Err(Status::new(Code::Unavailable, message));
            }
            answers.extend(batch.iter().copied().zip(response.values));
        }
        let boot =
            boot.ok_or_else(|| Status::new(Code::InvalidArgument, "no key was asked for"))?;
        Ok((boot, answers))
    }

    /// Carries a decision out under a name, or under a new one.
    pub(crate) async fn carry_out(self, decision: Decision, name: Option<JobId>) -> Ended {
        let begun = self.tools.clock.now();
        let took = |tools: &Tools| tools.clock.now().saturating_sub(begun);
        let nothing = Duration::ZERO;
        let mut ended =
            Ended { event: None, sealed_as: None, seal_took: nothing, commit_took: nothing };
        let name = match name {
            Some(name) => Ok(name),
            None => self.front.send(NewJobId).await.map(|new| new.0),
        };
        let Ok(job) = name else {
            ended.event = Some(Event::CannotGoOn("the coordinator stops".to_owned()));
            return ended;
        };
        match decision {
            Decision::Seal(writes) => {
                let sealed = seal::seal(&self, job, writes).instrument(info_span!("seal", %job));
                ended.event = Some(sealed.await);
                ended.seal_took = took(&self.tools);
                ended.sealed_as = Some(job);
            }
            Decision::Abort => {
                self.abort(job).await;
                ended.event = Some(Event::Aborted);
            }
            Decision::Commit => {
                let committed = self.commit(job).instrument(info_span!("commit", %job));
                ended.event = Some(committed.await);
                ended.commit_took = took(&self.tools);
            }
            Decision::Spread => self.spread(job).await,
        }
        ended
    }

    /// Drops at every shard what is sealed or staged.
    async fn abort(&self, job: JobId) {
        let aborting = self.tools.state.iter().map(|(shard, service)| async move {
            if let Err(status) = self.tried(|| service.abort(job)).await {
                warn!(%job, %shard, %status, "what was sealed could not be dropped");
            }
        });
        join_all(aborting).await;
    }

    /// Has shard 0 decide; a block is committed after its parent.
    async fn commit(&self, job: JobId) -> Event {
        if let Some(parent) = self.parent.clone()
            && let Err(reason) = decided(parent).await
        {
            return Event::CannotGoOn(reason);
        }
        let decider = self.tools.state.get(ShardIndex::new(0));
        let request = self.commit_request(job);
        match self.tried(|| decider.commit(request.clone())).await {
            Ok(()) => Event::Committed,
            Err(status) => Event::StateFailed(status),
        }
    }

    /// Tells the other shards of the decision, when the parent's is known to each of them. A shard
    /// that cannot be reached for so long keeps the block undecided.
    async fn spread(&self, job: JobId) {
        if let Some(parent) = self.parent.clone() {
            settled(parent).await;
        }
        let request = self.commit_request(job);
        let others = self.tools.state.iter().skip(1);
        let spreading = others.map(|(shard, service)| {
            let request = request.clone();
            async move {
                let policy = &self.tools.config.spread_retry;
                let spread = self.tried_as(policy, || service.commit(request.clone())).await;
                if let Err(status) = spread {
                    self.tools.metrics.commits_unspread.increment();
                    warn!(%job, %shard, %status, "a shard does not know of a commit");
                }
            }
        });
        join_all(spreading).await;
    }

    fn commit_request(&self, job: JobId) -> CommitRequest {
        let block_number = self.frame.attributes.header.number;
        CommitRequest { job, block_hash: self.block_hash, block_number }
    }

    /// Calls until there is an answer, or tries or reasons to try are used up.
    pub(crate) async fn tried<T, Calling>(&self, call: impl Fn() -> Calling) -> Result<T, Status>
    where
        Calling: Future<Output = Result<T, Status>>,
    {
        self.tried_as(&self.tools.config.state_retry, call).await
    }

    async fn tried_as<T, Calling>(
        &self,
        policy: &RetryPolicy,
        call: impl Fn() -> Calling,
    ) -> Result<T, Status>
    where
        Calling: Future<Output = Result<T, Status>>,
    {
        tried(&self.tools, (policy, self.seed), call).await
    }
}

/// Calls a shard until there is an answer, or tries or reasons to try are used up.
pub(crate) async fn tried<T, Calling>(
    tools: &Tools,
    (policy, seed): (&RetryPolicy, u64),
    call: impl Fn() -> Calling,
) -> Result<T, Status>
where
    Calling: Future<Output = Result<T, Status>>,
{
    tried_within(tools, (policy, seed, tools.config.deadlines.state), call).await
}

/// The same, with another deadline for each call.
pub(crate) async fn tried_within<T, Calling>(
    tools: &Tools,
    (policy, seed, limit): (&RetryPolicy, u64, Duration),
    call: impl Fn() -> Calling,
) -> Result<T, Status>
where
    Calling: Future<Output = Result<T, Status>>,
{
    let clock = &tools.clock;
    let judge = |status: &Status| match status.code {
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Verdict::Again,
        _ => Verdict::Stop,
    };
    let operation = || async {
        let late = || Err(Status::new(Code::DeadlineExceeded, format!("no answer in {limit:?}")));
        within(clock, limit, call()).await.unwrap_or_else(late)
    };
    let tried = retry::retry(clock.as_ref(), policy, seed, judge, operation).await;
    tried.map_err(|gave_up| Status::new(gave_up.error.code, gave_up.to_string()))
}

/// Waits until a job's Snapshot can be read, and returns its name.
pub(crate) async fn sealed(mut parent: watch::Receiver<Progress>) -> Result<SnapshotId, String> {
    let known = parent.wait_for(|progress| *progress != Progress::Running).await;
    match known.as_deref() {
        Ok(
            Progress::Sealed(job)
            | Progress::Decided(job)
            | Progress::Settled(job)
            | Progress::Verified(job),
        ) => Ok(SnapshotId::Job(*job)),
        Ok(Progress::Failed(reason)) => Err(reason.clone()),
        Ok(Progress::Running) | Err(_) => Err("the parent's job is gone".to_owned()),
    }
}

/// Waits until a job is decided.
async fn decided(mut parent: watch::Receiver<Progress>) -> Result<(), String> {
    let is_over =
        |progress: &Progress| !matches!(progress, Progress::Running | Progress::Sealed(_));
    let known = parent.wait_for(is_over).await;
    match known.as_deref() {
        Ok(Progress::Decided(_) | Progress::Settled(_) | Progress::Verified(_)) => Ok(()),
        Ok(Progress::Failed(reason)) => Err(reason.clone()),
        Ok(Progress::Running | Progress::Sealed(_)) | Err(_) => {
            Err("the parent's job is gone".to_owned())
        }
    }
}

/// Waits until every shard knows what became of a job, or nobody will say.
async fn settled(mut parent: watch::Receiver<Progress>) {
    // An error means that the parent's job is gone, and has done what it could.
    let _ = parent.wait_for(Progress::is_last).await;
}

/// Returns what a panic says.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
