//! What the program is told.

use crate::{config::CoordinatorConfig, grpc::AttachConfig};
use cluster::{
    grpc::GrpcConfig, http::HttpConfig, members::MembersConfig, process::Failure,
    shutdown::ShutdownConfig, telemetry::TelemetryConfig,
};
use serde::Deserialize;

/// Settings of the program, a table each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How blocks are executed.
    pub coordinator: CoordinatorConfig,
    /// How workers are listened to.
    pub attach: AttachConfig,
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
    /// Refuses settings that leave open what has to be known.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.members.etcd.is_empty() && self.members.state.is_empty() {
            let what = "neither etcd nor addresses of state shards are given";
            let try_next = "--etcd URL,URL, or --state URL,URL";
            return Err(Failure::settings(what, "members.etcd and members.state", try_next));
        }
        Ok(())
    }
}
