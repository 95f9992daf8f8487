//! The actor of one job: carries out what the machine decides, and tells it what became of it.
//!
//! It decodes the block, waits for the parent's Snapshot, then hands every event to the machine and
//! performs the effects. Its state changes only in handlers, which never wait; what waits, waits in
//! futures that end in a message to it.

mod building;
mod calls;
mod cpu_work;
mod decode;
mod perform;
mod report;
mod stopwatch;

pub(crate) use calls::within;

use crate::{
    commit::{self, Decision, StateLane},
    dispatch::Service,
    front::{Front, Progress, Progressed, Submission, Tools},
    job::{Dispatch, Event, Job, JobReport, JobSetup},
    work::Work,
};
use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message,
    SpawnHandle, WrapFuture,
};
use alloy_primitives::B256;
use decode::{Decoded, DecodedBlock};
use engine::{
    ids::{JobId, SnapshotId, WorkerId},
    task::JobFrame,
};
use proto::{
    coordinator::{BlockOutcome, JobCounts, JobEnd, PlanSummary},
    status::Status,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use stopwatch::Stopwatch;
use tokio::sync::{oneshot, watch};
use tracing::{Instrument, Span};

/// What a job's actor is made of.
#[derive(Debug)]
pub(crate) struct JobParts {
    pub(crate) job: JobId,
    /// Workers in the order in which the job should prefer them.
    pub(crate) workers: Vec<(WorkerId, Service)>,
    /// Slices that one of them runs at once.
    pub(crate) cores_per_worker: u32,
    /// The job that makes the parent's Snapshot, if it is not decided.
    pub(crate) parent: Option<watch::Receiver<Progress>>,
    pub(crate) submission: Submission,
    pub(crate) front: Addr<Front>,
    pub(crate) tools: Tools,
}

/// The actor.
#[derive(Debug)]
pub(crate) struct JobActor {
    /// The job as it was accepted: its place in the order of work, and its name for the front.
    accepted: JobId,
    /// The job as workers know it; another one after it started again.
    job: JobId,
    workers: Vec<WorkerId>,
    services: BTreeMap<WorkerId, Service>,
    cores_per_worker: u32,
    parent: Option<watch::Receiver<Progress>>,
    work: Work,
    block_hash: B256,
    span: Span,
    done: Option<oneshot::Sender<Result<BlockOutcome, Status>>>,
    front: Addr<Front>,
    tools: Tools,
    block: Option<Arc<DecodedBlock>>,
    snapshot: Option<SnapshotId>,
    frame: Option<Arc<JobFrame>>,
    machine: Option<Job>,
    calls: BTreeMap<(WorkerId, Dispatch), SpawnHandle>,
    lane: StateLane,
    watch: Stopwatch,
    /// The id under which the job starts again.
    again: Option<JobId>,
    n_restarts: u32,
}

/// Something happened to the job.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Happened(pub(crate) Event);

/// A worker is there.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct WorkerJoined {
    pub(crate) worker: WorkerId,
    pub(crate) service: Service,
}

/// The parent's Snapshot can be read, or never will be.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct ParentReady(Result<SnapshotId, String>);

/// The job may start again, under another id.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Again(JobId);

impl JobActor {
    pub(crate) fn new(parts: JobParts) -> Self {
        let JobParts { job, workers, cores_per_worker, parent, submission, front, tools } = parts;
        let Submission { work, block_hash, done, submitted_at, span } = submission;
        span.record("job", tracing::field::display(job));
        let watch = Stopwatch::new(submitted_at, tools.clock.now());
        Self {
            accepted: job,
            job,
            workers: workers.iter().map(|(worker, _)| *worker).collect(),
            services: workers.into_iter().collect(),
            cores_per_worker,
            parent,
            work,
            block_hash,
            span,
            done: Some(done),
            front,
            block: None,
            snapshot: None,
            frame: None,
            machine: None,
            calls: BTreeMap::new(),
            lane: StateLane::new(job),
            watch,
            again: None,
            n_restarts: 0,
            tools,
        }
    }

    /// Builds the machine and starts it.
    fn begin(&mut self, context: &mut Context<Self>) {
        let (Some(block), Some(snapshot)) = (&self.block, self.snapshot) else { return };
        let work = &self.work;
        let frame = Arc::new(JobFrame {
            job: self.job,
            chain: work.chain.clone(),
            attributes: block.attributes.clone(),
            ancestors: work.ancestors.clone(),
            snapshot,
        });
        let setup = JobSetup {
            frame: Arc::clone(&frame),
            transactions: Arc::clone(&block.transactions),
            goal: block.goal(),
            commits: self.commits(),
            shards: self.tools.state.count(),
            plan: work.plan,
            slice_gas: work.slice_gas,
            seed: work.seed,
            limits: self.tools.config.job_limits(self.cores_per_worker),
            workers: self.workers.clone(),
        };
        self.frame = Some(frame);
        self.machine = Some(Job::new(setup));
        self.happened(Event::Started, context);
    }

    /// Tells whether the block is to be committed: if that is wanted, and it is on a chain.
    const fn commits(&self) -> bool {
        let is_on_chain = matches!(self.work.parent, SnapshotId::Block(_)) || self.parent.is_some();
        self.work.wants_commit() && is_on_chain
    }

