//! A coordinator in this process: how it is made, and the handle that serves its trait.

use crate::{
    config::CoordinatorConfig,
    cpu::{Cpu, CpuPool, ThreadPool},
    dispatch::{Service, WorkerFacts},
    front::{
        AddWorker, Drain, DrainWorker, Front, HowFar, Progress, ReleaseVerified, Removal,
        RemoveWorker, Submission, Submit, Survey, Tools,
    },
    load::{self, Numbers, Roots},
    metrics::Metrics,
    proof,
    status::{self, Surroundings},
    work::Work,
};
use actix::{Actor, Addr, Arbiter, ArbiterHandle, System};
use alloy_primitives::{B256, keccak256};
use async_trait::async_trait;
use cluster::{
    clock::{SharedClock, SystemClock},
    retry::RetryPolicy,
};
use engine::{
    build,
    ids::{ClusterId, SnapshotId, Term, WorkerId},
};
use proto::{
    coordinator::{
        BlockOutcome, BuildBlockRequest, ClusterStatus, CoordinatorService, ExecuteBlockRequest,
        GetProofRequest, GetProofResponse,
    },
    shards::StateShards,
    state::{Head, LoadGenesisRequest, SnapshotContents},
    status::{Code, Status},
    worker::WorkerService,
};
use std::{io, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};
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
    state: StateShards,
    pool: Option<Arc<dyn CpuPool>>,
    clock: SharedClock,
    term: Term,
    cluster: ClusterId,
    surroundings: Option<watch::Receiver<Surroundings>>,
    metrics: Metrics,
}

