//! A state shard in this process: how it is made, and the handle that serves its trait.

use crate::{
    config::StateConfig,
    counts::{Counts, StateCounts, add},
    cpu_pool::CpuPool,
    delay::DelayLine,
    directory::Directory,
    error::StateError,
    machine::Machine,
    shard_actor::{
        Abort, Commit, DropSnapshot, Find, GetHead, LoadGenesis, LoadSnapshot, Reply, Seal,
        ShardActor, Stage, Stop, Wait,
    },
    sizes,
    snapshot::Snapshot,
};
use actix::{Actor, Addr, Handler, Message, dev::ToEnvelope};
use async_trait::async_trait;
use cluster::clock::{SharedClock, SystemClock};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::{BootId, JobId, SnapshotId},
};
use proto::{
    state::{
        CommitRequest, Head, LoadGenesisRequest, ReadRequest, ReadResponse, SealRequest,
        SealResponse, StageRequest, StateService, StateValues,
    },
    status::Status,
};
use std::{io, sync::Arc, time::Duration};
use tracing::info_span;

/// Why a state shard cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no threads.
    #[error("cannot start the state shard's threads: {reason}")]
    Threads {
        /// What the system said.
        reason: io::Error,
    },
}

/// What a state shard is made of. Everything that varies comes from outside.
#[derive(Debug)]
pub struct StateShard {
    boot: BootId,
    config: StateConfig,
    clock: SharedClock,
}

impl StateShard {
    /// Makes an empty shard with the machine's clock.
    pub fn new(boot: BootId, config: StateConfig) -> Self {
        Self { boot, config, clock: SystemClock::shared() }
    }

    /// Takes time from another clock.
    #[must_use]
    pub fn clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Starts the shard's actor on the calling thread, which must run an actix system or a tokio
    /// `LocalSet`.
    ///
    /// # Errors
    /// If there are no threads.
    pub fn start(self) -> Result<StateHandle, StartError> {
        self.start_with(Actor::start)
    }

    /// Starts the shard's actor on an arbiter's thread.
    ///
    /// # Errors
    /// If there are no threads.
    pub fn start_in(self, arbiter: &actix::ArbiterHandle) -> Result<StateHandle, StartError> {
        self.start_with(|actor| ShardActor::start_in_arbiter(arbiter, |_| actor))
    }

    fn start_with(
        self,
        start: impl FnOnce(ShardActor) -> Addr<ShardActor>,
    ) -> Result<StateHandle, StartError> {
        let Self { boot, config, clock } = self;
        let limits = &config.limits;
        let no_threads = |reason| StartError::Threads { reason };
        let pool = CpuPool::start("state-cpu", config.threads, limits.cpu_queue_len_max)
            .map_err(no_threads)?;
        let pool = Arc::new(pool);
        let delay = match config.read_delay {
            Duration::ZERO => None,
            delay => Some(
                DelayLine::start(delay, clock.clone(), limits.delayed_reads_max)
                    .map_err(no_threads)?,
            ),
        };
        let directory = Arc::new(Directory::default());
        let machine = Machine::new(boot, limits.clone());
        let actor =
            start(ShardActor::new(machine, limits, Arc::clone(&directory), Arc::clone(&pool)));
        let shared = Shared { boot, config, clock, actor, directory, pool, delay };
        Ok(StateHandle { shared: Arc::new(shared), counts: Arc::default() })
    }
}

