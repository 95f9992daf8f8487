//! How pods end: with time to drain, and those last whom others need while they drain.

use serde_json::Value;

use super::{Workload, text};

/// After the drain: `shutdown.close_timeout` for connections, `telemetry.shutdown_timeout` for spans.
const AFTER_DRAIN_S: u64 = 1 + 3;

/// A pod is killed at the end of its grace period, so all that it does at its end has to fit.
pub(super) fn too_short(workload: Workload<'_>, documents: &[Value]) -> Option<String> {
    if !workload.stays() {
        return None;
    }
    // Kubernetes' own default.
    let granted = workload.pod["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
    let own = if workload.is_ours() { drain_s(documents) + AFTER_DRAIN_S } else { 1 };
    match pause_s(workload) {
        None => Some(workload.says("no preStop")),
        Some(pause) if granted > pause + own => None,
        Some(pause) => Some(workload.says(&format!(
            "terminationGracePeriodSeconds is {granted}, for a pause of {pause} and {own} of its own"
        ))),
    }
}

/// When all end at once, the coordinator's pause and drain pass before a worker or shard begins to.
pub(super) fn out_of_order(workloads: &[Workload<'_>], documents: &[Value]) -> Vec<String> {
    let is_role = |workload: &&Workload<'_>| workload.stays() && workload.is_ours();
    let Some(coordinator) = workloads.iter().filter(is_role).find(|one| one.name == "coordinator")
    else {
        return Vec::new();
    };
    let coordinator_s = pause_s(*coordinator).unwrap_or_default() + drain_s(documents);
    workloads
        .iter()
        .filter(is_role)
        .filter(|one| one.name != "coordinator")
        .filter(|one| pause_s(**one).is_none_or(|pause| pause < coordinator_s))
        .map(|one| one.says("ends before the coordinator has drained"))
        .collect()
}

fn pause_s(workload: Workload<'_>) -> Option<u64> {
    let pauses = workload.containers().map(|container| {
        container.pointer("/lifecycle/preStop/sleep/seconds").and_then(Value::as_u64)
    });
    pauses.min().flatten()
}

/// What the processes are told of `shutdown.drain_timeout`.
fn drain_s(documents: &[Value]) -> u64 {
    let told = documents
        .iter()
        .find_map(|document| document.pointer("/data/EVMESH_SHUTDOWN__DRAIN_TIMEOUT"))
        .map(text)
        .expect("the settings say how long a process drains");
    told.strip_suffix('s').and_then(|seconds| seconds.parse().ok()).expect("in seconds")
}
