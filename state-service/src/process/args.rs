//! The command line.

use super::failure::Failure;
use crate::config::ProcessConfig;
use clap::{Parser, error::ErrorKind};
use cluster::config::Loader;
use std::{ffi::OsString, path::PathBuf};

/// A state shard of an evmesh cluster: owns a range of the state, answers reads, seals and commits.
#[derive(Debug, Parser)]
#[command(name = "evmesh-state", version)]
pub(super) struct Args {
    /// Settings, as a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for gRPC; port 0 takes any that is free. Default 0.0.0.0:7412.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address for /metrics, /livez and /readyz. Default 0.0.0.0:7422.
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Address by which others reach this process. Default: the one it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Addresses of etcd.
    #[arg(long, value_name = "URL,URL")]
    etcd: Option<String>,
    /// Name of the cluster in etcd. Default evmesh.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Name of this shard, by which it keeps its place. Default: that of the host.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Collector of spans, OTLP over gRPC.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Which spans and events count, as in `info,state_service=debug`.
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
                Err(Failure::usage(what, "the command line", "evmesh-state --help"))
            }
        }
    }

    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<ProcessConfig, Failure> {
        loader
            .file(self.config.as_deref())
            .flag("grpc.listen", self.listen.as_ref())
            .flag("grpc.advertise", self.advertise.as_ref())
            .flag("http.listen", self.http.as_ref())
            .flag("members.etcd", self.etcd.as_ref())
            .flag("members.cluster", self.cluster.as_ref())
            .flag("members.name", self.name.as_ref())
            .flag("state.threads", self.threads)
            .flag("telemetry.otlp_endpoint", self.otlp.as_ref())
            .flag("telemetry.filter", self.log.as_ref())
            .load()
            .map_err(|error| Failure::usage(&error, error.at(), error.hint()))
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
        let line = "evmesh-state --listen 127.0.0.1:0 --http 127.0.0.1:1 --advertise me:2 \
                    --etcd http://a:1,http://b:2 --cluster c --name n --threads 3 \
                    --otlp http://o:4 --log warn --until-stdin-closes";
        let args = args(line).unwrap().unwrap();
        let config = args.settings(Loader::new()).unwrap();

        assert!(args.until_stdin_closes);
        assert_eq!(config.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(config.grpc.advertise.as_deref(), Some("me:2"));
        assert_eq!(config.http.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(config.members.etcd, ["http://a:1", "http://b:2"]);
        assert_eq!(config.members.cluster, "c");
        assert_eq!(config.members.name.as_deref(), Some("n"));
        assert_eq!(config.state.threads.get(), 3);
        assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://o:4"));
        assert_eq!(config.telemetry.filter, "warn");
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        let config = args("evmesh-state").unwrap().unwrap().settings(Loader::new()).unwrap();
        assert_eq!(config, ProcessConfig::default());
    }
}
