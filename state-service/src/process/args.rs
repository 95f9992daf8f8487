//! The command line.

use crate::config::ProcessConfig;
use clap::Parser;
use cluster::{
    config::Loader,
    process::{Failure, ProcessArgs},
};

/// A state shard of an evmesh cluster: owns a range of the state, answers reads, seals and commits.
#[derive(Debug, Parser)]
#[command(name = "evmesh-state", version)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) process: ProcessArgs,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Args {
    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<ProcessConfig, Failure> {
        Ok(self.process.loader(loader).flag("state.threads", self.threads).load()?)
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
        let line = "evmesh-state --listen 127.0.0.1:0 --threads 3";
        let config = args(line).settings(Loader::new()).unwrap();

        assert_eq!(config.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(config.state.threads.get(), 3);
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        let config = args("evmesh-state").settings(Loader::new()).unwrap();
        assert_eq!(config, ProcessConfig::default());
    }
}
