//! A coordinator in this process: how it is made, and the handle that serves its trait.

use crate::{
    config::CoordinatorConfig,
    cpu::{Cpu, CpuPool, ThreadPool},
    dispatch::Service,
    front::{AddWorker, Front, Removal, RemoveWorker, Submission, Submit, Tools},
    metrics::Metrics,
};
use actix::{Actor, Addr, Arbiter, ArbiterHandle, System};
use alloy_primitives::{B256, keccak256};
use async_trait::async_trait;
use cluster::clock::{SharedClock, SystemClock};
use engine::ids::{Term, WorkerId};
use proto::{
    coordinator::{BlockOutcome, CoordinatorService, ExecuteBlockRequest},
    state::StateService,
    status::{Code, Status},
    worker::WorkerService,
};
use std::{io, num::NonZeroUsize, sync::Arc};
use tokio::sync::oneshot;
use tracing::{field::Empty, info_span};

/// Why a coordinator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no CPU threads.
    #[error("cannot start {n_threads} CPU threads: {reason}")]
    Threads {
        /// How many were wanted.
        n_threads: NonZeroUsize,
        /// What the system said.
        reason: io::Error,
    },
}

/// What a coordinator is made of. Everything that varies comes from outside.
#[derive(Debug)]
pub struct Coordinator {
    config: CoordinatorConfig,
    state: Arc<dyn StateService>,
    pool: Option<Arc<dyn CpuPool>>,
    clock: SharedClock,
    term: Term,
}

impl Coordinator {
    /// Makes a coordinator with CPU threads of its own and the machine's clock.
    pub fn new(config: CoordinatorConfig, state: Arc<dyn StateService>) -> Self {
        let (clock, term) = (SystemClock::shared(), Term::new(1));
        Self { config, state, pool: None, clock, term }
    }

    /// Runs CPU work on another pool than its own threads.
    #[must_use]
    pub fn pool(self, pool: Arc<dyn CpuPool>) -> Self {
        Self { pool: Some(pool), ..self }
    }

    /// Takes time from another clock.
    #[must_use]
    pub fn clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Accepts jobs under another Term than the first.
    #[must_use]
    pub fn term(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// Starts the coordinator's actor on the calling thread, which must run an actix system or a
    /// tokio `LocalSet`. In an actix system its jobs decide on threads of their own.
    ///
    /// # Errors
    /// If there are no threads.
    pub fn start(self) -> Result<CoordinatorHandle, StartError> {
        self.start_with(Actor::start)
    }

    /// Starts the coordinator's actor on an arbiter's thread.
    ///
    /// # Errors
    /// If there are no threads.
    pub fn start_in(self, arbiter: &actix::ArbiterHandle) -> Result<CoordinatorHandle, StartError> {
        self.start_with(|actor| Front::start_in_arbiter(arbiter, |_| actor))
    }

    fn start_with(
        self,
        start: impl FnOnce(Front) -> Addr<Front>,
    ) -> Result<CoordinatorHandle, StartError> {
        let Self { config, state, pool, clock, term } = self;
        let pool = match pool {
            Some(pool) => pool,
            None => Arc::new(threads_of(&config)?),
        };
        let arbiters = job_arbiters(config.job_threads);
        let metrics = Arc::new(Metrics::default());
        let tools = Tools {
            config: Arc::new(config),
            state,
            cpu: Cpu::new(pool),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
        };
        let front = start(Front::new(tools, term, arbiters));
        Ok(CoordinatorHandle { front, clock, metrics })
    }
}

fn threads_of(config: &CoordinatorConfig) -> Result<ThreadPool, StartError> {
    let n_threads = config.cpu_threads;
    ThreadPool::start(n_threads, config.limits.cpu_queue_len_max)
        .map_err(|reason| StartError::Threads { n_threads, reason })
}

/// Starts the threads on which jobs decide. Without an actix system there are none: jobs then run
/// on the coordinator's own thread.
fn job_arbiters(n_threads: usize) -> Vec<ArbiterHandle> {
    if System::try_current().is_none() {
        return Vec::new();
    }
    (0..n_threads).map(|_| Arbiter::new().handle()).collect()
}

/// A running coordinator. Cheap to clone; it stops when the last clone is gone and its jobs are
/// over.
#[derive(Clone, Debug)]
pub struct CoordinatorHandle {
    front: Addr<Front>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl CoordinatorHandle {
    /// Registers a worker. False if it is known already, or quarantined.
    pub async fn add_worker(&self, worker: WorkerId, service: Arc<dyn WorkerService>) -> bool {
        let service: Service = service;
        self.front.send(AddWorker { worker, service }).await.unwrap_or(false)
    }

    /// Takes a worker out; what it runs goes elsewhere. False if it was not there.
    pub async fn remove_worker(&self, worker: WorkerId) -> bool {
        let why = Removal::Asked;
        self.front.send(RemoveWorker { worker, why }).await.unwrap_or(false)
    }

    /// Returns what the coordinator counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

#[async_trait]
impl CoordinatorService for CoordinatorHandle {
    async fn execute_block(&self, request: ExecuteBlockRequest) -> Result<BlockOutcome, Status> {
        let submitted_at = self.clock.now();
        let block_hash = block_hash(&request.block_rlp).inspect_err(|_| {
            self.metrics.requests_refused.add(1);
        })?;
        let span = info_span!(
            "job", job = Empty, block = %block_hash, number = Empty, n_transactions = Empty,
            gas = Empty,
        );
        let (done, outcome) = oneshot::channel();
        let submission = Submission { request, block_hash, done, submitted_at, span };
        let gone = || Status::new(Code::Unavailable, "the coordinator stops");
        self.front.send(Submit(submission)).await.map_err(|_| gone())??;
        outcome.await.map_err(|_| gone())?
    }
}

/// Returns the hash of a block, by which others name it, before the block is decoded.
fn block_hash(rlp: &[u8]) -> Result<B256, Status> {
    let no_block = |error: alloy_rlp::Error| {
        Status::new(Code::InvalidArgument, format!("block_rlp: no block: {error}"))
    };
    let mut body = alloy_rlp::Header::decode_bytes(&mut &*rlp, true).map_err(no_block)?;
    let start = body;
    let header = alloy_rlp::Header::decode(&mut body).map_err(no_block)?;
    let header_len = header.length_with_payload();
    let bytes = start.get(..header_len).filter(|_| header.list);
    let bytes = bytes.ok_or_else(|| no_block(alloy_rlp::Error::UnexpectedString))?;
    Ok(keccak256(bytes))
}
