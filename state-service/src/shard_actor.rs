//! The actor of a state shard: carries messages to the machine and its effects outside.
//!
//! The machine changes in synchronous steps only. Seals and loads are computed on CPU threads
//! between two steps, and other messages are served meanwhile.

use crate::{
    config::Limits,
    cpu_pool::CpuPool,
    directory::Directory,
    error::StateError,
    feeds::{Feeds, Subscription},
    machine::{Effect, Found, GenesisStep, Machine, SealStep, Stages},
    metrics::ShardMetrics,
    sealing,
    snapshot::Snapshot,
    writes::{SealOrder, StagedWrites},
};
use actix::{
    Actor, ActorContext, ActorFutureExt, Context, Handler, Message, ResponseActFuture, WrapFuture,
    fut,
};
use alloy_primitives::B256;
use engine::ids::{BootId, JobId, SnapshotId};
use proto::state::{
    CommitRequest, ConfigureRequest, Head, LoadGenesisRequest, LoadSnapshotRequest, SealResponse,
    SealedShard,
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

/// An answer, or what has to be waited for before asking again.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    /// The answer.
    Now(T),
    /// Ask again when the job is settled.
    Later(Wait),
    /// Ask again when the job's missing writes are staged, or have not come in time.
    Stages(Wait),
}

/// A wait for a job to be sealed or aborted, or for its missing writes.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) job: JobId,
    pub(crate) woken: oneshot::Receiver<()>,
}

/// Those who wait, by job.
#[derive(Debug)]
struct Waiting {
    by_job: BTreeMap<JobId, Vec<oneshot::Sender<()>>>,
    waiting_max: usize,
}

impl Waiting {
    fn add(&mut self, job: JobId) -> Result<Wait, StateError> {
        let waiting_max = self.waiting_max;
        if self.by_job.values().map(Vec::len).sum::<usize>() >= waiting_max {
            self.forget_gone();
        }
        if self.by_job.values().map(Vec::len).sum::<usize>() >= waiting_max {
            return Err(StateError::TooManyWaiting { waiting_max });
        }
        let (wake, woken) = oneshot::channel();
        self.by_job.entry(job).or_default().push(wake);
        Ok(Wait { job, woken })
    }

    /// Forgets those who gave up.
    fn forget_gone(&mut self) {
        self.by_job.retain(|_, waiting| {
            waiting.retain(|settle| !settle.is_closed());
            !waiting.is_empty()
        });
    }

    fn wake(&mut self, job: &JobId) {
        for settle in self.by_job.remove(job).into_iter().flatten() {
            // Who gave up needs no waking.
            let _ = settle.send(());
        }
    }
}

/// What the actor shares with whoever calls it.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) directory: Arc<Directory>,
    pub(crate) pool: Arc<CpuPool>,
    pub(crate) metrics: ShardMetrics,
}

/// The actor.
#[derive(Debug)]
pub(crate) struct ShardActor {
    machine: Machine,
    mailbox_len_max: usize,
    hash_part_keys_min: usize,
    outside: Outside,
    waiting: Waiting,
    feeds: Feeds,
}

impl ShardActor {
    pub(crate) fn new(machine: Machine, limits: &Limits, outside: Outside) -> Self {
        let waiting = Waiting { by_job: BTreeMap::new(), waiting_max: limits.waiting_max.get() };
        let metrics = outside.metrics.clone();
        let feeds = Feeds::new(limits.feeds_max.get(), limits.feed_len_max.get(), metrics);
        let mailbox_len_max = limits.mailbox_len_max.get();
        let hash_part_keys_min = limits.hash_part_keys_min.get();
        Self { machine, mailbox_len_max, hash_part_keys_min, outside, waiting, feeds }
    }

    /// Makes one step of the machine and carries its effects out.
    fn step<T>(&mut self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let value = change(&mut self.machine);
        for effect in self.machine.take_effects() {
            self.perform(effect);
        }
        value
    }

    fn perform(&mut self, effect: Effect) {
        let Outside { directory, pool, metrics } = &self.outside;
        match effect {
            Effect::Publish(name, snapshot) => {
                directory.publish(name, snapshot);
                metrics.snapshots.increment();
                match name {
                    SnapshotId::Job(_) => metrics.sealed.increment(),
                    SnapshotId::Block(_) => metrics.committed.increment(),
                    SnapshotId::Loaded(_) => {}
                }
            }
            Effect::Withdraw(name) => {
                directory.withdraw(&name);
                metrics.snapshots.decrement();
            }
            Effect::Settle(job) | Effect::Staged(job) => self.waiting.wake(&job),
            Effect::Place(place) => directory.set_place(place),
            Effect::Feed(message) => {
                self.feeds.tell(&message);
                pool.free(Box::new(message));
            }
            Effect::Discard(garbage) => pool.free(garbage),
        }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(self.mailbox_len_max);
    }
}

/// Looks a Snapshot up that the directory does not have.
#[derive(Debug, Message)]
#[rtype(result = "Result<Reply<Arc<Snapshot>>, StateError>")]
pub(crate) struct Find(pub(crate) SnapshotId);

impl Handler<Find> for ShardActor {
    type Result = Result<Reply<Arc<Snapshot>>, StateError>;

    fn handle(&mut self, Find(name): Find, _: &mut Self::Context) -> Self::Result {
        match self.machine.find(&name)? {
            Found::Ready(snapshot) => Ok(Reply::Now(snapshot)),
            Found::Awaited(job) => Ok(Reply::Later(self.waiting.add(job)?)),
        }
    }
}