    /// Gives an event to the machine and performs what it wants.
    fn happened(&mut self, event: Event, context: &mut Context<Self>) {
        let Some(machine) = &mut self.machine else { return };
        let span = self.span.clone();
        // A broken invariant panics: the job ends, and nothing of it is committed.
        let decided = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| machine.on_event(event))));
        let phase = machine.phase();
        self.watch.enter(phase, self.tools.clock.now());
        match decided {
            Ok(effects) => {
                for effect in effects {
                    self.perform(effect, context);
                }
            }
            Err(panic) => {
                let reason = format!("the job's machine panicked: {}", commit::text_of(&*panic));
                tracing::error!(job = %self.job, reason, "job is given up");
                self.machine = None;
                self.end_at_workers(self.workers.clone());
                self.lane.push(Decision::Abort);
                self.advance_lane(context);
                self.end_without_report(JobEnd::Failed { reason }, context);
            }
        }
    }

    /// Ends a job that did not come to a verdict of its machine.
    fn end_without_report(&mut self, end: JobEnd, context: &mut Context<Self>) {
        let report = JobReport {
            end,
            results: None,
            receipts: Vec::new(),
            writes: Vec::new(),
            built: None,
            plan: PlanSummary::default(),
            counts: JobCounts::default(),
        };
        self.finish(report, None, context);
    }

    fn progress(&self, progress: Progress) {
        self.front.do_send(Progressed { job: self.accepted, progress });
    }
}

impl Actor for JobActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(self.tools.config.limits.mailbox_len_max.get());
        let deadline = self.tools.clock.sleep(self.tools.config.deadlines.job);
        let deadline = deadline.into_actor(self);
        context.spawn(deadline.map(|(), actor, context| actor.notice(Event::Deadline, context)));
        self.decode(context);
    }
}

impl Handler<Decoded> for JobActor {
    type Result = ();

    fn handle(&mut self, Decoded(decoded): Decoded, context: &mut Self::Context) {
        match decoded {
            Ok(Ok(block)) => {
                let span = &self.span;
                span.record("number", block.attributes.header.number);
                span.record("n_transactions", block.transactions.len());
                self.block = Some(Arc::new(block));
                self.wait_for_parent(context);
            }
            Ok(Err(reason)) => {
                self.end_without_report(JobEnd::Invalid { transaction: None, reason }, context);
            }
            Err(status) => self.refuse(status, context),
        }
    }
}

impl JobActor {
    /// A block on a block that still runs begins when that one is sealed.
    fn wait_for_parent(&self, context: &Context<Self>) {
        let named = self.work.parent;
        let (parent, actor) = (self.parent.clone(), context.address());
        let waiting = async move {
            let ready = match parent {
                Some(parent) => commit::sealed(parent).await,
                None => Ok(named),
            };
            actor.do_send(ParentReady(ready));
        };
        actix::spawn(waiting.instrument(self.span.clone()));
    }
}

impl Handler<ParentReady> for JobActor {
    type Result = ();

    fn handle(&mut self, ParentReady(ready): ParentReady, context: &mut Self::Context) {
        match ready {
            Ok(snapshot) => {
                self.snapshot = Some(snapshot);
                self.begin(context);
            }
            Err(reason) => self.end_without_report(JobEnd::Failed { reason }, context),
        }
    }
}

impl Handler<Again> for JobActor {
    type Result = ();

    fn handle(&mut self, Again(job): Again, context: &mut Self::Context) {
        self.again = Some(job);
        self.begin_again(context);
    }
}

impl JobActor {
    /// Starts again when nothing of the run before is under way at the state service.
    fn begin_again(&mut self, context: &mut Context<Self>) {
        if !self.lane.is_idle() || self.done.is_none() {
            return;
        }
        if let Some(job) = self.again.take() {
            self.job = job;
            self.lane = StateLane::new(job);
            self.begin(context);
        }
    }
}

impl Handler<Happened> for JobActor {
    type Result = ();

    fn handle(&mut self, Happened(event): Happened, context: &mut Self::Context) {
        self.notice(event, context);
    }
}

impl JobActor {
    /// Takes note of an event, whether there is a machine yet or not.
    fn notice(&mut self, event: Event, context: &mut Context<Self>) {
        if let Event::WorkerLost(worker) = &event {
            self.workers.retain(|other| other != worker);
            self.services.remove(worker);
            self.drop_calls(*worker, context);
        }
        if self.machine.is_none() && matches!(event, Event::Deadline) && self.done.is_some() {
            let reason = "the deadline passed before the job began".to_owned();
            return self.end_without_report(JobEnd::Failed { reason }, context);
        }
        self.happened(event, context);
    }
}

impl Handler<WorkerJoined> for JobActor {
    type Result = ();

    fn handle(&mut self, message: WorkerJoined, context: &mut Self::Context) {
        let WorkerJoined { worker, service } = message;
        self.services.insert(worker, service);
        self.workers.retain(|other| *other != worker);
        self.workers.push(worker);
        self.happened(Event::WorkerJoined(worker), context);
    }
}

impl JobActor {
    /// Stops when the client has its answer and the state service knows the decision.
    fn stop_if_over(&self, context: &mut Context<Self>) {
        if self.done.is_none() && self.lane.is_idle() {
            context.stop();
        }
    }
}
