//! A state shard in this process: how it is made, and its handle.

use crate::{
    config::StateConfig,
    cpu_pool::CpuPool,
    delay::DelayLine,
    directory::Directory,
    error::StateError,
    machine::Machine,
    metrics::{Counts, ShardMetrics, StateCounts},
    shard_actor::{Outside, ShardActor, Stop},
};
use actix::{Actor, Addr, Handler, Message, dev::ToEnvelope};
use cluster::{
    clock::{SharedClock, SystemClock},
    metrics::Sources,
};
use engine::ids::BootId;
use proto::status::Status;
use std::{io, sync::Arc, time::Duration};

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
        let metrics = ShardMetrics::default();
        let outside = Outside {
            directory: Arc::clone(&directory),
            pool: Arc::clone(&pool),
            metrics: metrics.clone(),
        };
        let actor = start(ShardActor::new(machine, limits, outside));
        let shared = Shared { boot, config, clock, actor, directory, pool, delay, metrics };
        Ok(StateHandle { shared: Arc::new(shared), counts: Counts::default() })
    }
}

/// A running state shard. Cheap to clone; it stops when told to, or when the last clone is gone.
#[derive(Clone, Debug)]
pub struct StateHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counts: Counts,
}

/// What all handles of a shard share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) boot: BootId,
    pub(crate) config: StateConfig,
    pub(crate) clock: SharedClock,
    actor: Addr<ShardActor>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) pool: Arc<CpuPool>,
    pub(crate) delay: Option<DelayLine>,
    pub(crate) metrics: ShardMetrics,
}

impl StateHandle {
    /// Returns a handle of the same shard that counts for itself, for another caller.
    #[must_use]
    pub fn with_own_counts(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), counts: Counts::default() }
    }

    /// Returns the numbers of this handle's calls, and of the shard, for `/metrics`.
    pub fn sources(&self) -> Sources {
        vec![Arc::new(self.counts.calls.clone()), Arc::new(self.shared.metrics.clone())]
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

    /// Sends a message to the actor and waits for its answer.
    pub(crate) async fn send<M, T>(&self, message: M) -> Result<T, StateError>
    where
        M: Message<Result = Result<T, StateError>> + Send + 'static,
        T: Send + 'static,
        ShardActor: Handler<M>,
        <ShardActor as Actor>::Context: ToEnvelope<ShardActor, M>,
    {
        self.shared.actor.send(message).await.unwrap_or(Err(StateError::Stopped))
    }

    /// Does work on the calling thread if it is light, else on a CPU thread.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        is_light: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StateError> {
        let pool = &self.shared.pool;
        if is_light { Ok(pool.run_here(work)) } else { pool.run(work).await }
    }

    /// Counts a refusal and makes a status of it.
    pub(crate) fn counted<T>(&self, answer: Result<T, StateError>) -> Result<T, Status> {
        answer.map_err(|error| {
            self.counts.calls.refused(&error);
            error.into()
        })
    }
}

/// Returns a size as a number to be added up.
pub(crate) const fn as_u64(size: usize) -> u64 {
    size as u64
}
