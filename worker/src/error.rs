//! Why a worker says no.

use crate::pool::PoolError;
use engine::ids::{Attempt, BootId, JobId, ShardIndex, SliceId};
use proto::status::{Code, Status};
use std::time::Duration;

/// A call that a worker did not answer with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The job is over; nothing runs for it any more.
    #[error("job {job} has ended")]
    JobEnded {
        /// The job.
        job: JobId,
    },
    /// A newer attempt of the slice, or this one, came before.
    #[error("attempt {given} of slice {slice} comes after attempt {newest}")]
    LateAttempt {
        /// The slice.
        slice: SliceId,
        /// The attempt that was refused.
        given: Attempt,
        /// The newest attempt that this worker has seen.
        newest: Attempt,
    },
    /// The slice was dispatched again while this attempt ran.
    #[error("slice {slice} was dispatched again as attempt {newest}")]
    Redispatched {
        /// The slice.
        slice: SliceId,
        /// The attempt that runs instead.
        newest: Attempt,
    },
    /// The attempt's flag was raised.
    #[error("the attempt was cancelled")]
    Cancelled,
    /// As many slices run or wait as may.
    #[error("{slice_queue_len_max} slices run or wait here, which is the limit")]
    SliceQueueFull {
        /// The limit.
        slice_queue_len_max: usize,
    },
    /// As many Prepare calls are under way as may be.
    #[error("{prepare_queue_len_max} calls recover senders here, which is the limit")]
    PrepareQueueFull {
        /// The limit.
        prepare_queue_len_max: usize,
    },
    /// As many jobs are known as may be.
    #[error("{jobs_max} jobs are open here, which is the limit")]
    TooManyJobs {
        /// The limit.
        jobs_max: usize,
    },
    /// The CPU threads gave no answer.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The state service said no.
    #[error("state shard {shard} did not answer a read: {status}")]
    State {
        /// The shard.
        shard: ShardIndex,
        /// What it said.
        status: Status,
    },
    /// The state service said nothing in time.
    #[error("state shard {shard} did not answer a read within {read_timeout:?}")]
    ReadTimeout {
        /// The shard.
        shard: ShardIndex,
        /// The limit.
        read_timeout: Duration,
    },
    /// The shard restarted while the job ran: what it said before may not be true any more.
    #[error("state shard {shard} restarted: boot id {before} became {now}")]
    ShardRestarted {
        /// The shard.
        shard: ShardIndex,
        /// The boot id of its first answer for this job.
        before: BootId,
        /// The boot id of its last answer.
        now: BootId,
    },
    /// The shard answered something else than it was asked.
    #[error("state shard {shard} answered {n_values} values to {n_keys} keys")]
    WrongAnswer {
        /// The shard.
        shard: ShardIndex,
        /// How many keys it was asked for.
        n_keys: usize,
        /// How many values came.
        n_values: usize,
    },
    /// The worker stops, or was lost.
    #[error("the worker is gone")]
    Gone,
}

impl WorkerError {
    /// Returns the code by which callers decide.
    pub const fn code(&self) -> Code {
        match self {
            Self::JobEnded { .. }
            | Self::LateAttempt { .. }
            | Self::Redispatched { .. }
            | Self::Cancelled => Code::Cancelled,
            Self::SliceQueueFull { .. }
            | Self::PrepareQueueFull { .. }
            | Self::TooManyJobs { .. }
            | Self::Pool(PoolError::Full { .. }) => Code::ResourceExhausted,
            Self::Pool(PoolError::Panicked { .. }) | Self::WrongAnswer { .. } => Code::Internal,
            Self::State { status, .. } => status.code,
            Self::ReadTimeout { .. }
            | Self::ShardRestarted { .. }
            | Self::Pool(PoolError::Stopped)
            | Self::Gone => Code::Unavailable,
        }
    }
}

impl From<WorkerError> for Status {
    fn from(error: WorkerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
