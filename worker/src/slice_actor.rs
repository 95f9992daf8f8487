//! The actor around the machine: it carries effects out and brings back what became of them. What
//! waits, waits in tasks beside it; its state changes only in its handlers, which never wait.

use crate::{
    advance::{Advanced, advance},
    begin::begin,
    config::Limits,
    cpu_time::CpuTime,
    error::WorkerError,
    feed::Follower,
    machine::{Advance, BatchId, Begin, Begun, Effect, Machine, Reading, RunId, Staging},
    pool::{self, Pool, PoolError, Ran},
    prepare::Preparing,
};
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use cluster::{
    clock::SharedClock,
    retry::{self, RetryPolicy, Verdict},
};
use engine::{
    execute::RunLimits,
    ids::{Attempt, JobId, ShardIndex, SliceId},
    outcome::SliceOutcome,
    slice::SliceRun,
    task::SliceTask,
};
use futures::future::{Either, select};
use proto::{
    shards::StateShards,
    state::{FeedMessage, ReadResponse, StageRequest},
    status::{Code, Status},
    worker::{PrepareRequest, PrepareResponse},
};
use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};
use tracing::{Instrument, Span, info_span};

/// What the actor needs besides the machine.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) pool: Arc<dyn Pool>,
    pub(crate) cpu_time: CpuTime,
    pub(crate) clock: SharedClock,
    pub(crate) shards: StateShards,
    pub(crate) run_limits: RunLimits,
    pub(crate) read_retry: RetryPolicy,
    pub(crate) limits: Limits,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct WorkerActor {
    machine: Machine,
    tools: Tools,
    /// Who waits for which run's outcome.
    callers: HashMap<RunId, oneshot::Sender<SliceAnswer>>,
    /// Closed with the actor, for those who follow feeds.
    lives: watch::Sender<()>,
}

/// What becomes of a slice.
pub(crate) type SliceAnswer = Result<Box<SliceOutcome>, WorkerError>;

/// Runs a slice. Slices of a job are taken in in the order in which these messages come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ExecuteSlice {
    pub(crate) task: SliceTask,
    pub(crate) span: Span,
    pub(crate) answer: oneshot::Sender<SliceAnswer>,
}

/// Cancels an attempt for which nobody waits any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct CancelAttempt(pub(crate) JobId, pub(crate) SliceId, pub(crate) Attempt);

/// Ends all jobs, and forgets which have ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ForgetJobs;

/// Recovers senders.
#[derive(Debug, Message)]
#[rtype(result = "Result<PrepareResponse, WorkerError>")]
pub(crate) struct Prepare {
    pub(crate) request: PrepareRequest,
    pub(crate) span: Span,
}

/// Ends a job.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), WorkerError>")]
pub(crate) struct EndJob(pub(crate) JobId);

/// Stops the worker.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

/// What became of an effect.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum Event {
    Began(RunId, Result<Ran<Option<Begun>>, PoolError>),
    Advanced(RunId, Result<Ran<(Box<SliceRun>, Advanced)>, PoolError>),
    Read(BatchId, Result<ReadResponse, WorkerError>),
    Staged(Result<(), String>),
    Heard(ShardIndex, FeedMessage),
    FeedBroke(ShardIndex, String),
}

/// A Prepare call is over; the answer tells whether the worker still is there.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), WorkerError>")]
struct Prepared {
    n_senders: usize,
    cpu_us: u64,
}

impl WorkerActor {
    pub(crate) fn new(machine: Machine, tools: Tools) -> Self {
        Self { machine, tools, callers: HashMap::new(), lives: watch::Sender::new(()) }
    }

    fn perform(&mut self, effects: Vec<Effect>, worker: &Addr<Self>) {
        for effect in effects {
            match effect {
                Effect::Begin(begin) => self.begin(begin, worker.clone()),
                Effect::Advance(advance) => self.advance(advance, worker.clone()),
                Effect::Read(reading) => self.read(reading, worker.clone()),
                Effect::Stage(staging) => self.stage(staging, worker.clone()),
                Effect::Answer { run, answer } => {
                    if let Some(caller) = self.callers.remove(&run) {
                        // A caller that went away wants no answer.
                        let _ = caller.send(answer);
                    }
                }
            }
        }
    }

