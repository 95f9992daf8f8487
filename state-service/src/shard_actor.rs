//! The actor of a state shard: carries messages to the machine and its effects outside.
//!
//! The machine changes in synchronous steps only. Seals and loads are computed on CPU threads
//! between two steps, and other messages are served meanwhile.

use crate::{
    config::Limits,
    cpu_pool::CpuPool,
    directory::Directory,
    error::StateError,
    machine::{Effect, Found, GenesisStep, Machine, SealStep},
    snapshot::Snapshot,
};
use actix::{
    Actor, ActorContext, ActorFutureExt, Context, Handler, Message, ResponseActFuture, WrapFuture,
    fut,
};
use engine::ids::{JobId, SnapshotId};
use proto::state::{
    CommitRequest, Head, LoadGenesisRequest, SealRequest, SealResponse, StageRequest, StateValues,
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
}

/// A wait for a job to be sealed or aborted.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) job: JobId,
    pub(crate) settled: oneshot::Receiver<()>,
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
        let (settle, settled) = oneshot::channel();
        self.by_job.entry(job).or_default().push(settle);
        Ok(Wait { job, settled })
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

/// The actor.
#[derive(Debug)]
pub(crate) struct ShardActor {
    machine: Machine,
    mailbox_len_max: usize,
    directory: Arc<Directory>,
    pool: Arc<CpuPool>,
    waiting: Waiting,
}

impl ShardActor {
    pub(crate) const fn new(
        machine: Machine,
        limits: &Limits,
        directory: Arc<Directory>,
        pool: Arc<CpuPool>,
    ) -> Self {
        let waiting = Waiting { by_job: BTreeMap::new(), waiting_max: limits.waiting_max.get() };
        let mailbox_len_max = limits.mailbox_len_max.get();
        Self { machine, mailbox_len_max, directory, pool, waiting }
    }

    /// Makes one step of the machine and carries its effects out.
    fn step<T>(&mut self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let value = change(&mut self.machine);
        for effect in self.machine.take_effects() {
            match effect {
                Effect::Publish(name, snapshot) => self.directory.publish(name, snapshot),
                Effect::Withdraw(name) => self.directory.withdraw(&name),
                Effect::Settle(job) => self.waiting.wake(&job),
                Effect::Discard(garbage) => self.pool.free(garbage),
            }
        }
        value
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

/// Stages writes.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StateError>")]
pub(crate) struct Stage(pub(crate) StageRequest);

impl Handler<Stage> for ShardActor {
    type Result = Result<(), StateError>;

    fn handle(&mut self, Stage(request): Stage, _: &mut Self::Context) -> Self::Result {
        self.step(|machine| machine.stage(request))
    }
}

/// Seals a job.
#[derive(Debug, Message)]
#[rtype(result = "Result<Reply<SealResponse>, StateError>")]
pub(crate) struct Seal {
    pub(crate) request: Arc<SealRequest>,
    pub(crate) span: Span,
}

impl Handler<Seal> for ShardActor {
    type Result = ResponseActFuture<Self, Result<Reply<SealResponse>, StateError>>;

    fn handle(&mut self, Seal { request, span }: Seal, _: &mut Self::Context) -> Self::Result {
        let task = match self.step(|machine| machine.begin_seal(&request)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(SealStep::Answer(answer)) => return Box::pin(fut::ok(Reply::Now(answer))),
            Ok(SealStep::Wait(job)) => {
                return Box::pin(fut::ready(self.waiting.add(job).map(Reply::Later)));
            }
            Ok(SealStep::Compute(task)) => task,
        };
        let (ticket, pool) = (task.ticket(), Arc::clone(&self.pool));
        let work = async move { pool.run(|| task.run()).await }.instrument(span);
        Box::pin(work.into_actor(self).map(move |sealed, actor: &mut Self, _| {
            actor.step(|machine| machine.finish_seal(ticket, sealed)).map(Reply::Now)
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
#[rtype(result = "Result<SealResponse, StateError>")]
pub(crate) struct LoadGenesis(pub(crate) LoadGenesisRequest);

impl Handler<LoadGenesis> for ShardActor {
    type Result = ResponseActFuture<Self, Result<SealResponse, StateError>>;

    fn handle(&mut self, LoadGenesis(request): LoadGenesis, _: &mut Self::Context) -> Self::Result {
        let task = match self.step(|machine| machine.begin_genesis(request)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(GenesisStep::Answer(answer)) => return Box::pin(fut::ok(answer)),
            Ok(GenesisStep::Compute(task)) => task,
        };
        let pool = Arc::clone(&self.pool);
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
#[rtype(result = "Result<SnapshotId, StateError>")]
pub(crate) struct LoadSnapshot(pub(crate) StateValues);

impl Handler<LoadSnapshot> for ShardActor {
    type Result = ResponseActFuture<Self, Result<SnapshotId, StateError>>;

    fn handle(
        &mut self,
        LoadSnapshot(values): LoadSnapshot,
        _: &mut Self::Context,
    ) -> Self::Result {
        let task = match self.step(|machine| machine.begin_load(values)) {
            Err(error) => return Box::pin(fut::err(error)),
            Ok(task) => task,
        };
        let pool = Arc::clone(&self.pool);
        let work = async move { pool.run(|| task.run()).await.flatten() };
        Box::pin(
            work.into_actor(self).map(|loaded, actor: &mut Self, _| {
                actor.step(|machine| machine.finish_load(loaded))
            }),
        )
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
