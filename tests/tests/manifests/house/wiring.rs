//! How documents name each other: labels, selectors, ports, shards.

use serde_json::Value;

use super::{Workload, text, texts};

pub(super) fn broken(documents: &[Value], workloads: &[Workload<'_>]) -> Vec<String> {
    let mut broken = Vec::new();
    for &workload in workloads {
        broken.extend(labels(workload).map(|what| workload.says(&what)));
        if workload.stays() && workload.is_ours() && !has_budget(workload, documents) {
            broken.push(workload.says("no PodDisruptionBudget of its name"));
        }
        if workload.kind == "StatefulSet" {
            broken.extend(headless(workload, documents).map(|what| workload.says(what)));
            broken.extend(shards(workload, workloads));
        }
    }
    let services = documents.iter().filter(|document| document["kind"] == "Service");
    broken.extend(services.flat_map(|service| service_broken(service, workloads)));
    broken
}

/// Whether a selector's labels are all among these.
fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().filter(|wanted| !wanted.is_empty());
    selector.is_some_and(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
}

fn labels(workload: Workload<'_>) -> impl Iterator<Item = String> {
    let own = &workload.document["metadata"]["labels"];
    let of_pods = &workload.template["metadata"]["labels"];
    let wanted = ["name", "component", "part-of"].map(|name| format!("app.kubernetes.io/{name}"));
    let missing = wanted
        .into_iter()
        .filter(|name| own[name].is_null() || own[name] != of_pods[name])
        .map(|name| format!("no label {name}, or another for its pods"));
    let selector = &workload.document["spec"]["selector"]["matchLabels"];
    let astray = workload.stays() && !selects(selector, of_pods);
    missing.chain(astray.then(|| "its selector does not select its own pods".to_owned()))
}

fn has_budget(workload: Workload<'_>, documents: &[Value]) -> bool {
    documents.iter().any(|document| {
        document["kind"] == "PodDisruptionBudget"
            && document["metadata"]["name"] == workload.name
            && selects(
                &document["spec"]["selector"]["matchLabels"],
                &workload.template["metadata"]["labels"],
            )
    })
}

/// Pods of a `StatefulSet` have names only through a headless service, and are configured before they
/// are ready.
fn headless<'a>(workload: Workload<'a>, documents: &'a [Value]) -> Option<&'static str> {
    let service_name = &workload.document["spec"]["serviceName"];
    let is_there = documents.iter().any(|document| {
        document["kind"] == "Service"
            && document["metadata"]["name"] == *service_name
            && document["spec"]["clusterIP"] == "None"
            && document["spec"]["publishNotReadyAddresses"] == true
    });
    (!is_there)
        .then_some("no headless service of its serviceName that names pods before they are ready")
}

/// The coordinator waits for as many shards as there are.
fn shards(workload: Workload<'_>, workloads: &[Workload<'_>]) -> Option<String> {
    let wanted = format!("--state-shards={}", workload.document["spec"]["replicas"]);
    let coordinator = workloads.iter().find(|one| one.is_ours() && one.name == "coordinator")?;
    let is_told = coordinator
        .containers()
        .any(|container| texts(&container["args"]).any(|arg| arg == wanted));
    (!is_told).then(|| coordinator.says(&format!("not told {wanted}")))
}

/// A service leads to pods, and each of its ports to a port that they name.
fn service_broken(service: &Value, workloads: &[Workload<'_>]) -> Vec<String> {
    let name = text(&service["metadata"]["name"]);
    let selector = &service["spec"]["selector"];
    let Some(workload) =
        workloads.iter().find(|one| selects(selector, &one.template["metadata"]["labels"]))
    else {
        return vec![format!("Service {name} selects nothing")];
    };
    let targets = service["spec"]["ports"].as_array().into_iter().flatten();
    targets
        .map(|port| &port["targetPort"])
        .filter(|target| {
            !workload.containers().any(|container| {
                let ports = container["ports"].as_array().into_iter().flatten();
                ports.into_iter().any(|port| port["name"] == **target)
            })
        })
        .map(|target| format!("Service {name}: its pods have no port {target}"))
        .collect()
}
