//! The command line.

use super::settings::Settings;
use clap::Parser;
use cluster::{
    config::Loader,
    process::{Failure, ProcessArgs},
};

/// The coordinator of an evmesh cluster: takes blocks in, has workers execute them, decides.
#[derive(Debug, Parser)]
#[command(name = "evmesh-coordinator", version)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) process: ProcessArgs,
    /// Addresses of the state shards, in the order of their indices; without etcd.
    #[arg(long, value_name = "URL,URL")]
    state: Option<String>,
    /// State shards to wait for, with etcd: 1, 2, 4, 8 or 16.
    #[arg(long, value_name = "N")]
    state_shards: Option<u32>,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Args {
    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<Settings, Failure> {
        let loader = self.process.loader(loader);
        let settings: Settings = loader
            .flag("members.state", self.state.as_ref())
            .flag("members.state_shards", self.state_shards)
            .flag("coordinator.cpu_threads", self.threads)
            .load()?;
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::process::parse;
    use std::ffi::OsString;

    fn args(line: &str) -> Args {
        parse(line.split_whitespace().map(OsString::from)).unwrap().unwrap()
    }

    #[test]
    fn every_flag_is_a_setting() {
        let line = "evmesh-coordinator --listen 127.0.0.1:0 --state s:1,s:2 --state-shards 4 \
                    --threads 3";
        let settings = args(line).settings(Loader::new()).unwrap();

        assert_eq!(settings.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.members.state, ["s:1", "s:2"]);
        assert_eq!(settings.members.state_shards, 4);
        assert_eq!(settings.coordinator.cpu_threads.get(), 3);
    }

    #[test]
    fn a_coordinator_that_cannot_know_its_shards_is_refused() {
        let failure = args("evmesh-coordinator").settings(Loader::new()).unwrap_err();
        assert_eq!(failure.exit, 2);
        assert!(failure.try_next.contains("--state"), "{failure}");
    }
}