    fn begin(&self, work: Begin, worker: Addr<Self>) {
        let Begin { run, order, task, overlay, cancel, span } = work;
        let limits = self.tools.run_limits;
        let begun = pool::run(self.pool(), order, self.tools.cpu_time.clone(), move || {
            span.in_scope(|| begin(task, &overlay, limits, cancel))
        });
        report(worker, async move { Event::Began(run, begun.await) });
    }

    fn advance(&self, work: Advance, worker: Addr<Self>) {
        let Advance { run, order, mut slice, answers, finish, span } = work;
        let advanced = pool::run(self.pool(), order, self.tools.cpu_time.clone(), move || {
            info_span!(parent: &span, "execute").in_scope(|| {
                let advanced = advance(&mut slice, answers, finish);
                (slice, advanced)
            })
        });
        report(worker, async move { Event::Advanced(run, advanced.await) });
    }

    fn read(&self, reading: Reading, worker: Addr<Self>) {
        let Reading { batch, shard, request, span } = reading;
        let (policy, seed) = (self.tools.read_retry.clone(), batch.get());
        let read_timeout = self.tools.limits.read_timeout;
        let state = Arc::clone(self.tools.shards.get(shard));
        let clock = Arc::clone(&self.tools.clock);
        // A read changes nothing, and a message that was lost is no reason to give a slice up.
        let judge = |status: &Status| match status.code {
            Code::Unavailable => Verdict::Again,
            _ => Verdict::Stop,
        };
        report(
            worker,
            async move {
                let read = || state.read(request.clone());
                let tried = retry::retry(clock.as_ref(), &policy, seed, judge, read);
                let answer = within(read_timeout, &clock, tried).await;
                Event::Read(
                    batch,
                    match answer {
                        Some(Ok(response)) => Ok(response),
                        Some(Err(gave_up)) => {
                            Err(WorkerError::State { shard, status: gave_up.error })
                        }
                        None => Err(WorkerError::ReadTimeout { shard, read_timeout }),
                    },
                )
            }
            .instrument(span),
        );
    }

    fn stage(&self, staging: Staging, worker: Addr<Self>) {
        let Staging { shard, job, writes, span } = staging;
        let request = StageRequest { job, writes };
        let stage_timeout = self.tools.limits.stage_timeout;
        let state = Arc::clone(self.tools.shards.get(shard));
        let clock = Arc::clone(&self.tools.clock);
        report(
            worker,
            async move {
                let answer = within(stage_timeout, &clock, state.stage(request)).await;
                Event::Staged(match answer {
                    Some(answer) => answer.map_err(|status| status.message),
                    None => Err(format!("no answer within {stage_timeout:?}")),
                })
            }
            .instrument(span),
        );
    }

    fn follow_feeds(&self, ctx: &Context<Self>) {
        for (shard, state) in self.tools.shards.iter() {
            let follower = Follower {
                shard,
                state: Arc::clone(state),
                clock: Arc::clone(&self.tools.clock),
                limits: self.tools.limits.clone(),
                worker: ctx.address().downgrade(),
                lives: self.lives.subscribe(),
            };
            actix::spawn(follower.follow());
        }
    }

    fn pool(&self) -> &dyn Pool {
        self.tools.pool.as_ref()
    }
}

/// Brings an event back to the actor once it is there.
fn report(worker: Addr<WorkerActor>, event: impl Future<Output = Event> + 'static) {
    actix::spawn(async move {
        let event = event.await;
        // An actor that stopped has answered everybody by then.
        let _ = worker.send(event).await;
    });
}

