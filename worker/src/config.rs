//! What a worker is told when it starts; every bound has a name here.

use cluster::retry::RetryPolicy;
use engine::execute::RunLimits;
use serde::Deserialize;
use std::{num::NonZeroUsize, time::Duration};

/// Settings of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Slices that run at once: the CPU threads.
    pub threads: NonZeroUsize,
    /// Whether writes go to the state service while the block still runs.
    pub stage: Switch,
    /// Whether values and codes are kept across jobs.
    pub cache: Switch,
    /// Gas bounds of single runs.
    pub run: RunConfig,
    /// How often a read is sent to a state shard that cannot be reached; all tries together have
    /// `limits.read_timeout`.
    pub read_retry: RetryPolicy,
    /// Bounds of everything that waits or is kept.
    pub limits: Limits,
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is done.
    On,
    /// It is not done.
    Off,
}

/// Gas bounds of single runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Gas that may be spent while something below is neither final nor in the same slice; what
    /// passes it is parked.
    pub speculative_gas: u64,
    /// Gas that may be spent after a missing key, only to learn more keys.
    pub tainted_gas: u64,
}

/// Bounds of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Slices that run or wait, cancelled ones included until their thread lets go of them.
    pub slice_queue_len_max: NonZeroUsize,
    /// Prepare calls under way; each has at most one piece of work per thread waiting.
    pub prepare_queue_len_max: NonZeroUsize,
    /// Transactions whose senders one piece of work recovers: how long older work may have to wait.
    pub prepare_len_max: NonZeroUsize,
    /// Work that waits for a CPU thread; must hold all slices and all Prepare calls.
    pub pool_queue_len_max: NonZeroUsize,
    /// Messages that wait for the worker's actor.
    pub mailbox_len_max: NonZeroUsize,
    /// Jobs that are open at once.
    pub jobs_max: NonZeroUsize,
    /// Ended jobs that are remembered, so that late slices are refused by name.
    pub ended_jobs_max: NonZeroUsize,
    /// Keys of one read.
    pub read_keys_max: NonZeroUsize,
    /// Reads under way for one job at one shard; further keys wait and then go together.
    pub reads_in_flight_max: NonZeroUsize,
    /// Longest wait for the answer to a read.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// Stage messages under way; beyond it writes are not staged.
    pub stages_in_flight_max: NonZeroUsize,
    /// Longest wait for the answer to a stage message.
    #[serde(with = "humantime_serde")]
    pub stage_timeout: Duration,
    /// Bytes of code that are kept across jobs.
    pub code_cache_bytes_max: NonZeroUsize,
    /// Accounts of which is remembered, across jobs, which code they had.
    pub code_cache_accounts_max: NonZeroUsize,
    /// Bytes of values that are kept across jobs, shared out evenly among the shards.
    pub state_cache_bytes_max: NonZeroUsize,
    /// Diffs of undecided blocks that are kept of one shard; with more its cache is emptied.
    pub feed_diffs_max: NonZeroUsize,
    /// Bytes of all these diffs, shared out evenly among the shards.
    pub feed_diff_bytes_max: NonZeroUsize,
    /// Longest wait for the answer to a subscription to a feed.
    #[serde(with = "humantime_serde")]
    pub feed_timeout: Duration,
    /// Shortest pause before a feed that broke is subscribed to again; it doubles each time.
    #[serde(with = "humantime_serde")]
    pub feed_pause_min: Duration,
    /// Longest such pause.
    #[serde(with = "humantime_serde")]
    pub feed_pause_max: Duration,
    /// Accounts of which is remembered, across jobs, which shard owns them.
    pub owners_max: NonZeroUsize,
}

/// Settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigInvalid {
    /// The pool's queue could refuse work of a slice that was accepted.
    #[error("limits.pool_queue_len_max is {given}, but slices and Prepare calls may need {needed}")]
    PoolQueueTooShort {
        /// What was given.
        given: usize,
        /// The least that will do.
        needed: usize,
    },
}

