//! The coordinator's actor: takes jobs in, in order; knows the workers; starts an actor a job.

mod crew;
mod inquiry;

pub(crate) use crew::{AddWorker, DrainWorker, Removal, RemoveWorker};
pub(crate) use inquiry::{Drain, Picture, ReleaseVerified, Survey};

use crate::{
    config::CoordinatorConfig,
    cpu::Cpu,
    dispatch::{Permit, Register, Roster},
    job::Event,
    job_actor::{Happened, JobActor, JobParts},
    load::Roots,
    metrics::Metrics,
    work::Work,
};
use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message};
use alloy_primitives::B256;
use cluster::clock::SharedClock;
use engine::ids::{AccessIndex, JobId, SnapshotId, Term, WorkerId};
use proto::{
    coordinator::BlockOutcome,
    shards::StateShards,
    status::{Code, Status},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{oneshot, watch};
use tracing::Span;

/// What all parts of a coordinator use.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) config: Arc<CoordinatorConfig>,
    pub(crate) state: StateShards,
    pub(crate) cpu: Cpu,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Metrics,
    pub(crate) roots: Arc<Roots>,
}

/// How far a job is, for those who build on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nobody can read its Snapshot yet.
    Running,
    /// Its Snapshot can be read under this name; it is not decided.
    Sealed(JobId),
    /// It is decided: its Snapshot stays. Not every shard knows it by the block's hash yet, but
    /// each by the name of this job.
    Decided(JobId),
    /// It is decided, and every shard was told.
    Settled(JobId),
    /// It is decided that it will never be committed: its Snapshot stays until it is dropped.
    Verified(JobId),
    /// It has no Snapshot.
    Failed(String),
}

impl Progress {
    /// Tells whether nothing more will be heard of the job.
    pub(crate) const fn is_last(&self) -> bool {
        matches!(self, Self::Settled(_) | Self::Verified(_) | Self::Failed(_))
    }
}

/// A block that is submitted.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) work: Work,
    /// Hash of the block; where one is built, the name of the job.
    pub(crate) block_hash: B256,
    pub(crate) done: oneshot::Sender<Result<BlockOutcome, Status>>,
    pub(crate) submitted_at: Duration,
    pub(crate) span: Span,
}

/// The actor.
#[derive(Debug)]
pub(crate) struct Front {
    tools: Tools,
    arbiters: Vec<ArbiterHandle>,
    roster: Roster,
    register: Register,
    /// Jobs that are verified and whose Snapshots stay until they are dropped.
    verified: BTreeSet<JobId>,
    /// Whether no more blocks are taken.
    is_draining: bool,
    /// Jobs that run or wait, for whoever waits for the last.
    n_jobs_open: watch::Sender<usize>,
    quarantined: BTreeSet<WorkerId>,
    term: Term,
    n_jobs: u64,
    running: BTreeMap<JobId, Running>,
    queue: VecDeque<(JobId, Submission)>,
    /// Jobs that run or wait, by what others name as parent.
    by_name: BTreeMap<SnapshotId, watch::Receiver<Progress>>,
    progress: BTreeMap<JobId, (B256, watch::Sender<Progress>)>,
}

#[derive(Debug)]
struct Running {
    actor: Addr<JobActor>,
}

impl Front {
    /// Makes the actor. Jobs start on `arbiters`, in turns; without any, on the front's thread.
    pub(crate) fn new(tools: Tools, term: Term, arbiters: Vec<ArbiterHandle>) -> Self {
        let roster = Roster::new(tools.config.permits_per_worker());
        let limits = &tools.config.limits;
        let register = Register::new(limits.workers_remembered_max, limits.lost_worker_shown);
        Self {
            tools,
            arbiters,
            roster,
            register,
            verified: BTreeSet::new(),
            is_draining: false,
            n_jobs_open: watch::channel(0).0,
            quarantined: BTreeSet::new(),
            term,
            n_jobs: 0,
            running: BTreeMap::new(),
            queue: VecDeque::new(),
            by_name: BTreeMap::new(),
            progress: BTreeMap::new(),
        }
    }

    const fn next_job(&mut self) -> JobId {
        self.n_jobs += 1;
        JobId { term: self.term, sequence: self.n_jobs }
    }

    /// Starts jobs while there is room, the oldest first: a parent starts before its children.
    fn start_jobs(&mut self, front: &Addr<Self>) {
        let jobs_running_max = self.tools.config.limits.jobs_running_max.get();
        while self.running.len() < jobs_running_max {
            let Some((job, submission)) = self.queue.pop_front() else { break };
            let parts = JobParts {
                job,
                workers: self.roster.begin(job),
                cores_per_worker: self.register.cores_per_worker(),
                parent: self.by_name.get(&submission.work.parent).cloned(),
                submission,
                front: front.clone(),
                tools: self.tools.clone(),
            };
            let actor = self.start_job(job, parts);
            self.running.insert(job, Running { actor });
        }
        self.gauge();
    }

    fn start_job(&self, job: JobId, parts: JobParts) -> Addr<JobActor> {
        let n_arbiters = self.arbiters.len().max(1) as u64;
        let turn = usize::try_from(job.sequence % n_arbiters).unwrap_or(0);
        match self.arbiters.get(turn) {
            Some(arbiter) => JobActor::start_in_arbiter(arbiter, |_| JobActor::new(parts)),
            None => JobActor::new(parts).start(),
        }
    }

