//! What the program is told.

use crate::{config::WorkerConfig, grpc::StreamConfig};
use cluster::{
    grpc::GrpcConfig, http::HttpConfig, members::MembersConfig, process::Failure,
    shutdown::ShutdownConfig, telemetry::TelemetryConfig,
};
use serde::Deserialize;

/// Settings of the program, a table each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How slices are executed.
    pub worker: WorkerConfig,
    /// The stream to the coordinator.
    pub stream: StreamConfig,
    /// gRPC.
    pub grpc: GrpcConfig,
    /// HTTP.
    pub http: HttpConfig,
    /// Who belongs to the cluster.
    pub members: MembersConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
}

impl Settings {
    /// Refuses settings that do not go together, or that leave open what has to be known.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.members.etcd.is_empty() && self.members.coordinator.is_none() {
            let what = "neither etcd nor the address of a coordinator is given";
            let try_next = "--etcd URL,URL, or --coordinator URL";
            return Err(Failure::settings(what, "members.etcd and members.coordinator", try_next));
        }
        self.worker.check().map_err(|error| {
            Failure::settings(error, "the settings below `worker`", "make the queue longer")
        })
    }
}
