//! The Kubernetes manifests: rendered by the real kubectl, validated against Kubernetes' schemas, and
//! held to the rules of the house, which are all in [`house`].

mod compose;
mod flags;
mod house;
mod kind;
mod rendered;

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::flags::Flags;
use self::rendered::{Rendered, overlays};
use crate::workspace;

/// The program that validates: the one of `scripts/setup.sh`, or one on the PATH.
fn validator() -> PathBuf {
    let target = PathBuf::from(option_env!("CARGO_TARGET_DIR").unwrap_or("target"));
    let ours = "tools/kubernetes-validate/bin/kubernetes-validate";
    let in_target = workspace::root().join(target).join(ours);
    if in_target.exists() { in_target } else { PathBuf::from("kubernetes-validate") }
}

/// What Kubernetes' schemas have against the manifests of this text, strictly: unknown fields too.
fn refused_by_schema(text: &str) -> Option<String> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("rendered.yaml");
    std::fs::write(&path, text).unwrap();
    let output = Command::new(validator())
        .args(["--strict", "--quiet"])
        .arg(&path)
        .output()
        .expect("kubernetes-validate runs: scripts/setup.sh develop installs it");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// The whole cluster of kind, which every rule of the house applies to.
fn cluster() -> Rendered {
    static CLUSTER: LazyLock<Rendered> = LazyLock::new(|| Rendered::of("k8s/overlays/kind"));
    CLUSTER.clone()
}

/// The broken rules when one value of the cluster of kind is another: none for `null`, one more in a
/// list for a pointer that ends in `/-`.
fn broken_by(pointer: &str, value: Value, of: (&str, &str)) -> Vec<String> {
    let (kind, name) = of;
    let mut rendered = cluster();
    let document = rendered
        .documents
        .iter_mut()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent) {
        Some(Value::Object(fields)) if value.is_null() => {
            fields.remove(&key.replace("~1", "/")).unwrap_or_else(|| panic!("no {pointer}"));
        }
        Some(Value::Object(fields)) => {
            fields.insert(key.replace("~1", "/"), value);
        }
        Some(Value::Array(items)) if key == "-" => items.push(value),
        other => panic!("{pointer} is within {other:?}"),
    }
    house::broken(&rendered.documents, &Flags::documented())
}

#[test]
fn every_overlay_renders_and_is_what_kubernetes_knows() {
    let overlays = overlays();
    assert_eq!(overlays.len(), 3, "base, kind and its run: {overlays:?}");

    for overlay in overlays {
        let rendered = Rendered::of(&overlay);

        assert!(!rendered.documents.is_empty(), "{overlay} renders to nothing");
        assert_eq!(refused_by_schema(&rendered.text), None, "{overlay}");
    }
}

#[test]
fn a_field_that_kubernetes_does_not_know_and_a_value_of_the_wrong_type_are_refused() {
    let text = cluster().text;
    let misspelled = text.replacen("readinessProbe:", "readynessProbe:", 1);
    let mistyped = text.replacen("replicas: 2", "replicas: two", 1);

    for broken in [misspelled, mistyped] {
        assert_ne!(broken, text);
        assert!(refused_by_schema(&broken).is_some());
    }
}

#[test]
fn every_overlay_keeps_the_rules_of_the_house() {
    let flags = Flags::documented();

    for overlay in overlays() {
        let broken = house::broken(&Rendered::of(&overlay).documents, &flags);

        assert!(broken.is_empty(), "{overlay}:\n{}", broken.join("\n"));
    }
}

const WORKER: (&str, &str) = ("Deployment", "worker");