impl Coordinator {
    /// Makes a coordinator with CPU threads of its own and the machine's clock.
    pub fn new(config: CoordinatorConfig, state: StateShards) -> Self {
        Self {
            config,
            state,
            pool: None,
            clock: SystemClock::shared(),
            term: Term::new(1),
            cluster: ClusterId::new(1),
            surroundings: None,
            metrics: Metrics::default(),
        }
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

    /// Accepts jobs under another Term than the first. A Term is never used by two coordinators:
    /// the names of jobs and of loaded Snapshots begin with it.
    #[must_use]
    pub fn term(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// Gives the shards their places in another cluster than number 1.
    #[must_use]
    pub fn cluster(self, cluster: ClusterId) -> Self {
        Self { cluster, ..self }
    }

    /// Lets status say what is around the coordinator.
    #[must_use]
    pub fn surroundings(self, surroundings: watch::Receiver<Surroundings>) -> Self {
        Self { surroundings: Some(surroundings), ..self }
    }

    /// Counts on numbers that others hold too.
    #[must_use]
    pub fn metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
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
        let Self { config, state, pool, clock, term, cluster, surroundings, metrics } = self;
        let pool = match pool {
            Some(pool) => pool,
            None => Arc::new(threads_of(&config)?),
        };
        let arbiters = job_arbiters(config.job_threads);
        let tools = Tools {
            config: Arc::new(config),
            state,
            cpu: Cpu::new(pool),
            clock: clock.clone(),
            metrics,
            roots: Arc::new(Roots::default()),
        };
        let front = start(Front::new(tools.clone(), term, arbiters));
        // Without a sender what is known at the start stays.
        let alone = || watch::channel(Surroundings::default()).1;
        let surroundings = surroundings.unwrap_or_else(alone);
        let numbers = Arc::new(Numbers::new(term));
        Ok(CoordinatorHandle { front, tools, cluster, term, numbers, surroundings })
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
    tools: Tools,
    cluster: ClusterId,
    term: Term,
    numbers: Arc<Numbers>,
    surroundings: watch::Receiver<Surroundings>,
}

impl CoordinatorHandle {
    /// Gives every shard its place in the cluster; once more does nothing.
    ///
    /// # Errors
    /// If a shard has another place, or cannot be reached.
    pub async fn configure(&self) -> Result<(), Status> {
        load::configure(&self.tools, self.cluster, self.term).await
    }

    /// The same when a process starts: shards may come later, and `tell` hears what is missing.
    pub(crate) async fn configure_with(
        &self,
        policy: &RetryPolicy,
        tell: impl Fn(&Status),
    ) -> Result<(), Status> {
        load::configure_with(&self.tools, (self.cluster, self.term), policy, tell).await
    }

    /// Registers a worker. False if it is known already, or quarantined.
    pub async fn add_worker(&self, facts: WorkerFacts, service: Arc<dyn WorkerService>) -> bool {
        self.add((facts, false), service).await
    }

    /// Registers a worker in place of one with its id, which counts as lost. False if it is
    /// quarantined.
    pub async fn replace_worker(
        &self,
        facts: WorkerFacts,
        service: Arc<dyn WorkerService>,
    ) -> bool {
        self.add((facts, true), service).await
    }

    async fn add(&self, (facts, replaces): (WorkerFacts, bool), service: Service) -> bool {
        self.front.send(AddWorker { facts, service, replaces }).await.unwrap_or(false)
    }

    /// Gives a worker no more slices; what it has it finishes. False if it is given none.
    pub async fn drain_worker(&self, worker: WorkerId) -> bool {
        self.front.send(DrainWorker(worker)).await.unwrap_or(false)
    }

    /// Takes a worker out; what it runs goes elsewhere. False if it was not there.
    pub async fn remove_worker(&self, worker: WorkerId) -> bool {
        self.remove(worker, Removal::Asked, None).await
    }

    /// Takes a worker out that is gone, unless its id has another by now. False if it was not there.
    pub async fn lose_worker(
        &self,
        worker: WorkerId,
        service: &Arc<dyn WorkerService>,
        reason: &str,
    ) -> bool {
        let why = Removal::Lost(reason.to_owned());
        self.remove(worker, why, Some(Arc::clone(service))).await
    }

    /// Takes a worker out that went as it said, unless its id has another by now.
    pub async fn part_with_worker(
        &self,
        worker: WorkerId,
        service: &Arc<dyn WorkerService>,
    ) -> bool {
        self.remove(worker, Removal::Asked, Some(Arc::clone(service))).await
    }

    async fn remove(&self, worker: WorkerId, why: Removal, service: Option<Service>) -> bool {
        self.front.send(RemoveWorker { worker, why, service }).await.unwrap_or(false)
    }

    /// Takes no more blocks, and waits until those that were taken are done.
    pub async fn drain(&self) {
        if let Ok(mut open) = self.front.send(Drain).await.map(|open| open.0) {
            // An error means that the coordinator is gone, and its jobs with it.
            let _ = open.wait_for(|n_jobs| *n_jobs == 0).await;
        }
    }

    /// Returns the cluster whose shards the coordinator configures.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    pub(crate) fn cpu(&self) -> Cpu {
        self.tools.cpu.clone()
    }

    pub(crate) fn clock(&self) -> SharedClock {
        self.tools.clock.clone()
    }

    /// Executes a block as part of a trace of others: `parent` is its context, or empty.
    pub(crate) async fn execute_block_in(
        &self,
        request: ExecuteBlockRequest,
        parent: &str,
    ) -> Result<BlockOutcome, Status> {
        let submitted_at = self.tools.clock.now();
        let block_hash = block_hash(&request.block_rlp).inspect_err(|_| {
            self.tools.metrics.refused_no_block.increment();
        })?;
        self.submit(request.into(), (block_hash, submitted_at), parent).await
    }

    /// Builds a block as part of a trace of others.
    pub(crate) async fn build_block_in(
        &self,
        request: BuildBlockRequest,
        parent: &str,
    ) -> Result<BlockOutcome, Status> {
        let submitted_at = self.tools.clock.now();
        let on = parent_hash(&request).inspect_err(|_| {
            self.tools.metrics.refused_no_block.increment();
        })?;
        let (attributes, candidates) = (request.attributes.clone(), request.candidates.clone());
        let name = self.tools.cpu.run(move || build::name_of(on, &attributes, &candidates)).await;
        let name = name.map_err(|_| Status::new(Code::Internal, "naming the job panicked"))?;
        self.submit(request.into(), (name, submitted_at), parent).await
    }

    async fn submit(
        &self,
        work: Work,
        (block_hash, submitted_at): (B256, Duration),
        parent: &str,
    ) -> Result<BlockOutcome, Status> {
        let span = info_span!(
            "job", job = Empty, block = %block_hash, number = Empty, n_transactions = Empty,
            gas = Empty, term = %self.term,
        );
        cluster::grpc::set_parent(&span, parent);
        let (done, outcome) = oneshot::channel();
        let submission = Submission { work, block_hash, done, submitted_at, span };
        self.front.send(Submit(submission)).await.map_err(|_| gone())??;
        outcome.await.map_err(|_| gone())?
    }

    /// Returns what the coordinator counts.
    pub const fn metrics(&self) -> &Metrics {
        &self.tools.metrics
    }
}

fn gone() -> Status {
    Status::new(Code::Unavailable, "the coordinator stops")
}

#[async_trait]
impl CoordinatorService for CoordinatorHandle {
    async fn execute_block(&self, request: ExecuteBlockRequest) -> Result<BlockOutcome, Status> {
        self.execute_block_in(request, "").await
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<B256, Status> {
        self.configure().await?;
        load::load_genesis(&self.tools, request).await
    }

    async fn build_block(&self, request: BuildBlockRequest) -> Result<BlockOutcome, Status> {
        self.build_block_in(request, "").await
    }

    async fn load_snapshot(&self, contents: SnapshotContents) -> Result<SnapshotId, Status> {
        self.configure().await?;
        load::load_snapshot(&self.tools, &self.numbers, contents).await
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        self.configure().await?;
        // Shards other than shard 0 may still have to hear that the block is committed.
        let known = self.front.send(HowFar(SnapshotId::Block(block_hash)));
        if let Some(mut known) = known.await.map_err(|_| gone())?.0 {
            // An error means that the job is over too.
            let _ = known.wait_for(Progress::is_last).await;
        }
        load::set_head(&self.tools, block_hash).await
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        match snapshot {
            SnapshotId::Loaded(_) => load::drop_loaded(&self.tools, snapshot).await,
            SnapshotId::Job(job) => {
                self.front.send(ReleaseVerified(job)).await.map_err(|_| gone())??;
                load::drop_verified(&self.tools, job).await
            }
            SnapshotId::Block(hash) => {
                let message = format!("the state after block {hash} belongs to the chain");
                Err(Status::new(Code::FailedPrecondition, message))
            }
        }
    }

    async fn get_proof(&self, request: GetProofRequest) -> Result<GetProofResponse, Status> {
        self.configure().await?;
        proof::get_proof(&self.tools, request).await
    }

    async fn status(&self) -> Result<ClusterStatus, Status> {
        let picture = self.front.send(Survey).await.map_err(|_| gone())?;
        let named = (self.cluster, self.term);
        Ok(status::status(&self.tools, named, &self.surroundings, picture).await)
    }
}

/// Returns the hash of the block on which one is to be built, if the state is that block's.
fn parent_hash(request: &BuildBlockRequest) -> Result<B256, Status> {
    let refused = |message| Err(Status::new(Code::InvalidArgument, message));
    let Some(parent) = request.lineage.parent() else {
        return refused(build::OpenError::NoParent.to_string());
    };
    match request.parent {
        SnapshotId::Block(hash) if hash != parent.hash => {
            refused(format!("parent: it is block {hash}, and lineage[0] is {}", parent.hash))
        }
        _ => Ok(parent.hash),
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