    fn gauge(&self) {
        self.tools.metrics.jobs_running.set(self.running.len());
        self.tools.metrics.jobs_queued.set(self.queue.len());
        self.tools.metrics.workers_ready.set(self.roster.len());
        self.n_jobs_open.send_replace(self.running.len() + self.queue.len());
    }

    fn tell_all(&self, event: impl Fn() -> Happened) {
        for running in self.running.values() {
            running.actor.do_send(event());
        }
    }

    fn lose(&mut self, worker: WorkerId) -> bool {
        let was_there = self.roster.remove(worker) || self.register.is_draining(worker);
        if was_there {
            self.tell_all(|| Happened(Event::WorkerLost(worker)));
            self.gauge();
        }
        was_there
    }
}

fn permit_of(front: Addr<Front>) -> impl Fn(WorkerId) -> Permit {
    move |worker| {
        let front = front.clone();
        Permit::new(worker, move |worker| front.do_send(Release(worker)))
    }
}

impl Actor for Front {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(self.tools.config.limits.mailbox_len_max.get());
    }
}

/// Takes a block in.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Status>")]
pub(crate) struct Submit(pub(crate) Submission);

impl Handler<Submit> for Front {
    type Result = Result<(), Status>;

    fn handle(&mut self, Submit(submission): Submit, context: &mut Self::Context) -> Self::Result {
        if self.is_draining {
            return Err(Status::new(Code::Unavailable, "the coordinator takes no more blocks"));
        }
        let job_queue_len_max = self.tools.config.limits.job_queue_len_max;
        let is_full = self.running.len() >= self.tools.config.limits.jobs_running_max.get();
        if is_full && self.queue.len() >= job_queue_len_max {
            self.tools.metrics.refused_full.increment();
            let message = format!("{job_queue_len_max} blocks wait, which is the limit");
            return Err(Status::new(Code::ResourceExhausted, message));
        }
        let job = self.next_job();
        let (progress, known) = watch::channel(Progress::Running);
        let block_hash = submission.block_hash;
        self.by_name.insert(SnapshotId::Job(job), known.clone());
        if submission.work.wants_commit() {
            self.by_name.insert(SnapshotId::Block(block_hash), known);
        }
        self.progress.insert(job, (block_hash, progress));
        self.queue.push_back((job, submission));
        self.start_jobs(&context.address());
        Ok(())
    }
}

/// A job got somewhere.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Progressed {
    pub(crate) job: JobId,
    pub(crate) progress: Progress,
}

impl Handler<Progressed> for Front {
    type Result = ();

    fn handle(&mut self, message: Progressed, context: &mut Self::Context) {
        let Progressed { job, progress } = message;
        let Some((block_hash, known)) = self.progress.get(&job) else { return };
        if let Progress::Verified(sealed_as) = progress {
            self.verified.insert(sealed_as);
        }
        let is_over = progress.is_last();
        let block_hash = *block_hash;
        known.send_replace(progress);
        if !is_over {
            return;
        }
        let ours = known.subscribe();
        self.progress.remove(&job);
        self.by_name.remove(&SnapshotId::Job(job));
        // Another job may run the same block by now.
        let name = SnapshotId::Block(block_hash);
        if self.by_name.get(&name).is_some_and(|other| other.same_channel(&ours)) {
            self.by_name.remove(&name);
        }
        self.running.remove(&job);
        let permit = permit_of(context.address());
        self.roster.end(job, permit);
        self.start_jobs(&context.address());
    }
}

/// Waits for a permit to call a worker.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Acquire {
    pub(crate) worker: WorkerId,
    pub(crate) job: JobId,
    pub(crate) index: AccessIndex,
    pub(crate) granted: oneshot::Sender<Permit>,
}

impl Handler<Acquire> for Front {
    type Result = ();

    fn handle(&mut self, message: Acquire, context: &mut Self::Context) {
        let Acquire { worker, job, index, granted } = message;
        self.roster.wait((worker, job, index), granted, permit_of(context.address()));
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Release(WorkerId);

impl Handler<Release> for Front {
    type Result = ();

    fn handle(&mut self, Release(worker): Release, context: &mut Self::Context) {
        self.roster.release(worker, permit_of(context.address()));
    }
}

/// Gives a new job id: for a job that starts again, or seals again.
#[derive(Debug, Message)]
#[rtype(result = "NewJob")]
pub(crate) struct NewJobId;

/// A job id that nobody has.
#[derive(Clone, Copy, Debug, actix::MessageResponse)]
pub(crate) struct NewJob(pub(crate) JobId);

impl Handler<NewJobId> for Front {
    type Result = NewJob;

    fn handle(&mut self, _: NewJobId, _: &mut Self::Context) -> NewJob {
        NewJob(self.next_job())
    }
}

/// Asks how far the job is that others name so, if it runs or waits.
#[derive(Debug, Message)]
#[rtype(result = "Known")]
pub(crate) struct HowFar(pub(crate) SnapshotId);

/// How far a job is.
#[derive(Debug, actix::MessageResponse)]
pub(crate) struct Known(pub(crate) Option<watch::Receiver<Progress>>);

impl Handler<HowFar> for Front {
    type Result = Known;

    fn handle(&mut self, HowFar(name): HowFar, _: &mut Self::Context) -> Self::Result {
        Known(self.by_name.get(&name).cloned())
    }
}
