//! What a pod may do, what it is granted, and how it is asked whether it lives.

use serde_json::{Value, json};

use super::{Workload, text};

pub(super) fn broken(workload: Workload<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    rights(workload, &mut broken);
    for container in workload.containers() {
        let mut found = Vec::new();
        container_rights(container, &mut found);
        resources(container, &mut found);
        image(container, &mut found);
        if workload.stays() {
            probes(container, &mut found);
        }
        let name = text(&container["name"]);
        broken.extend(found.iter().map(|what| format!("container {name}: {what}")));
    }
    if workload.stays() && workload.is_ours() && workload.name != "coordinator" {
        // Of the coordinator there is one.
        require(
            &workload.pod["topologySpreadConstraints"],
            "topologySpreadConstraints",
            &mut broken,
        );
    }
    broken.iter().map(|what| workload.says(what)).collect()
}

fn require(value: &Value, name: &str, broken: &mut Vec<String>) {
    if value.is_null() {
        broken.push(format!("no {name}"));
    }
}

fn equal(value: &Value, wanted: &Value, name: &str, broken: &mut Vec<String>) {
    if value != wanted {
        broken.push(format!("{name} is {value}, not {wanted}"));
    }
}

fn rights(workload: Workload<'_>, broken: &mut Vec<String>) {
    let pod = workload.pod;
    let security = &pod["securityContext"];
    for name in ["automountServiceAccountToken", "enableServiceLinks"] {
        equal(&pod[name], &json!(false), name, broken);
    }
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        equal(&pod[name], &Value::Null, name, broken);
    }
    equal(&security["runAsNonRoot"], &json!(true), "runAsNonRoot", broken);
    if security["runAsUser"].as_u64().is_none_or(|user| user == 0) {
        broken.push(format!("runAsUser is {}", security["runAsUser"]));
    }
    equal(
        &security["seccompProfile"],
        &json!({"type": "RuntimeDefault"}),
        "seccompProfile",
        broken,
    );
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        if !volume["hostPath"].is_null() {
            broken.push(format!("hostPath {}", volume["hostPath"]["path"]));
        }
    }
}

fn container_rights(container: &Value, broken: &mut Vec<String>) {
    let security = &container["securityContext"];
    let capabilities = &security["capabilities"];
    equal(&security["allowPrivilegeEscalation"], &json!(false), "allowPrivilegeEscalation", broken);
    equal(&security["readOnlyRootFilesystem"], &json!(true), "readOnlyRootFilesystem", broken);
    equal(&security["privileged"], &Value::Null, "privileged", broken);
    equal(capabilities, &json!({"drop": ["ALL"]}), "capabilities", broken);
    for name in ["runAsUser", "runAsNonRoot", "seccompProfile"] {
        equal(&security[name], &Value::Null, &format!("the container's own {name}"), broken);
    }
}

fn resources(container: &Value, broken: &mut Vec<String>) {
    for list in ["limits", "requests"] {
        for name in ["cpu", "memory"] {
            require(&container["resources"][list][name], &format!("{list}.{name}"), broken);
        }
    }
}

fn image(container: &Value, broken: &mut Vec<String>) {
    let image = text(&container["image"]);
    // A colon before the last slash belongs to a registry's port.
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once(':') {
        Some((_, tag)) if !tag.is_empty() && tag != "latest" => {}
        _ => broken.push(format!("image {image:?} has no tag that stays")),
    }
}

/// Each by HTTP at a port that the container names. Whether it lives is not asked as whether it is
/// ready: who waits for others is not to be killed for it.
fn probes(container: &Value, broken: &mut Vec<String>) {
    let has_port = |port: &Value| {
        container["ports"]
            .as_array()
            .is_some_and(|ports| ports.iter().any(|own| own["name"] == *port))
    };
    for name in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let get = &container[name]["httpGet"];
        if get.is_null() || !has_port(&get["port"]) {
            broken.push(format!("no {name} at a port of its own"));
        }
    }
    let path = |probe: &str| text(&container[probe]["httpGet"]["path"]);
    if path("livenessProbe") == "/readyz" || path("startupProbe") == "/readyz" {
        broken.push("livenessProbe or startupProbe asks /readyz".to_owned());
    }
}