#[test]
fn a_broken_rule_of_a_pod_is_named() {
    let cases = [
        ("enableServiceLinks", Value::Null, "enableServiceLinks"),
        ("automountServiceAccountToken", Value::Null, "automountServiceAccountToken"),
        ("hostNetwork", json!(true), "hostNetwork"),
        ("securityContext/runAsUser", json!(0), "runAsUser"),
        ("securityContext/runAsNonRoot", Value::Null, "runAsNonRoot"),
        ("securityContext/seccompProfile", Value::Null, "seccompProfile"),
        ("topologySpreadConstraints", Value::Null, "topologySpreadConstraints"),
        ("terminationGracePeriodSeconds", json!(26), "terminationGracePeriodSeconds"),
        ("volumes", json!([{"name": "host", "hostPath": {"path": "/"}}]), "hostPath"),
    ];

    for (field, value, rule) in cases {
        let broken = broken_by(&format!("/spec/template/spec/{field}"), value, WORKER);

        assert_eq!(broken.len(), 1, "{field}: {broken:?}");
        assert!(broken[0].contains(rule), "{field}: {broken:?}");
    }
}

#[test]
fn a_broken_rule_of_a_container_is_named() {
    let cases = [
        ("startupProbe", Value::Null, "startupProbe"),
        ("livenessProbe/httpGet/port", json!("htpt"), "livenessProbe"),
        ("livenessProbe/httpGet/path", json!("/readyz"), "livenessProbe"),
        ("readinessProbe", Value::Null, "readinessProbe"),
        ("resources/limits/memory", Value::Null, "limits.memory"),
        ("resources/requests/cpu", Value::Null, "requests.cpu"),
        ("securityContext/readOnlyRootFilesystem", json!(false), "readOnlyRootFilesystem"),
        ("securityContext/allowPrivilegeEscalation", Value::Null, "allowPrivilegeEscalation"),
        ("securityContext/privileged", json!(true), "privileged"),
        ("securityContext/capabilities/drop", json!(["NET_RAW"]), "capabilities"),
        ("securityContext/capabilities/add", json!(["NET_ADMIN"]), "capabilities"),
        ("image", json!("evmesh:latest"), "tag"),
        ("image", json!("registry.example:5000/evmesh"), "tag"),
        ("args/-", json!("--treads=1"), "--treads"),
        ("args/-", json!("--state-shards=2"), "--state-shards"),
        ("args/-", json!("--name=$(POD)"), "$(POD)"),
        ("env/-", json!({"name": "EVMESH_LOG", "value": "info"}), "EVMESH_LOG"),
        ("command", json!(["evmesh-wroker"]), "evmesh-wroker"),
        ("lifecycle/preStop/sleep/seconds", json!(11), "before the coordinator"),
    ];

    for (field, value, rule) in cases {
        let broken = broken_by(&format!("/spec/template/spec/containers/0/{field}"), value, WORKER);

        assert!(broken.iter().any(|line| line.contains(rule)), "{field}: {broken:?}");
    }
}

#[test]
fn a_broken_rule_between_documents_is_named() {
    let shards = ("StatefulSet", "state-service");
    let headless = ("Service", "state-service");
    let cases = [
        ("/metadata/labels/app.kubernetes.io~1name", Value::Null, WORKER, "label"),
        ("/spec/selector/matchLabels/app.kubernetes.io~1component", json!("x"), WORKER, "selector"),
        ("/spec/replicas", json!(4), shards, "--state-shards"),
        ("/spec/serviceName", json!("shards"), shards, "headless"),
        ("/spec/clusterIP", Value::Null, headless, "headless"),
        ("/spec/publishNotReadyAddresses", Value::Null, headless, "headless"),
        ("/spec/ports/0/targetPort", json!("gprc"), headless, "gprc"),
        ("/spec/selector/app.kubernetes.io~1component", json!("x"), headless, "selects nothing"),
        ("/metadata/name", json!("other"), ("PodDisruptionBudget", "worker"), "Budget"),
    ];

    for (pointer, value, of, rule) in cases {
        let broken = broken_by(pointer, value, of);

        assert!(broken.iter().any(|line| line.contains(rule)), "{pointer}: {broken:?}");
    }
}
