//! The command line.

use super::Settings;
use clap::{Parser, error::ErrorKind};
use cluster::{config::Loader, process::Failure};
use serde::Deserialize;
use std::{ffi::OsString, num::NonZeroUsize, path::PathBuf};

/// A worker of an evmesh cluster: recovers senders and runs slices of blocks.
#[derive(Debug, Parser)]
#[command(name = "evmesh-worker", version)]
pub(super) struct Args {
    /// Settings, as a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for gRPC health; port 0 takes any that is free. Default 0.0.0.0:7411.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address for /metrics, /livez and /readyz. Default 0.0.0.0:7421.
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Address by which others reach this process. Default: the one it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Addresses of etcd; without it that of --coordinator counts.
    #[arg(long, value_name = "URL,URL")]
    etcd: Option<String>,
    /// Name of the cluster in etcd. Default evmesh.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Address of the coordinator.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    /// Name of this process. Default: that of the host, with a random end.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// CPU threads. Default: as many as the machine has cores.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Collector of spans, OTLP over gRPC.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Which spans and events count, as in `info,worker=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// End when standard input is closed: what started this process then ends it by ending.
    #[arg(long)]
    pub(super) until_stdin_closes: bool,
}

/// What tells whether the number of threads is set anywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Probe {
    worker: ProbeWorker,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProbeWorker {
    threads: Option<NonZeroUsize>,
}

impl Args {
    /// Reads the command line; nothing if all it asks for is a text, which was printed.
    pub(super) fn parse_from(
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Option<Self>, Failure> {
        let error = match Self::try_parse_from(args) {
            Ok(args) => return Ok(Some(args)),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            // Whoever closed standard output does not want the text.
            let _ = error.print();
            return Ok(None);
        }
        let text = error.to_string();
        let what = text.split("\n\n").next().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        Err(Failure::settings(what, "the command line", "evmesh-worker --help"))
    }

    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<Settings, Failure> {
        let mut loader = loader
            .file(self.config.as_deref())
            .flag("grpc.listen", self.listen.as_ref())
            .flag("grpc.advertise", self.advertise.as_ref())
            .flag("http.listen", self.http.as_ref())
            .flag("members.etcd", self.etcd.as_ref())
            .flag("members.cluster", self.cluster.as_ref())
            .flag("members.coordinator", self.coordinator.as_ref())
            .flag("members.name", self.name.as_ref())
            .flag("worker.threads", self.threads)
            .flag("telemetry.otlp_endpoint", self.otlp.as_ref())
            .flag("telemetry.filter", self.log.as_ref());
        if loader.clone().load::<Probe>().is_ok_and(|probe| probe.worker.threads.is_none()) {
            let n_cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            loader = loader.flag("worker.threads", Some(n_cores));
        }
        let settings: Settings = loader.load()?;
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Result<Option<Args>, Failure> {
        Args::parse_from(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_flag_is_a_setting() {
        let line = "evmesh-worker --listen 127.0.0.1:0 --http 127.0.0.1:1 --advertise me:2 \
                    --etcd http://a:1,http://b:2 --cluster c --coordinator c:3 --name n \
                    --threads 3 --otlp http://o:4 --log warn --until-stdin-closes";
        let args = args(line).unwrap().unwrap();
        let settings = args.settings(Loader::new()).unwrap();

        assert!(args.until_stdin_closes);
        assert_eq!(settings.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.grpc.advertise.as_deref(), Some("me:2"));
        assert_eq!(settings.http.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(settings.members.etcd, ["http://a:1", "http://b:2"]);
        assert_eq!(settings.members.cluster, "c");
        assert_eq!(settings.members.coordinator.as_deref(), Some("c:3"));
        assert_eq!(settings.members.name.as_deref(), Some("n"));
        assert_eq!(settings.worker.threads.get(), 3);
        assert_eq!(settings.telemetry.otlp_endpoint.as_deref(), Some("http://o:4"));
        assert_eq!(settings.telemetry.filter, "warn");
    }

    #[test]
    fn the_threads_are_the_cores_unless_some_place_says_otherwise() {
        let args = args("evmesh-worker --coordinator c:3").unwrap().unwrap();
        let n_cores = std::thread::available_parallelism().unwrap();
        assert_eq!(args.settings(Loader::new()).unwrap().worker.threads, n_cores);

        let variable = [("EVMESH_WORKER__THREADS", "17")];
        let settings = args.settings(Loader::new().variables(variable)).unwrap();
        assert_eq!(settings.worker.threads.get(), 17);
    }

    #[test]
    fn a_worker_that_cannot_find_a_coordinator_or_has_wrong_settings_is_refused() {
        let refused = |line: &str| match args(line) {
            Ok(args) => args.unwrap().settings(Loader::new()).unwrap_err(),
            Err(failure) => failure,
        };
        for (line, hint) in [
            ("evmesh-worker", "--coordinator"),
            ("evmesh-worker --nonsense", "--help"),
            ("evmesh-worker --coordinator c:1 --threads 0", "worker.threads"),
        ] {
            let failure = refused(line);
            assert_eq!(failure.exit, 2, "{line}");
            assert!(failure.to_string().contains(hint), "{line}: {failure}");
        }
    }
}
