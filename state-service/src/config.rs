//! What a state shard is told when it starts; every bound has a name here.

use cluster::{
    grpc::GrpcConfig, http::HttpConfig, members::MembersConfig, shutdown::ShutdownConfig,
    telemetry::TelemetryConfig,
};
use serde::Deserialize;
use std::{num::NonZeroUsize, time::Duration};

/// Settings of the program `evmesh-state`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessConfig {
    /// Where it listens for calls, and their bounds.
    pub grpc: GrpcConfig,
    /// Where it shows how it is.
    pub http: HttpConfig,
    /// Who else belongs to the cluster.
    pub members: MembersConfig,
    /// How it ends.
    pub shutdown: ShutdownConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// The shard itself.
    pub state: StateConfig,
}

/// Settings of a state shard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// CPU threads for seals, loads and large reads.
    pub threads: NonZeroUsize,
    /// Threads of the program that take calls and send answers; the command `evmesh` has its own.
    pub call_threads: NonZeroUsize,
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
    /// Reads and seals that wait for a Snapshot to be sealed, and seals that wait for writes.
    pub waiting_max: NonZeroUsize,
    /// Longest wait for a Snapshot to be sealed.
    #[serde(with = "humantime_serde")]
    pub seal_wait: Duration,
    /// Longest wait of a seal for writes that are being staged, before it says what it lacks.
    #[serde(with = "humantime_serde")]
    pub stage_wait: Duration,
    /// Bytes of a message with writes that are hashed on the caller's thread; larger messages take
    /// a CPU thread.
    pub stage_bytes_inline_max: NonZeroUsize,
    /// Changed keys of one trie, of accounts or of one account's slots, from which on a seal hashes
    /// it in parts, at once on all CPU threads; slots are changed in parts too.
    pub hash_part_keys_min: NonZeroUsize,
    /// Callers that listen to the feed.
    pub feeds_max: NonZeroUsize,
    /// Messages of the feed that wait for one listener; one that is slower is cut off.
    pub feed_len_max: NonZeroUsize,
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
    /// Accounts and slots, or nodes and codes, of one load.
    pub load_values_max: NonZeroUsize,
    /// Bytes of one load over the wire.
    pub load_bytes_max: NonZeroUsize,
    /// Decided jobs that are remembered, so that late messages are refused by name.
    pub decided_jobs_max: NonZeroUsize,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self {
            threads: positive(2),
            call_threads: positive(2),
            read_delay: Duration::ZERO,
            limits: Limits::default(),
        }
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
            stage_wait: Duration::from_millis(5),
            stage_bytes_inline_max: positive(64 << 10),
            hash_part_keys_min: positive(1_024),
            feeds_max: positive(1_024),
            feed_len_max: positive(1_024),
            delayed_reads_max: positive(4_096),
            staged_bytes_max: positive(1 << 30),
            provisional_snapshots_max: positive(1_024),
            committed_snapshots_max: positive(128),
            loaded_snapshots_max: positive(64),
            load_values_max: positive(50_000_000),
            load_bytes_max: positive(4 << 30),
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
    use cluster::config::{ConfigError, Loader};
    use std::{fs, path::Path};

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

    /// The rows of the page on configuration, as key without its table's name, and default.
    fn documented() -> Vec<(String, String)> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = fs::read_to_string(page).unwrap();
        let section = page.split("\n## ").find(|section| section.starts_with("State service"));
        let rows = section.unwrap().lines().filter_map(|line| line.strip_prefix("| `state."));
        rows.map(|row| {
            let (key, rest) = row.split_once("` | ").unwrap();
            let default = rest.split(" | ").next().unwrap();
            (key.to_owned(), default.trim_matches('`').to_owned())
        })
        .collect()
    }

    /// The keys of a table, as the refusal of an unknown one lists them.
    fn known(table: &str) -> Vec<String> {
        let refusal = Loader::new().flag(&format!("{table}unknown"), Some(1)).load::<StateConfig>();
        let Err(ConfigError::Value { reason, .. }) = refusal else { panic!("{refusal:?}") };
        let list = reason.split_once("expected one of ").expect("a list of keys").1;
        list.split(", ").map(|key| format!("{table}{}", key.trim_matches('`'))).collect()
    }

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        let documented = documented();
        let keys: Vec<_> = documented.iter().map(|(key, _)| key.clone()).collect();
        let mut expected = known("");
        expected.retain(|key| key != "limits");
        expected.extend(known("limits."));
        assert_eq!(keys, expected);

        let loader =
            documented.iter().fold(Loader::new(), |all, (key, text)| all.flag(key, Some(text)));
        assert_eq!(loader.load::<StateConfig>().unwrap(), StateConfig::default());
        // Another default than the documented one would be noticed.
        let other = Loader::new().flag("limits.seal_wait", Some("11s"));
        assert_ne!(other.load::<StateConfig>().unwrap(), StateConfig::default());
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