/// Waits for an answer, at most so long.
pub(crate) async fn within<T>(
    longest: Duration,
    clock: &SharedClock,
    answer: impl Future<Output = T>,
) -> Option<T> {
    match select(Box::pin(answer), clock.sleep(longest)).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

impl Actor for WorkerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.tools.limits.mailbox_len_max.get());
        if self.machine.caches_on() {
            self.follow_feeds(ctx);
        }
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        let effects = self.machine.vanish();
        self.perform(effects, &ctx.address());
    }
}

impl Handler<ExecuteSlice> for WorkerActor {
    type Result = ();

    fn handle(&mut self, message: ExecuteSlice, ctx: &mut Self::Context) {
        let ExecuteSlice { task, span, answer } = message;
        let (received, effects) = self.machine.receive(task, span);
        match received {
            Ok(run) => drop(self.callers.insert(run, answer)),
            Err(error) => drop(answer.send(Err(error))),
        }
        self.perform(effects, &ctx.address());
    }
}

impl Handler<CancelAttempt> for WorkerActor {
    type Result = ();

    fn handle(&mut self, message: CancelAttempt, ctx: &mut Self::Context) {
        let CancelAttempt(job, slice, attempt) = message;
        let effects = self.machine.cancel_attempt(job, slice, attempt);
        self.perform(effects, &ctx.address());
    }
}

impl Handler<ForgetJobs> for WorkerActor {
    type Result = ();

    fn handle(&mut self, _: ForgetJobs, ctx: &mut Self::Context) {
        let effects = self.machine.forget_jobs();
        self.perform(effects, &ctx.address());
    }
}

impl Handler<Prepare> for WorkerActor {
    type Result = ResponseFuture<Result<PrepareResponse, WorkerError>>;

    fn handle(&mut self, message: Prepare, ctx: &mut Self::Context) -> Self::Result {
        let Prepare { request, span } = message;
        let ended = match self.machine.begin_prepare(&request.frame) {
            Ok(ended) => ended,
            Err(error) => return Box::pin(async move { Err(error) }),
        };
        let preparing = Preparing {
            pool: Arc::clone(&self.tools.pool),
            cpu_time: self.tools.cpu_time.clone(),
            prepare_len_max: self.tools.limits.prepare_len_max,
            ended,
        };
        let worker = ctx.address();
        let call = async move {
            let answer = preparing.recover_all(request).await;
            let (n_senders, cpu_us) =
                answer.as_ref().map_or((0, 0), |it| (it.senders.len(), it.cpu_us));
            worker.send(Prepared { n_senders, cpu_us }).await.unwrap_or(Err(WorkerError::Gone))?;
            answer
        };
        Box::pin(call.instrument(span))
    }
}

impl Handler<Prepared> for WorkerActor {
    type Result = Result<(), WorkerError>;

    fn handle(&mut self, message: Prepared, _: &mut Self::Context) -> Self::Result {
        self.machine.end_prepare(message.n_senders, message.cpu_us)
    }
}

impl Handler<EndJob> for WorkerActor {
    type Result = Result<(), WorkerError>;

    fn handle(&mut self, EndJob(job): EndJob, ctx: &mut Self::Context) -> Self::Result {
        let effects = self.machine.end_job(job)?;
        self.perform(effects, &ctx.address());
        Ok(())
    }
}

impl Handler<Stop> for WorkerActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Event> for WorkerActor {
    type Result = ();

    fn handle(&mut self, event: Event, ctx: &mut Self::Context) {
        let effects = match event {
            Event::Began(run, begun) => self.machine.began(run, begun),
            Event::Advanced(run, advanced) => self.machine.advanced(run, advanced),
            Event::Read(batch, answer) => self.machine.read(batch, answer),
            Event::Staged(answer) => {
                self.machine.staged(answer);
                Vec::new()
            }
            Event::Heard(shard, message) => {
                self.machine.heard(shard, message);
                Vec::new()
            }
            Event::FeedBroke(shard, reason) => {
                self.machine.feed_broke(shard, &reason);
                Vec::new()
            }
        };
        self.perform(effects, &ctx.address());
    }
}