impl WorkerConfig {
    /// Checks that the settings go together.
    ///
    /// # Errors
    /// If work that was accepted could find no place on the CPU threads' queue.
    pub const fn check(&self) -> Result<(), ConfigInvalid> {
        let limits = &self.limits;
        let for_prepare = limits.prepare_queue_len_max.get().saturating_mul(self.threads.get());
        let needed = limits.slice_queue_len_max.get().saturating_add(for_prepare);
        let given = limits.pool_queue_len_max.get();
        if given < needed {
            return Err(ConfigInvalid::PoolQueueTooShort { given, needed });
        }
        Ok(())
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            stage: Switch::On,
            cache: Switch::On,
            run: RunConfig::default(),
            read_retry: RetryPolicy {
                pause_first: Duration::from_millis(5),
                pause_max: Duration::from_millis(200),
                ..RetryPolicy::default()
            },
            limits: Limits::default(),
        }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        let RunLimits { speculative_gas, tainted_gas } = RunLimits::default();
        Self { speculative_gas, tainted_gas }
    }
}

impl From<RunConfig> for RunLimits {
    fn from(config: RunConfig) -> Self {
        let RunConfig { speculative_gas, tainted_gas } = config;
        Self { speculative_gas, tainted_gas }
    }
}

const fn positive(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("defaults are positive")
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slice_queue_len_max: positive(4_096),
            prepare_queue_len_max: positive(64),
            prepare_len_max: positive(64),
            pool_queue_len_max: positive(16_384),
            mailbox_len_max: positive(1_024),
            jobs_max: positive(256),
            ended_jobs_max: positive(4_096),
            read_keys_max: positive(100_000),
            reads_in_flight_max: positive(4),
            read_timeout: Duration::from_secs(10),
            stages_in_flight_max: positive(256),
            stage_timeout: Duration::from_secs(10),
            code_cache_bytes_max: positive(64 << 20),
            code_cache_accounts_max: positive(100_000),
            state_cache_bytes_max: positive(256 << 20),
            feed_diffs_max: positive(64),
            feed_diff_bytes_max: positive(128 << 20),
            feed_timeout: Duration::from_secs(10),
            feed_pause_min: Duration::from_millis(50),
            feed_pause_max: Duration::from_secs(5),
            owners_max: positive(200_000),
        }
    }
}

#[cfg(test)]
mod page;

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::config::Loader;

    #[test]
    fn the_defaults_go_together() {
        assert_eq!(WorkerConfig::default().check(), Ok(()));
    }

    #[test]
    fn a_pool_queue_that_cannot_hold_what_is_accepted_is_refused_with_both_numbers() {
        let mut config = WorkerConfig { threads: positive(3), ..WorkerConfig::default() };
        config.limits.slice_queue_len_max = positive(10);
        config.limits.prepare_queue_len_max = positive(5);
        config.limits.pool_queue_len_max = positive(24);
        let error = ConfigInvalid::PoolQueueTooShort { given: 24, needed: 25 };
        assert_eq!(config.check(), Err(error));

        config.limits.pool_queue_len_max = positive(25);
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn every_kind_of_setting_is_read_by_its_key() {
        let config: WorkerConfig = Loader::new()
            .flag("threads", Some(4))
            .flag("stage", Some("off"))
            .flag("run.speculative_gas", Some(7))
            .flag("limits.read_timeout", Some("250ms"))
            .flag("limits.jobs_max", Some(3))
            .load()
            .unwrap();

        assert_eq!(config.threads, positive(4));
        assert_eq!(config.stage, Switch::Off);
        assert_eq!(RunLimits::from(config.run).speculative_gas, 7);
        assert_eq!(config.limits.read_timeout, Duration::from_millis(250));
        assert_eq!(config.limits.jobs_max, positive(3));
        assert_eq!(config.limits.mailbox_len_max, Limits::default().mailbox_len_max);
    }

    #[test]
    fn a_bound_of_zero_or_an_unknown_key_is_refused() {
        for (key, value) in [("limits.jobs_max", "0"), ("limits.job_max", "1"), ("stage", "maybe")]
        {
            let loaded = Loader::new().flag(key, Some(value)).load::<WorkerConfig>();
            assert!(loaded.is_err(), "{key} = {value} was taken: {loaded:?}");
        }
    }
}
