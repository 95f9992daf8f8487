//! What a coordinator is told when it starts; every bound has a name here.

#[cfg(test)]
mod page;

use crate::job::JobLimits;
use cluster::retry::RetryPolicy;
use serde::Deserialize;
use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

/// Settings of a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoordinatorConfig {
    /// Rounds of a block after which the rest becomes a tail.
    pub max_rounds: NonZeroU32,
    /// Slices of a round for each worker at least; if workers run more at once, so many.
    pub slices_per_worker: NonZeroU32,
    /// With the plan `auto`: predicted gas below which a block is one slice.
    pub auto_split_gas_min: u64,
    /// Blocks of up to so many transactions have their senders recovered here.
    pub local_recovery_len_max: usize,
    /// CPU threads for decoding, recovery and roots.
    pub cpu_threads: NonZeroUsize,
    /// Threads on which jobs decide: validation of a large slice takes milliseconds, and nothing
    /// else may wait for it. None: on the coordinator's own, as a simulation needs it.
    pub job_threads: usize,
    /// Threads that move messages, of a process of its own.
    pub io_threads: NonZeroUsize,
    /// Bounds of everything that waits.
    pub limits: Limits,
    /// How often the state shards are asked to take their places when the process starts.
    pub configure_retry: RetryPolicy,
    /// How often calls to a state shard are tried.
    pub state_retry: RetryPolicy,
    /// How often shards other than shard 0 are told of a commit.
    pub spread_retry: RetryPolicy,
    /// Longest waits.
    pub deadlines: Deadlines,
}

/// Bounds of a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Jobs that run at once.
    pub jobs_running_max: NonZeroUsize,
    /// Jobs that wait for a place.
    pub job_queue_len_max: usize,
    /// Calls to one worker that are under way beyond its slices; one is kept for the oldest job.
    pub permits_spare: NonZeroU32,
    /// Attempts of a slice, or of a part of the senders, that workers may refuse.
    pub slice_refusals_max: NonZeroU32,
    /// How often a job starts again because a state shard restarted.
    pub job_restarts_max: u32,
    /// Keys of one read of a Snapshot.
    pub read_keys_max: NonZeroUsize,
    /// Workers that went and are still shown.
    pub workers_remembered_max: usize,
    /// How long a worker that went without a word is still shown as lost.
    #[serde(with = "humantime_serde")]
    pub lost_worker_shown: Duration,
    /// Work that waits for a CPU thread.
    pub cpu_queue_len_max: NonZeroUsize,
    /// Messages that wait for an actor.
    pub mailbox_len_max: NonZeroUsize,
}

/// Longest waits of a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// From a job's start to its end.
    #[serde(with = "humantime_serde")]
    pub job: Duration,
    /// From sending a slice to its answer; after it the worker counts as lost. A worker that is gone
    /// is known by its stream and its heartbeats long before; a slow slice is no reason.
    #[serde(with = "humantime_serde")]
    pub dispatch: Duration,
    /// From sending transactions to their senders; after it the worker counts as lost.
    #[serde(with = "humantime_serde")]
    pub prepare: Duration,
    /// One call to the state service.
    #[serde(with = "humantime_serde")]
    pub state: Duration,
    /// Loading a state.
    #[serde(with = "humantime_serde")]
    pub load: Duration,
    /// Asking a state shard how it is.
    #[serde(with = "humantime_serde")]
    pub status: Duration,
    /// Telling a worker that a job is over.
    #[serde(with = "humantime_serde")]
    pub end_job: Duration,
}

impl Default for CoordinatorConfig {
    fn default() -> Self {
        Self {
            max_rounds: non_zero(2),
            slices_per_worker: non_zero(1),
            auto_split_gas_min: 3_000_000,
            local_recovery_len_max: 16,
            cpu_threads: size(2),
            job_threads: 1,
            limits: Limits::default(),
            io_threads: size(2),
            configure_retry: RetryPolicy { tries_max: non_zero(60), ..RetryPolicy::default() },
            state_retry: RetryPolicy::default(),
            spread_retry: RetryPolicy { tries_max: non_zero(12), ..RetryPolicy::default() },
            deadlines: Deadlines::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jobs_running_max: size(32),
            job_queue_len_max: 1_024,
            permits_spare: non_zero(1),
            slice_refusals_max: non_zero(8),
            job_restarts_max: 3,
            read_keys_max: size(100_000),
            workers_remembered_max: 64,
            lost_worker_shown: Duration::from_secs(5),
            cpu_queue_len_max: size(256),
            mailbox_len_max: size(4_096),
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            job: Duration::from_secs(120),
            dispatch: Duration::from_secs(120),
            prepare: Duration::from_secs(10),
            state: Duration::from_secs(30),
            load: Duration::from_secs(300),
            status: Duration::from_secs(1),
            end_job: Duration::from_secs(2),
        }
    }
}

impl CoordinatorConfig {
    /// Returns the bounds of a job whose workers run so many slices at once.
    pub(crate) fn job_limits(&self, cores_per_worker: u32) -> JobLimits {
        let cores = NonZeroU32::new(cores_per_worker).unwrap_or(NonZeroU32::MIN);
        JobLimits {
            max_rounds: self.max_rounds,
            slices_per_worker: self.slices_per_worker.max(cores),
            slice_refusals_max: self.limits.slice_refusals_max,
            local_recovery_len_max: self.local_recovery_len_max,
            auto_split_gas_min: self.auto_split_gas_min,
        }
    }

    /// Returns how many calls to one worker may be under way.
    pub(crate) const fn permits_per_worker(&self) -> u32 {
        self.slices_per_worker.get().saturating_add(self.limits.permits_spare.get())
    }
}

const fn non_zero(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not zero")
}

const fn size(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("a default is not zero")
}
