//! The coordinator's actor: takes jobs in, in order; knows the workers; starts an actor a job.

use crate::{
    config::CoordinatorConfig,
    cpu::Cpu,
    dispatch::{Permit, Roster, Service},
    job::Event,
    job_actor::{Happened, JobActor, JobParts},
    metrics::Metrics,
};
use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message};
use alloy_primitives::B256;
use cluster::clock::SharedClock;
use engine::ids::{AccessIndex, JobId, SnapshotId, Term, WorkerId};
use proto::{
    coordinator::{BlockOutcome, ExecuteBlockRequest, Mode},
    state::StateService,
    status::{Code, Status},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{oneshot, watch};
use tracing::{Span, info, warn};

/// What all parts of a coordinator use.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) config: Arc<CoordinatorConfig>,
    pub(crate) state: Arc<dyn StateService>,
    pub(crate) cpu: Cpu,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Arc<Metrics>,
}

/// How far a job is, for those who build on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nobody can read its Snapshot yet.
    Running,
    /// Its Snapshot can be read under this name; it is not decided.
    Sealed(JobId),
    /// It is decided: its Snapshot stays, under the name of this job.
    Decided(JobId),
    /// It has no Snapshot.
    Failed(String),
}

/// A block that is submitted.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) request: ExecuteBlockRequest,
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
        Self {
            tools,
            arbiters,
            roster,
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
                parent: self.by_name.get(&submission.request.parent).cloned(),
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
    }

    fn tell_all(&self, event: impl Fn() -> Happened) {
        for running in self.running.values() {
            running.actor.do_send(event());
        }
    }

    fn lose(&mut self, worker: WorkerId) -> bool {
        let was_there = self.roster.remove(worker);
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
        let job_queue_len_max = self.tools.config.limits.job_queue_len_max;
        let is_full = self.running.len() >= self.tools.config.limits.jobs_running_max.get();
        if is_full && self.queue.len() >= job_queue_len_max {
            self.tools.metrics.requests_refused.add(1);
            let message = format!("{job_queue_len_max} blocks wait, which is the limit");
            return Err(Status::new(Code::ResourceExhausted, message));
        }
        let job = self.next_job();
        let (progress, known) = watch::channel(Progress::Running);
        let block_hash = submission.block_hash;
        self.by_name.insert(SnapshotId::Job(job), known.clone());
        if submission.request.mode == Mode::VerifyAndCommit {
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
        let is_over = matches!(progress, Progress::Decided(_) | Progress::Failed(_));
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

/// Registers a worker. False if it is known, or quarantined.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct AddWorker {
    pub(crate) worker: WorkerId,
    pub(crate) service: Service,
}

impl Handler<AddWorker> for Front {
    type Result = bool;

    fn handle(&mut self, message: AddWorker, _: &mut Self::Context) -> bool {
        let AddWorker { worker, service } = message;
        if self.quarantined.contains(&worker) || !self.roster.add(worker, Arc::clone(&service)) {
            return false;
        }
        for running in self.running.values() {
            let service = Arc::clone(&service);
            running.actor.do_send(crate::job_actor::WorkerJoined { worker, service });
        }
        info!(%worker, "worker is ready");
        self.gauge();
        true
    }
}

/// Why a worker is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It was told to go.
    Asked,
    /// It does not answer.
    Lost(String),
    /// It broke the protocol.
    Quarantined(String),
}

/// Takes a worker out. False if it was not there.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct RemoveWorker {
    pub(crate) worker: WorkerId,
    pub(crate) why: Removal,
}

impl Handler<RemoveWorker> for Front {
    type Result = bool;

    fn handle(&mut self, message: RemoveWorker, _: &mut Self::Context) -> bool {
        let RemoveWorker { worker, why } = message;
        match why {
            Removal::Asked => info!(%worker, "worker is removed"),
            Removal::Lost(reason) => {
                self.tools.metrics.workers_lost.add(1);
                warn!(%worker, reason, "worker is lost");
            }
            Removal::Quarantined(reason) => {
                self.tools.metrics.workers_quarantined.add(1);
                self.quarantined.insert(worker);
                warn!(%worker, reason, "worker is quarantined");
            }
        }
        self.lose(worker)
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