/// Gives the shard its place.
#[derive(Debug, Message)]
#[rtype(result = "Result<BootId, StateError>")]
pub(crate) struct Configure(pub(crate) ConfigureRequest);

impl Handler<Configure> for ShardActor {
    type Result = Result<BootId, StateError>;

    fn handle(&mut self, Configure(request): Configure, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.configure(request))
    }
}

/// Stages writes.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct Stage(pub(crate) StagedWrites);

impl Handler<Stage> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, Stage(writes): Stage, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.stage(writes))
    }
}

/// Seals a job.
#[derive(Debug, Message)]
#[rtype(result = "Result<Reply<SealResponse>, StateError>")]
pub(crate) struct Seal {
    pub(crate) order: SealOrder,
    pub(crate) stages: Stages,
    pub(crate) span: Span,
}

impl Handler<Seal> for ShardActor {
    type Result = ResponseActFuture<Self, Result<Reply<SealResponse>, StateError>>;

    fn handle(&mut self, message: Seal, _: &mut Self::Context) -> Self::Result {
        let Seal { order, stages, span } = message;
        let task = match self.step(|machine| machine.begin_seal(&order, stages)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(SealStep::Answer(answer)) => return Box::pin(fut::ok(Reply::Now(answer))),
            Ok(SealStep::Wait(job)) => {
                return Box::pin(fut::ready(self.waiting.add(job).map(Reply::Later)));
            }
            Ok(SealStep::WaitForStages(job)) => {
                return Box::pin(fut::ready(self.waiting.add(job).map(Reply::Stages)));
            }
            Ok(SealStep::Compute(task)) => task,
        };
        let (ticket, pool) = (task.ticket(), Arc::clone(&self.outside.pool));
        let work = sealing::run(task, pool, self.hash_part_keys_min).instrument(span);
        Box::pin(work.into_actor(self).map(move |sealed, actor: &mut Self, _| {
            let sealed = actor.step(|machine| machine.finish_seal(ticket, sealed));
            sealed.map(|sealed| Reply::Now(SealResponse::Sealed(sealed)))
        }))
    }
}

/// Commits a job.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct Commit(pub(crate) CommitRequest);

impl Handler<Commit> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, Commit(request): Commit, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.commit(request))
    }
}

/// Aborts a job.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct Abort(pub(crate) JobId);

impl Handler<Abort> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, Abort(job): Abort, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.abort(job))
    }
}

/// Loads a genesis.
#[derive(Debug, Message)]
#[rtype(result = "Result<SealedShard, StateError>")]
pub(crate) struct LoadGenesis(pub(crate) LoadGenesisRequest);

impl Handler<LoadGenesis> for ShardActor {
    type Result = ResponseActFuture<Self, Result<SealedShard, StateError>>;

    fn handle(&mut self, LoadGenesis(request): LoadGenesis, _: &mut Self::Context) -> Self::Result {
        let task = match self.step(|machine| machine.begin_genesis(request)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(GenesisStep::Answer(answer)) => return Box::pin(fut::ok(answer)),
            Ok(GenesisStep::Compute(task)) => task,
        };
        let pool = Arc::clone(&self.outside.pool);
        let work = async move { pool.run(|| task.run()).await.flatten() };
        Box::pin(
            work.into_actor(self).map(|made, actor: &mut Self, _| {
                actor.step(|machine| machine.finish_genesis(made))
            }),
        )
    }
}

/// Loads a Snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct LoadSnapshot(pub(crate) LoadSnapshotRequest);

impl Handler<LoadSnapshot> for ShardActor {
    type Result = ResponseActFuture<Self, Result<(), StateError>>;

    fn handle(
        &mut self,
        LoadSnapshot(request): LoadSnapshot,
        _: &mut Self::Context,
    ) -> Self::Result {
        let task = match self.step(|machine| machine.begin_load(request)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(task) => task,
        };
        let (number, pool) = (task.number(), Arc::clone(&self.outside.pool));
        let work = async move { pool.run(|| task.run()).await.flatten() };
        Box::pin(work.into_actor(self).map(move |loaded, actor: &mut Self, _| {
            actor.step(|machine| machine.finish_load(number, loaded))
        }))
    }
}

/// Drops a loaded Snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct DropSnapshot(pub(crate) SnapshotId);

impl Handler<DropSnapshot> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, DropSnapshot(name): DropSnapshot, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.drop_snapshot(name))
    }
}

/// Makes a committed block the head.
#[derive(Debug, Message)]
#[rtype(result = "Result<Head, StateError>")]
pub(crate) struct SetHead(pub(crate) B256);

impl Handler<SetHead> for ShardActor {
    type Result = Result<Head, StateError>;

    fn handle(&mut self, SetHead(block_hash): SetHead, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.set_head(block_hash))
    }
}

/// Asks for the head.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<Head>, StateError>")]
pub(crate) struct GetHead;

impl Handler<GetHead> for ShardActor {
    type Result = Result<Option<Head>, StateError>;

    fn handle(&mut self, _: GetHead, _: &mut Self::Context) -> Self::Result {
        Ok(self.machine.head())
    }
}

/// Subscribes to the feed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Subscription, StateError>")]
pub(crate) struct Subscribe;

impl Handler<Subscribe> for ShardActor {
    type Result = Result<Subscription, StateError>;

    fn handle(&mut self, _: Subscribe, _: &mut Self::Context) -> Self::Result {
        let start = self.machine.feed_start();
        self.feeds.add(start)
    }
}

/// Stops the actor.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct Stop;

impl Handler<Stop> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, _: Stop, context: &mut Self::Context) -> Self::Result {
        context.stop();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
