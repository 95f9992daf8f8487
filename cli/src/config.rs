//! Settings of `evmesh`: defaults, then a file, then the environment, then flags.

use crate::{
    args::{Cli, Command, PlanArg, RunArgs, TransportArg},
    failure::Failure,
    processes::Settings,
};
use cluster::{
    config::{ConfigError, Loader},
    telemetry::TelemetryConfig,
};
use coordinator::config::CoordinatorConfig;
use engine::shard::ShardCount;
use serde::{Deserialize, Deserializer};
use state_service::config::StateConfig;
use std::{
    num::{NonZeroU16, NonZeroU64},
    time::Duration,
};
use worker::config::WorkerConfig;

/// Everything that `evmesh` can be told beside its inputs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Logs and spans.
    pub telemetry: TelemetryConfig,
    /// The cluster that is started here.
    pub sandbox: SandboxConfig,
    /// Its coordinator.
    pub coordinator: CoordinatorConfig,
    /// Each of its workers.
    pub worker: WorkerConfig,
    /// Its state service.
    pub state: StateConfig,
    /// How blocks are run.
    pub run: RunConfig,
    /// How a cluster is called.
    pub client: ClientConfig,
    /// What is handed on to processes that are started here.
    #[serde(skip)]
    pub handed_on: Settings,
}

/// The cluster that is started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Number of workers.
    pub workers: NonZeroU16,
    /// Number of state shards.
    #[serde(deserialize_with = "shard_count")]
    pub state_shards: ShardCount,
    /// How its parts talk.
    pub transport: TransportArg,
}

/// How blocks are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// How blocks are cut into slices.
    pub plan: PlanArg,
    /// Gas of a slice at most.
    pub slice_gas: Option<NonZeroU64>,
    /// Seed of every choice that does not change the outcome.
    pub seed: u64,
    /// Whether serial revm runs beside the cluster.
    pub oracle: bool,
    /// Whether each block that is equal is built again from its parts.
    pub rebuild: bool,
}

/// How a cluster is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientConfig {
    /// Where the coordinator of a running cluster is.
    pub coordinator: Option<String>,
    /// Longest wait for a block's outcome.
    #[serde(with = "humantime_serde")]
    pub block_timeout: Duration,
    /// Longest wait for a state to be loaded.
    #[serde(with = "humantime_serde")]
    pub load_timeout: Duration,
    /// Longest wait for any other answer.
    #[serde(with = "humantime_serde")]
    pub call_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        // A table of results on the terminal is not to be buried in log lines.
        let telemetry =
            TelemetryConfig { filter: "error".to_owned(), ..TelemetryConfig::default() };
        Self {
            telemetry,
            sandbox: SandboxConfig::default(),
            coordinator: CoordinatorConfig::default(),
            worker: WorkerConfig::default(),
            state: StateConfig::default(),
            run: RunConfig::default(),
            client: ClientConfig::default(),
            handed_on: Settings::default(),
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            workers: NonZeroU16::new(4).expect("4 is not zero"),
            state_shards: ShardCount::ONE,
            transport: TransportArg::default(),
        }
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            coordinator: None,
            block_timeout: Duration::from_secs(150),
            load_timeout: Duration::from_secs(300),
            call_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self { plan: PlanArg::default(), slice_gas: None, seed: 0, oracle: true, rebuild: false }
    }
}

impl Config {
    /// Reads the settings; `loader` knows the environment already.
    ///
    /// # Errors
    /// If the file cannot be read, or a setting is unknown or not of its type.
    pub fn load(loader: Loader, cli: &Cli) -> Result<Self, Failure> {
        let common = &cli.common;
        let loader = loader
            .file(common.config.as_deref())
            .flag("telemetry.otlp_endpoint", common.otlp.as_deref())
            .flag("telemetry.filter", common.log.as_deref());
        let loader = match &cli.command {
            Command::Run(run) => with_run_flags(loader, run),
            Command::Status(status) => {
                loader.flag("client.coordinator", status.coordinator.as_deref())
            }
            Command::Proof(proof) => {
                loader.flag("client.coordinator", proof.coordinator.as_deref())
            }
            Command::Demo | Command::Generate(_) => loader,
        };
        loader.load().map_err(|error| refused(&error))
    }
}

fn with_run_flags(loader: Loader, run: &RunArgs) -> Loader {
    let state_delay = run.state_delay.map(humantime_serde::re::humantime::format_duration);
    loader
        .flag("sandbox.workers", run.workers)
        .flag("worker.threads", run.threads)
        .flag("sandbox.state_shards", run.state_shards.map(ShardCount::get))
        .flag("sandbox.transport", run.transport.map(TransportArg::name))
        .flag("client.coordinator", run.coordinator.as_deref())
        .flag("state.read_delay", state_delay)
        .flag("run.plan", run.plan.map(PlanArg::name))
        .flag("run.slice_gas", run.slice_gas)
        .flag("run.seed", run.seed)
        .flag("run.oracle", run.no_oracle.then_some(false))
        .flag("run.rebuild", run.rebuild.then_some(true))
}

fn shard_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ShardCount, D::Error> {
    let number = usize::deserialize(deserializer)?;
    ShardCount::new(number).map_err(serde::de::Error::custom)
}

