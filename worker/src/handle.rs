//! A worker in this process: how it is made, and the handle that serves its trait.

use crate::{
    config::{ConfigInvalid, WorkerConfig},
    cpu_time::CpuTime,
    error::WorkerError,
    fault::{Fault, NoFault},
    machine::Machine,
    metrics::Metrics,
    pool::{Pool, PoolThreads, ThreadPool},
    slice_actor::{
        CancelAttempt, EndJob, ExecuteSlice, ForgetJobs, Prepare, SliceAnswer, Stop, Tools,
        WorkerActor,
    },
};
use actix::{Actor, Addr};
use async_trait::async_trait;
use cluster::{
    clock::{SharedClock, SystemClock},
    grpc::set_parent,
};
use engine::{
    ids::{Attempt, JobId, SliceId, WorkerId},
    outcome::SliceOutcome,
    task::SliceTask,
};
use proto::{
    shards::StateShards,
    status::Status,
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::{io, sync::Arc};
use tokio::sync::oneshot;
use tracing::info_span;

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its settings do not go together.
    #[error(transparent)]
    Config(#[from] ConfigInvalid),
    /// The system gives no CPU threads.
    #[error("cannot start {n_threads} CPU threads: {reason}")]
    Threads {
        /// How many were wanted.
        n_threads: usize,
        /// What the system said.
        reason: io::Error,
    },
}

/// What a worker is made of. Everything that varies comes from outside.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    config: WorkerConfig,
    shards: StateShards,
    pool: Option<Arc<dyn Pool>>,
    clock: SharedClock,
    cpu_time: CpuTime,
    fault: Arc<dyn Fault>,
    metrics: Metrics,
}

impl Worker {
    /// Makes a worker with CPU threads of its own, the machine's clock and no fault.
    pub fn new(id: WorkerId, config: WorkerConfig, shards: StateShards) -> Self {
        Self {
            id,
            config,
            shards,
            pool: None,
            clock: SystemClock::shared(),
            cpu_time: CpuTime::Thread,
            fault: Arc::new(NoFault),
            metrics: Metrics::default(),
        }
    }

    /// Runs CPU work on another pool than its own threads.
    #[must_use]
    pub fn pool(self, pool: Arc<dyn Pool>) -> Self {
        Self { pool: Some(pool), ..self }
    }

    /// Takes time from another clock.
    #[must_use]
    pub fn clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Measures CPU work in another way.
    #[must_use]
    pub fn cpu_time(self, cpu_time: CpuTime) -> Self {
        Self { cpu_time, ..self }
    }

    /// Does something wrong on purpose.
    #[must_use]
    pub fn fault(self, fault: Arc<dyn Fault>) -> Self {
        Self { fault, ..self }
    }

    /// Counts in these numbers, which somebody else shows.
    #[must_use]
    pub fn metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Starts the worker's actor on the calling thread, which must run an actix system or a tokio
    /// `LocalSet`.
    ///
    /// # Errors
    /// If the settings do not go together, or there are no threads.
    pub fn start(self) -> Result<WorkerHandle, StartError> {
        self.start_with(Actor::start)
    }

    /// Starts the worker's actor on an arbiter's thread.
    ///
    /// # Errors
    /// If the settings do not go together, or there are no threads.
    pub fn start_in(self, arbiter: &actix::ArbiterHandle) -> Result<WorkerHandle, StartError> {
        self.start_with(|actor| WorkerActor::start_in_arbiter(arbiter, |_| actor))
    }

