//! The command line of a process: the flags that every one has, and how a line is read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser};

use super::Failure;
use crate::config::Loader;

/// Flags that every process has; a program flattens them into its own.
#[derive(Clone, Debug, Default, Args)]
pub struct ProcessArgs {
    /// Settings, as a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for gRPC; port 0 takes any that is free. Default: port 7410 of a coordinator, 7411 of
    /// a worker (health only), 7412 of a state shard, on all addresses.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address for /metrics, /livez and /readyz. Default: port 7420, 7421 or 7422 in the same order.
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Address by which others reach this process. Default: the one it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Addresses of etcd; without it addresses are static.
    #[arg(long, value_name = "URL,URL")]
    etcd: Option<String>,
    /// Name of the cluster in etcd. Default evmesh.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Name of this process among the members; a state shard keeps its place by it. Default: that of
    /// the host, of a worker with a random end.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Collector of spans, OTLP over gRPC.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Which spans and events count, as in `info,worker=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// End when standard input is closed: what started this process then ends it by ending.
    #[arg(long)]
    pub until_stdin_closes: bool,
}

impl ProcessArgs {
    /// Adds the file and the flags to what a loader knows.
    pub fn loader(&self, loader: Loader) -> Loader {
        loader
            .file(self.config.as_deref())
            .flag("grpc.listen", self.listen.as_ref())
            .flag("grpc.advertise", self.advertise.as_ref())
            .flag("http.listen", self.http.as_ref())
            .flag("members.etcd", self.etcd.as_ref())
            .flag("members.cluster", self.cluster.as_ref())
            .flag("members.name", self.name.as_ref())
            .flag("telemetry.otlp_endpoint", self.otlp.as_ref())
            .flag("telemetry.filter", self.log.as_ref())
    }
}

/// Reads a command line; nothing if all it asks for is a text, which was printed.
///
/// # Errors
/// If it is none.
pub fn parse<T: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<Option<T>, Failure> {
    let error = match T::try_parse_from(args) {
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
    let program = T::command();
    Err(Failure::settings(what, "the command line", format!("{} --help", program.get_name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::GrpcConfig;
    use crate::http::HttpConfig;
    use crate::members::MembersConfig;
    use crate::telemetry::TelemetryConfig;
    use serde::Deserialize;

    /// A program with no flag of its own.
    #[derive(Debug, Parser)]
    #[command(name = "some-program", version)]
    struct Program {
        #[command(flatten)]
        process: ProcessArgs,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        grpc: GrpcConfig,
        http: HttpConfig,
        members: MembersConfig,
        telemetry: TelemetryConfig,
    }

    fn read(line: &str) -> Result<Option<Program>, Failure> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_flag_is_a_setting() {
        let line = "some-program --listen 127.0.0.1:0 --http 127.0.0.1:1 --advertise me:2 \
                    --etcd http://a:1,http://b:2 --cluster c --name n --otlp http://o:4 \
                    --log warn --until-stdin-closes";
        let args = read(line).unwrap().unwrap().process;
        let settings: Settings = args.loader(Loader::new()).load().unwrap();

        assert!(args.until_stdin_closes);
        assert_eq!(settings.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.grpc.advertise.as_deref(), Some("me:2"));
        assert_eq!(settings.http.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(settings.members.etcd, ["http://a:1", "http://b:2"]);
        assert_eq!(settings.members.cluster, "c");
        assert_eq!(settings.members.name.as_deref(), Some("n"));
        assert_eq!(settings.telemetry.otlp_endpoint.as_deref(), Some("http://o:4"));
        assert_eq!(settings.telemetry.filter, "warn");
    }

    #[test]
    fn what_is_no_command_line_is_refused_with_the_way_to_help() {
        let failure = read("some-program --nonsense").unwrap_err();

        assert_eq!(failure.exit, 2);
        assert!(failure.what.contains("--nonsense"), "{failure}");
        assert_eq!(failure.try_next, "some-program --help");
    }
}
