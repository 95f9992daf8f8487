//! A worker in this process: how it is made, and the handle that serves its trait.

use crate::{
    config::{ConfigInvalid, WorkerConfig},
    cpu_time::CpuTime,
    error::WorkerError,
    fault::{Fault, NoFault},
    machine::Machine,
    metrics::Metrics,
    pool::{Pool, PoolThreads, ThreadPool},
    shards::StateShards,
    slice_actor::{EndJob, ExecuteSlice, Prepare, Stop, Tools, WorkerActor},
};
use actix::{Actor, Addr};
use async_trait::async_trait;
use cluster::clock::{SharedClock, SystemClock};
use engine::{
    ids::{JobId, WorkerId},
    outcome::SliceOutcome,
    task::SliceTask,
};
use proto::{
    state::StateService,
    status::Status,
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::{io, sync::Arc};
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
}

impl Worker {
    /// Makes a worker with CPU threads of its own, the machine's clock and no fault.
    pub fn new(id: WorkerId, config: WorkerConfig, state: Arc<dyn StateService>) -> Self {
        Self {
            id,
            config,
            shards: StateShards::one(state),
            pool: None,
            clock: SystemClock::shared(),
            cpu_time: CpuTime::Thread,
            fault: Arc::new(NoFault),
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
        let metrics = Arc::new(Metrics::default());
        let tools = Tools {
            pool: Arc::clone(&pool),
            cpu_time: self.cpu_time,
            clock: self.clock,
            shards: self.shards,
            run_limits: self.config.run.into(),
            limits: self.config.limits.clone(),
        };
        let machine = Machine::new(self.config, Arc::clone(&metrics), self.fault);
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
    metrics: Arc<Metrics>,
    pool: Arc<dyn Pool>,
}

impl WorkerHandle {
    /// Returns the worker's id.
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// Returns what the worker counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns how much work waits for a CPU thread now.
    pub fn pool_queue_len(&self) -> usize {
        self.pool.queue_len()
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
        let job = request.frame.job;
        let n_transactions = request.transactions.len();
        let span = info_span!("prepare", %job, worker = %self.id, n_transactions);
        let answer = self.actor.send(Prepare { request, span }).await;
        Ok(answer.unwrap_or(Err(WorkerError::Gone))?)
    }

    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status> {
        let (job, slice, attempt) = (task.frame.job, task.slice, task.attempt);
        let span = info_span!("slice", %job, %slice, %attempt, worker = %self.id);
        let answer = self.actor.send(ExecuteSlice { task, span }).await;
        Ok(*answer.unwrap_or(Err(WorkerError::Gone))?)
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        let answer = self.actor.send(EndJob(job)).await;
        Ok(answer.unwrap_or(Err(WorkerError::Gone))?)
    }
}
