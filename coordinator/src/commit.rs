//! Calls to the state service: reads, seal, commit, abort. Each has a deadline, and its retries an
//! end.

use crate::{
    front::{Front, NewJobId, Progress, Tools},
    job::Event,
    job_actor::within,
};
use actix::Addr;
use alloy_primitives::{B256, Bytes};
use cluster::retry::{self, Verdict};
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey, TouchRule},
    ids::{AccessIndex, BootId, JobId, SnapshotId},
    task::JobFrame,
    trie,
};
use proto::{
    state::{CommitRequest, ReadRequest, SealRequest},
    status::{Code, Status},
};
use std::{any::Any, collections::VecDeque, future::Future, sync::Arc, time::Duration};
use tokio::sync::watch;
use tracing::{Instrument, info_span, warn};

/// Something that the state service is told.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Seal these writes.
    Seal(Vec<(AccessIndex, Arc<WriteSet>)>),
    /// Drop what is sealed.
    Abort,
    /// Commit what is sealed.
    Commit,
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
    pub(crate) event: Event,
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
    pub(crate) seed: u64,
}

impl StateCall {
    /// Reads keys of the Snapshot below the block.
    pub(crate) async fn read(
        &self,
        keys: Vec<SnapshotKey>,
    ) -> Result<(BootId, Vec<(SnapshotKey, SnapshotAnswer)>), Status> {
        let read_keys_max = self.tools.config.limits.read_keys_max.get();
        let mut boot = None;
        let mut answers = Vec::with_capacity(keys.len());
        for batch in keys.chunks(read_keys_max) {
            let request = ReadRequest { snapshot: self.frame.snapshot, keys: batch.to_vec() };
            let response = self.tried(|| self.tools.state.read(request.clone())).await?;
            let first = *boot.get_or_insert(response.boot);
            if first != response.boot || response.values.len() != batch.len() {
                return Err(Status::new(Code::Unavailable, "the state shard changed its answer"));
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
        let name = match name {
            Some(name) => Ok(name),
            None => self.front.send(NewJobId).await.map(|new| new.0),
        };
        let Ok(job) = name else {
            let event = Event::CannotGoOn("the coordinator stops".to_owned());
            return Ended { event, sealed_as: None, seal_took: nothing, commit_took: nothing };
        };
        match decision {
            Decision::Seal(writes) => {
                let event = self.seal(job, writes).instrument(info_span!("seal", %job)).await;
                let seal_took = took(&self.tools);
                Ended { event, sealed_as: Some(job), seal_took, commit_took: nothing }
            }
            Decision::Abort => {
                if let Err(status) = self.tried(|| self.tools.state.abort(job)).await {
                    warn!(%job, %status, "what was sealed could not be dropped");
                }
                let event = Event::Aborted;
                Ended { event, sealed_as: None, seal_took: nothing, commit_took: nothing }
            }
            Decision::Commit => {
                let event = self.commit(job).instrument(info_span!("commit", %job)).await;
                let commit_took = took(&self.tools);
                Ended { event, sealed_as: None, seal_took: nothing, commit_took }
            }
        }
    }

    async fn seal(&self, job: JobId, writes: Vec<(AccessIndex, Arc<WriteSet>)>) -> Event {
        let header = &self.frame.attributes.header;
        let spec = self.frame.chain.spec_at(header.number, header.timestamp);
        let request = SealRequest {
            job,
            parent: self.frame.snapshot,
            block_number: header.number,
            touch_rule: TouchRule::of(spec),
            writes,
        };
        let sealed = self.tried(|| self.tools.state.seal(request.clone())).await;
        match sealed.and_then(|sealed| Ok((sealed.boot, root_of(sealed.root_node)?))) {
            Ok((boot, state_root)) => Event::Sealed { boot, state_root },
            Err(status) => Event::StateFailed(status),
        }
    }

    /// A block is committed after its parent.
    async fn commit(&self, job: JobId) -> Event {
        if let Some(parent) = self.parent.clone()
            && let Err(reason) = decided(parent).await
        {
            return Event::CannotGoOn(reason);
        }
        let block_number = self.frame.attributes.header.number;
        let request = CommitRequest { job, block_hash: self.block_hash, block_number };
        match self.tried(|| self.tools.state.commit(request.clone())).await {
            Ok(()) => Event::Committed,
            Err(status) => Event::StateFailed(status),
        }
    }

    /// Calls until there is an answer, or tries or reasons to try are used up.
    async fn tried<T, Calling>(&self, call: impl Fn() -> Calling) -> Result<T, Status>
    where
        Calling: Future<Output = Result<T, Status>>,
    {
        let Tools { clock, config, .. } = &self.tools;
        let limit = config.deadlines.state;
        let judge = |status: &Status| match status.code {
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Verdict::Again,
            _ => Verdict::Stop,
        };
        let operation = || async {
            let late =
                || Err(Status::new(Code::DeadlineExceeded, format!("no answer in {limit:?}")));
            within(clock, limit, call()).await.unwrap_or_else(late)
        };
        let policy = &config.state_retry;
        let tried = retry::retry(clock.as_ref(), policy, self.seed, judge, operation).await;
        tried.map_err(|gave_up| Status::new(gave_up.error.code, gave_up.to_string()))
    }
}

/// Joins the shards' root nodes; there is one shard.
fn root_of(root_node: Option<Bytes>) -> Result<Option<B256>, Status> {
    let Some(node) = root_node else { return Ok(None) };
    let root = trie::join([node.as_ref()]);
    root.map(Some).map_err(|error| Status::new(Code::Internal, error.to_string()))
}

/// Waits until a job's Snapshot can be read, and returns its name.
pub(crate) async fn sealed(mut parent: watch::Receiver<Progress>) -> Result<SnapshotId, String> {
    let known = parent.wait_for(|progress| *progress != Progress::Running).await;
    match known.as_deref() {
        Ok(Progress::Sealed(job) | Progress::Decided(job)) => Ok(SnapshotId::Job(*job)),
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
        Ok(Progress::Decided(_)) => Ok(()),
        Ok(Progress::Failed(reason)) => Err(reason.clone()),
        Ok(Progress::Running | Progress::Sealed(_)) | Err(_) => {
            Err("the parent's job is gone".to_owned())
        }
    }
}

/// Returns what a panic says.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
