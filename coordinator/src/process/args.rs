//! The command line.

use super::settings::Settings;
use clap::{Parser, error::ErrorKind};
use cluster::{config::Loader, process::Failure};
use std::{ffi::OsString, path::PathBuf};

/// The coordinator of an evmesh cluster: takes blocks in, has workers execute them, decides.
#[derive(Debug, Parser)]
#[command(name = "evmesh-coordinator", version)]
pub(super) struct Args {
    /// Settings, as a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for gRPC; port 0 takes any that is free. Default 0.0.0.0:7410.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address for /metrics, /livez and /readyz. Default 0.0.0.0:7420.
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Address by which others reach this process. Default: the one it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Addresses of etcd; without it those of --state count.
    #[arg(long, value_name = "URL,URL")]
    etcd: Option<String>,
    /// Name of the cluster in etcd. Default evmesh.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Addresses of the state shards, in the order of their indices.
    #[arg(long, value_name = "URL,URL")]
    state: Option<String>,
    /// State shards to wait for, with etcd: 1, 2, 4, 8 or 16.
    #[arg(long, value_name = "N")]
    state_shards: Option<u32>,
    /// Name of this process among the coordinators. Default: that of the host.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Collector of spans, OTLP over gRPC.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Which spans and events count, as in `info,coordinator=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// End when standard input is closed: what started this process then ends it by ending.
    #[arg(long)]
    pub(super) until_stdin_closes: bool,
}

impl Args {
    /// Reads the command line; nothing if all it asks for is a text, which was printed.
    pub(super) fn parse_from(
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Option<Self>, Failure> {
        match Self::try_parse_from(args) {
            Ok(args) => Ok(Some(args)),
            Err(error)
                if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
            {
                // Whoever closed standard output does not want the text.
                let _ = error.print();
                Ok(None)
            }
            Err(error) => {
                let text = error.to_string();
                let what = text.split("\n\n").next().unwrap_or_default();
                let what = what.strip_prefix("error: ").unwrap_or(what);
                let try_next = "evmesh-coordinator --help";
                Err(Failure::settings(what, "the command line", try_next))
            }
        }
    }

    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<Settings, Failure> {
        let settings: Settings = loader
            .file(self.config.as_deref())
            .flag("grpc.listen", self.listen.as_ref())
            .flag("grpc.advertise", self.advertise.as_ref())
            .flag("http.listen", self.http.as_ref())
            .flag("members.etcd", self.etcd.as_ref())
            .flag("members.cluster", self.cluster.as_ref())
            .flag("members.state", self.state.as_ref())
            .flag("members.state_shards", self.state_shards)
            .flag("members.name", self.name.as_ref())
            .flag("coordinator.cpu_threads", self.threads)
            .flag("telemetry.otlp_endpoint", self.otlp.as_ref())
            .flag("telemetry.filter", self.log.as_ref())
            .load()?;
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
        let line = "evmesh-coordinator --listen 127.0.0.1:0 --http 127.0.0.1:1 --advertise me:2 \
                    --etcd http://a:1,http://b:2 --cluster c --state s:1,s:2 --state-shards 4 \
                    --name n --threads 3 --otlp http://o:4 --log warn --until-stdin-closes";
        let args = args(line).unwrap().unwrap();
        let settings = args.settings(Loader::new()).unwrap();

        assert!(args.until_stdin_closes);
        assert_eq!(settings.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.grpc.advertise.as_deref(), Some("me:2"));
        assert_eq!(settings.http.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(settings.members.etcd, ["http://a:1", "http://b:2"]);
        assert_eq!(settings.members.cluster, "c");
        assert_eq!(settings.members.state, ["s:1", "s:2"]);
        assert_eq!(settings.members.state_shards, 4);
        assert_eq!(settings.members.name.as_deref(), Some("n"));
        assert_eq!(settings.coordinator.cpu_threads.get(), 3);
        assert_eq!(settings.telemetry.otlp_endpoint.as_deref(), Some("http://o:4"));
        assert_eq!(settings.telemetry.filter, "warn");
    }

    #[test]
    fn a_coordinator_that_cannot_know_its_shards_is_refused() {
        let refused = args("evmesh-coordinator").unwrap().unwrap().settings(Loader::new());
        let failure = refused.unwrap_err();
        assert_eq!(failure.exit, 2);
        assert!(failure.try_next.contains("--state"), "{failure}");
        let refused = args("evmesh-coordinator --nonsense").unwrap_err();
        assert_eq!(refused.exit, 2);
    }
}