fn refused(error: &ConfigError) -> Failure {
    Failure::usage(error, error.at(), error.hint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    fn load(variables: &[(&str, &str)], args: &[&str]) -> Result<Config, Failure> {
        let all = ["evmesh"].iter().chain(args);
        let cli = Cli::parse_from(all);
        Config::load(Loader::new().variables(variables.iter().copied()), &cli)
    }

    #[test]
    fn what_nobody_sets_has_the_defaults_that_help_names() {
        let config = load(&[], &["run", "x"]).unwrap();

        assert_eq!(config.sandbox, SandboxConfig::default());
        assert_eq!((config.sandbox.workers.get(), config.worker.threads.get()), (4, 1));
        assert_eq!(config.run, RunConfig::default());
        assert_eq!(config.telemetry.filter, "error");
    }

    #[test]
    fn flags_come_after_the_environment_and_that_after_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("evmesh.toml");
        std::fs::write(&file, "[sandbox]\nworkers = 7\n[worker]\nthreads = 3\n[run]\nseed = 5\n")
            .unwrap();
        let file = file.to_str().unwrap();

        let config = load(
            &[("EVMESH_SANDBOX__WORKERS", "6"), ("EVMESH_RUN__PLAN", "whole")],
            &["run", "x", "--config", file, "--workers", "5", "--state-delay", "200us"],
        )
        .unwrap();

        assert_eq!(config.sandbox.workers.get(), 5);
        assert_eq!(config.worker.threads.get(), 3);
        assert_eq!(config.state.read_delay, Duration::from_micros(200));
        assert_eq!((config.run.seed, config.run.plan), (5, PlanArg::Whole));
    }

    #[test]
    fn every_flag_of_run_arrives() {
        let args = ["run", "x", "--threads", "2", "--plan", "auto", "--slice-gas", "9"];
        let config =
            load(&[], &[&args[..], &["--seed", "3", "--no-oracle", "--rebuild"]].concat()).unwrap();

        let slice_gas = NonZeroU64::new(9);
        let run =
            RunConfig { plan: PlanArg::Auto, slice_gas, seed: 3, oracle: false, rebuild: true };
        assert_eq!(config.run, run);
        assert_eq!(config.worker.threads.get(), 2);

        let args = ["run", "x", "--state-shards", "8", "--transport", "grpc"];
        let sandbox = load(&[], &args).unwrap().sandbox;
        let grpc = TransportArg::Grpc;
        assert_eq!((sandbox.state_shards.get(), sandbox.transport), (8, grpc));
        for command in [&["run", "x"][..], &["status"]] {
            let args = [command, &["--coordinator", "http://x:1"]].concat();
            let config = load(&[("EVMESH_CLIENT__COORDINATOR", "http://y:1")], &args).unwrap();
            assert_eq!(config.client.coordinator.as_deref(), Some("http://x:1"));
        }
    }

    #[test]
    fn spans_that_are_exported_are_those_of_info_and_a_filter_has_the_last_word() {
        let exported = load(&[], &["run", "x", "--otlp", "http://127.0.0.1:1"]).unwrap();
        let filtered = load(&[], &["run", "x", "--otlp", "http://127.0.0.1:1", "--log", "warn"]);

        assert_eq!(exported.telemetry.filter, "info");
        assert_eq!(filtered.unwrap().telemetry.filter, "warn");
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused_where_it_was_set() {
        let failure = load(&[("EVMESH_SANDBOX__WORKER", "6")], &["demo"]).unwrap_err();

        assert_eq!(failure.exit.code(), 2);
        assert_eq!(failure.at, "environment variable EVMESH_SANDBOX__WORKER");

        let failure = load(&[("EVMESH_SANDBOX__STATE_SHARDS", "3")], &["demo"]).unwrap_err();
        assert!(failure.what.contains("3 state shards are not possible"), "{failure}");
    }

    /// Keys and defaults of the page's table about this command.
    fn documented() -> Vec<(String, String)> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, section) = page.split_once("## The command `evmesh`").unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let (key, rest) = row.split_once("` | ").unwrap();
            let (default, _) = rest.split_once(" |").unwrap();
            (key.to_owned(), default.trim_matches('`').to_owned())
        })
        .collect()
    }

    #[test]
    fn the_page_of_settings_tells_their_defaults() {
        let documented = documented();
        assert_eq!(documented.len(), 14);
        let untouched = load(&[], &["demo"]).unwrap();

        for (key, default) in documented {
            let default = (default != "none").then_some(default);
            let config: Config = Loader::new().flag(&key, default).load().unwrap();
            assert_eq!(config.sandbox, untouched.sandbox, "{key}");
            assert_eq!(config.run, untouched.run, "{key}");
            assert_eq!(config.worker, untouched.worker, "{key}");
            assert_eq!(config.state, untouched.state, "{key}");
            assert_eq!(config.client, untouched.client, "{key}");
            // Any text may be an address.
            let other: Result<Config, _> = Loader::new().flag(&key, Some("nonsense")).load();
            assert!(other.is_err() || key == "client.coordinator", "{key} is not a setting");
        }
    }
}
