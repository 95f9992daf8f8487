//! What a state shard is told when it starts; every bound has a name here.

use serde::Deserialize;
use std::{num::NonZeroUsize, time::Duration};

/// Settings of a state shard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// CPU threads for seals, loads and large reads.
    pub threads: NonZeroUsize,
    /// Added to every answer to a read, as if the state were that far away; for measurements.
    #[serde(with = "humantime_serde")]
    pub read_delay: Duration,
    /// Bounds of everything that waits or is kept.
    pub limits: Limits,
}

/// Bounds of a state shard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Messages that wait for the shard's actor.
    pub mailbox_len_max: NonZeroUsize,
    /// Pieces of work that wait for a CPU thread; who comes later waits for a place.
    pub cpu_queue_len_max: NonZeroUsize,
    /// Keys of one read.
    pub read_keys_max: NonZeroUsize,
    /// Keys of a read that is answered on the caller's thread; larger ones take a CPU thread.
    pub read_keys_inline_max: NonZeroUsize,
    /// Reads and seals that wait for a Snapshot to be sealed.
    pub waiting_max: NonZeroUsize,
    /// Longest wait for a Snapshot to be sealed.
    #[serde(with = "humantime_serde")]
    pub seal_wait: Duration,
    /// Answers to reads that are delayed at once, if there is a `read_delay`.
    pub delayed_reads_max: NonZeroUsize,
    /// Bytes of writes that are staged at once.
    pub staged_bytes_max: NonZeroUsize,
    /// Snapshots that are sealed, or being sealed, and not decided.
    pub provisional_snapshots_max: NonZeroUsize,
    /// Committed Snapshots that are kept; beyond it the oldest that is neither the head nor the
    /// parent of an undecided one goes.
    pub committed_snapshots_max: NonZeroUsize,
    /// Loaded Snapshots.
    pub loaded_snapshots_max: NonZeroUsize,
    /// Accounts and slots of one load.
    pub load_values_max: NonZeroUsize,
    /// Decided jobs that are remembered, so that late messages are refused by name.
    pub decided_jobs_max: NonZeroUsize,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self { threads: positive(2), read_delay: Duration::ZERO, limits: Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mailbox_len_max: positive(1_024),
            cpu_queue_len_max: positive(1_024),
            read_keys_max: positive(100_000),
            read_keys_inline_max: positive(256),
            waiting_max: positive(4_096),
            seal_wait: Duration::from_secs(10),
            delayed_reads_max: positive(4_096),
            staged_bytes_max: positive(1 << 30),
            provisional_snapshots_max: positive(1_024),
            committed_snapshots_max: positive(128),
            loaded_snapshots_max: positive(64),
            load_values_max: positive(50_000_000),
            decided_jobs_max: positive(4_096),
        }
    }
}

const fn positive(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("defaults are positive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::config::Loader;

    #[test]
    fn every_kind_of_setting_is_read_by_its_key() {
        let config: StateConfig = Loader::new()
            .flag("threads", Some(3))
            .flag("read_delay", Some("200us"))
            .flag("limits.seal_wait", Some("250ms"))
            .flag("limits.loaded_snapshots_max", Some(7))
            .load()
            .unwrap();

        assert_eq!(config.threads, positive(3));
        assert_eq!(config.read_delay, Duration::from_micros(200));
        assert_eq!(config.limits.seal_wait, Duration::from_millis(250));
        assert_eq!(config.limits.loaded_snapshots_max, positive(7));
        assert_eq!(config.limits.read_keys_max, Limits::default().read_keys_max);
    }

    #[test]
    fn a_bound_of_zero_or_an_unknown_key_is_refused() {
        for (key, value) in
            [("limits.read_keys_max", "0"), ("limits.read_key_max", "1"), ("read_delay", "far")]
        {
            let loaded = Loader::new().flag(key, Some(value)).load::<StateConfig>();
            assert!(loaded.is_err(), "{key} = {value} was taken: {loaded:?}");
        }
    }
}