    fn start_with(
        self,
        start: impl FnOnce(WorkerActor) -> Addr<WorkerActor>,
    ) -> Result<WorkerHandle, StartError> {
        self.config.check()?;
        let pool = match self.pool {
            Some(pool) => pool,
            None => Arc::new(threads_of(self.id, &self.config)?),
        };
        let metrics = self.metrics;
        let count = self.shards.count();
        let tools = Tools {
            pool: Arc::clone(&pool),
            cpu_time: self.cpu_time,
            clock: self.clock,
            shards: self.shards,
            run_limits: self.config.run.into(),
            read_retry: self.config.read_retry.clone(),
            limits: self.config.limits.clone(),
        };
        let machine = Machine::new(self.config, count, metrics.clone(), self.fault);
        let actor = start(WorkerActor::new(machine, tools));
        Ok(WorkerHandle { id: self.id, actor, metrics, pool })
    }
}

fn threads_of(id: WorkerId, config: &WorkerConfig) -> Result<ThreadPool, StartError> {
    let threads = PoolThreads {
        name: format!("worker{id}-cpu"),
        n_threads: config.threads,
        queue_len_max: config.limits.pool_queue_len_max,
    };
    let n_threads = config.threads.get();
    ThreadPool::start(&threads).map_err(|reason| StartError::Threads { n_threads, reason })
}

/// A running worker. Cheap to clone; it stops when told to, or when the last clone is gone.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    id: WorkerId,
    actor: Addr<WorkerActor>,
    metrics: Metrics,
    pool: Arc<dyn Pool>,
}

impl WorkerHandle {
    /// Returns the worker's id.
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// Returns what the worker counts.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns how much work waits for a CPU thread now.
    pub fn pool_queue_len(&self) -> usize {
        self.pool.queue_len()
    }

    /// Recovers senders; the span of a trace's context, if there is any, is the parent of `prepare`.
    pub(crate) async fn prepare_under(
        &self,
        request: PrepareRequest,
        context: &str,
    ) -> Result<PrepareResponse, Status> {
        let job = request.frame.job;
        let n_transactions = request.transactions.len();
        let span = info_span!("prepare", %job, worker = %self.id, n_transactions);
        set_parent(&span, context);
        let answer = self.actor.send(Prepare { request, span }).await;
        Ok(answer.unwrap_or(Err(WorkerError::Gone))?)
    }

    /// Hands over a slice, and returns when the worker has taken it in or refused it; the outcome
    /// comes later. The span of a trace's context, if there is any, is the parent of `slice`.
    pub(crate) async fn submit_slice(
        &self,
        task: SliceTask,
        context: &str,
    ) -> oneshot::Receiver<SliceAnswer> {
        let (job, slice, attempt) = (task.frame.job, task.slice, task.attempt);
        let span = info_span!("slice", %job, %slice, %attempt, worker = %self.id);
        set_parent(&span, context);
        let (answer, answered) = oneshot::channel();
        // A worker that is gone drops the answer's sender.
        let _ = self.actor.send(ExecuteSlice { task, span, answer }).await;
        answered
    }

    /// Cancels an attempt for which nobody waits any more.
    pub(crate) async fn cancel_attempt(&self, job: JobId, slice: SliceId, attempt: Attempt) {
        let _ = self.actor.send(CancelAttempt(job, slice, attempt)).await;
    }

    /// Ends all jobs, and forgets which have ended: the next coordinator may give their numbers
    /// again.
    pub(crate) async fn forget_jobs(&self) {
        let _ = self.actor.send(ForgetJobs).await;
    }

    /// Stops the worker: what runs is cancelled, later calls fail as `Unavailable`.
    pub async fn stop(&self) {
        // A worker that cannot be told has stopped before.
        let _ = self.actor.send(Stop).await;
    }
}

#[async_trait]
impl WorkerService for WorkerHandle {
    async fn prepare(&self, request: PrepareRequest) -> Result<PrepareResponse, Status> {
        self.prepare_under(request, "").await
    }

    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status> {
        let answer = self.submit_slice(task, "").await;
        Ok(*answer.await.unwrap_or(Err(WorkerError::Gone))?)
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        let answer = self.actor.send(EndJob(job)).await;
        Ok(answer.unwrap_or(Err(WorkerError::Gone))?)
    }
}