/// A running state shard. Cheap to clone; it stops when told to, or when the last clone is gone.
#[derive(Clone, Debug)]
pub struct StateHandle {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Shared {
    boot: BootId,
    config: StateConfig,
    clock: SharedClock,
    actor: Addr<ShardActor>,
    directory: Arc<Directory>,
    pool: Arc<CpuPool>,
    delay: Option<DelayLine>,
}

impl StateHandle {
    /// Returns a handle of the same shard that counts for itself, for another caller.
    #[must_use]
    pub fn with_own_counts(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), counts: Arc::default() }
    }

    /// Returns what was said through this handle and its clones.
    pub fn counts(&self) -> StateCounts {
        self.counts.now()
    }

    /// Returns the CPU time that the shard spent on reads, seals and loads, whoever asked.
    pub fn cpu(&self) -> Duration {
        self.shared.pool.cpu()
    }

    /// Stops the shard: all that it holds is gone, later calls fail as `Unavailable`.
    pub async fn stop(&self) {
        // A shard that cannot be told has stopped before.
        let _ = self.shared.actor.send(Stop).await;
    }

    /// Finds a Snapshot, or waits until it is sealed.
    async fn snapshot(&self, name: SnapshotId) -> Result<Arc<Snapshot>, StateError> {
        if let Some(snapshot) = self.shared.directory.get(&name) {
            return Ok(snapshot);
        }
        let deadline = self.shared.clock.now() + self.shared.config.limits.seal_wait;
        loop {
            match self.send(Find(name)).await? {
                Reply::Now(snapshot) => return Ok(snapshot),
                Reply::Later(wait) => self.settled(wait, deadline).await?,
            }
        }
    }

    /// Waits until a job is sealed or aborted.
    async fn settled(&self, wait: Wait, deadline: Duration) -> Result<(), StateError> {
        let Wait { job, settled } = wait;
        let left = deadline.saturating_sub(self.shared.clock.now());
        tokio::select! {
            biased;
            settled = settled => settled.map_err(|_| StateError::Stopped),
            () = self.shared.clock.sleep(left) => {
                let seal_wait = self.shared.config.limits.seal_wait;
                Err(StateError::NotSealedInTime { job, seal_wait })
            }
        }
    }

    async fn answers(
        &self,
        snapshot: Arc<Snapshot>,
        keys: Vec<SnapshotKey>,
    ) -> Result<Vec<SnapshotAnswer>, StateError> {
        let pool = &self.shared.pool;
        if keys.len() <= self.shared.config.limits.read_keys_inline_max.get() {
            return Ok(pool.run_here(|| snapshot.answers(&keys)));
        }
        pool.run(move || snapshot.answers(&keys)).await
    }

    async fn send<M, T>(&self, message: M) -> Result<T, StateError>
    where
        M: Message<Result = Result<T, StateError>> + Send + 'static,
        T: Send + 'static,
        ShardActor: Handler<M>,
        <ShardActor as Actor>::Context: ToEnvelope<ShardActor, M>,
    {
        self.shared.actor.send(message).await.unwrap_or(Err(StateError::Stopped))
    }

    /// Counts a refusal and makes a status of it.
    fn counted<T>(&self, answer: Result<T, StateError>) -> Result<T, Status> {
        answer.map_err(|error| {
            add(&self.counts.refused, 1);
            error.into()
        })
    }

    async fn read_now(&self, request: ReadRequest) -> Result<ReadResponse, StateError> {
        let ReadRequest { snapshot, keys } = request;
        let read_keys_max = self.shared.config.limits.read_keys_max.get();
        if keys.len() > read_keys_max {
            return Err(StateError::TooManyKeys { given: keys.len(), read_keys_max });
        }
        let snapshot = self.snapshot(snapshot).await?;
        let values = self.answers(snapshot, keys).await?;
        if let Some(delay) = &self.shared.delay {
            self.counts.delayed(delay.wait().await?);
        }
        add(&self.counts.bytes_out, sizes::of_answers(&values));
        Ok(ReadResponse { boot: self.shared.boot, values })
    }

    async fn seal_now(&self, request: SealRequest) -> Result<SealResponse, StateError> {
        let span = info_span!("seal", job = %request.job, number = request.block_number);
        let request = Arc::new(request);
        let deadline = self.shared.clock.now() + self.shared.config.limits.seal_wait;
        loop {
            let seal = Seal { request: Arc::clone(&request), span: span.clone() };
            match self.send(seal).await? {
                Reply::Now(answer) => return Ok(answer),
                Reply::Later(wait) => self.settled(wait, deadline).await?,
            }
        }
    }
}

#[async_trait]
impl StateService for StateHandle {
    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        add(&self.counts.reads, 1);
        add(&self.counts.read_keys, request.keys.len());
        add(&self.counts.bytes_in, sizes::NAME + sizes::of_keys(&request.keys));
        self.counted(self.read_now(request).await)
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        add(&self.counts.stages, 1);
        let sets = request.writes.iter().map(|(_, _, set)| sizes::of_write_set(set));
        add(&self.counts.bytes_in, sizes::NAME + sets.sum::<usize>());
        self.counted(self.send(Stage(request)).await)
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        add(&self.counts.seals, 1);
        let sets = request.writes.iter().map(|(_, set)| sizes::of_write_set(set));
        add(&self.counts.bytes_in, 2 * sizes::NAME + sets.sum::<usize>());
        let answer = self.seal_now(request).await;
        self.counted(answer.inspect(|answer| self.count_root_node(answer)))
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        add(&self.counts.decisions, 1);
        add(&self.counts.bytes_in, 2 * sizes::NAME);
        self.counted(self.send(Commit(request)).await)
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        add(&self.counts.decisions, 1);
        add(&self.counts.bytes_in, sizes::NAME);
        self.counted(self.send(Abort(job)).await)
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealResponse, Status> {
        add(&self.counts.others, 1);
        add(&self.counts.bytes_in, sizes::NAME + sizes::of_values(&request.state));
        let answer = self.send(LoadGenesis(request)).await;
        self.counted(answer.inspect(|answer| self.count_root_node(answer)))
    }

    async fn load_snapshot(&self, state: StateValues) -> Result<SnapshotId, Status> {
        add(&self.counts.others, 1);
        add(&self.counts.bytes_in, sizes::of_values(&state));
        self.counted(self.send(LoadSnapshot(state)).await)
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        add(&self.counts.others, 1);
        add(&self.counts.bytes_in, sizes::NAME);
        self.counted(self.send(DropSnapshot(snapshot)).await)
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        add(&self.counts.others, 1);
        self.counted(self.send(GetHead).await)
    }
}

impl StateHandle {
    fn count_root_node(&self, answer: &SealResponse) {
        let n_bytes = answer.root_node.as_ref().map_or(0, |node| node.len());
        add(&self.counts.bytes_out, n_bytes);
    }
}
