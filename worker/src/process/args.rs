//! The command line.

use super::Settings;
use clap::Parser;
use cluster::{
    config::Loader,
    process::{Failure, ProcessArgs},
};
use serde::Deserialize;
use std::num::NonZeroUsize;

/// A worker of an evmesh cluster: recovers senders and runs slices of blocks.
#[derive(Debug, Parser)]
#[command(name = "evmesh-worker", version)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) process: ProcessArgs,
    /// Address of the coordinator; without etcd.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    /// CPU threads. Default: as many as the machine has cores.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
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
    /// Reads all settings.
    pub(super) fn settings(&self, loader: Loader) -> Result<Settings, Failure> {
        let mut loader = self
            .process
            .loader(loader)
            .flag("members.coordinator", self.coordinator.as_ref())
            .flag("worker.threads", self.threads);
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
    use cluster::process::parse;
    use std::ffi::OsString;

    fn args(line: &str) -> Args {
        parse(line.split_whitespace().map(OsString::from)).unwrap().unwrap()
    }

    #[test]
    fn every_flag_is_a_setting() {
        let line = "evmesh-worker --listen 127.0.0.1:0 --coordinator c:3 --threads 3";
        let settings = args(line).settings(Loader::new()).unwrap();

        assert_eq!(settings.grpc.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.members.coordinator.as_deref(), Some("c:3"));
        assert_eq!(settings.worker.threads.get(), 3);
    }

    #[test]
    fn the_threads_are_the_cores_unless_some_place_says_otherwise() {
        let args = args("evmesh-worker --coordinator c:3");
        let n_cores = std::thread::available_parallelism().unwrap();
        assert_eq!(args.settings(Loader::new()).unwrap().worker.threads, n_cores);

        let variable = [("EVMESH_WORKER__THREADS", "17")];
        let settings = args.settings(Loader::new().variables(variable)).unwrap();
        assert_eq!(settings.worker.threads.get(), 17);
    }

    #[test]
    fn a_worker_that_cannot_find_a_coordinator_or_has_wrong_settings_is_refused() {
        for (line, hint) in [
            ("evmesh-worker", "--coordinator"),
            ("evmesh-worker --coordinator c:1 --threads 0", "worker.threads"),
        ] {
            let failure = args(line).settings(Loader::new()).unwrap_err();
            assert_eq!(failure.exit, 2, "{line}");
            assert!(failure.to_string().contains(hint), "{line}: {failure}");
        }
    }
}
