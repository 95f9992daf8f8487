//! Which crate may depend on which: arrows point one way, and `cargo metadata` says where they point.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

use crate::workspace;

/// Each crate of the workspace with the crates of the workspace that it may depend on, in any way.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("engine", &[]),
    ("cluster", &[]),
    ("inputs", &["engine"]),
    ("proto", &["engine"]),
    ("coordinator", &["cluster", "engine", "proto"]),
    ("worker", &["cluster", "engine", "proto"]),
    ("state-service", &["cluster", "engine", "proto"]),
    ("evmesh", CLI),
    ("tests", ALL),
    ("bench", ALL),
];
const CLI: &[&str] =
    &["cluster", "coordinator", "engine", "inputs", "proto", "state-service", "worker"];
const ALL: &[&str] =
    &["cluster", "coordinator", "engine", "evmesh", "inputs", "proto", "state-service", "worker"];

/// What would bring input, output, a clock or chance into the engine.
const NOT_IN_ENGINE: [&str; 9] = [
    "actix",
    "crossbeam-channel",
    "etcd-client",
    "futures",
    "rand",
    "reqwest",
    "tokio",
    "tonic",
    "tracing",
];

/// A dependency of the first crate on the second.
type Edge = (String, String);

/// Names the edges that [`ALLOWED`] has no arrow for, and the crates it does not know.
fn violations(edges: &[Edge]) -> Vec<String> {
    let mut violations = Vec::new();
    for (from, to) in edges {
        match ALLOWED.iter().find(|(name, _)| name == from) {
            None => violations.push(format!("{from} is not in the table of crates")),
            Some((_, allowed)) if !allowed.contains(&to.as_str()) => {
                violations.push(format!("{from} must not depend on {to}"));
            }
            Some(_) => {}
        }
    }
    violations
}

/// The dependencies of the workspace's crates on each other, for building, running and testing.
fn edges_between_members(metadata: &Metadata) -> Vec<Edge> {
    let members = metadata.workspace_packages();
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut edges = Vec::new();
    for member in &members {
        for dependency in &member.dependencies {
            if names.contains(dependency.name.as_str()) {
                edges.push((member.name.to_string(), dependency.name.clone()));
            }
        }
    }
    edges
}

fn edge(from: &str, to: &str) -> Edge {
    (from.to_owned(), to.to_owned())
}

#[test]
fn arrows_between_crates_point_one_way() {
    let edges = edges_between_members(&workspace::metadata());

    for expected in [edge("worker", "engine"), edge("inputs", "engine"), edge("evmesh", "worker")] {
        assert!(edges.contains(&expected), "{expected:?} was not found: {edges:?}");
    }
    assert_eq!(violations(&edges), Vec::<String>::new());
}

#[test]
fn every_crate_of_the_workspace_is_in_the_table() {
    let metadata = workspace::metadata();
    let mut members: Vec<_> =
        metadata.workspace_packages().iter().map(|member| member.name.to_string()).collect();
    let mut known: Vec<_> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    members.sort();
    known.sort();

    assert_eq!(members, known);
}

#[test]
fn a_forbidden_arrow_is_named() {
    for (from, to) in [
        ("engine", "proto"),
        ("engine", "cluster"),
        ("inputs", "proto"),
        ("cluster", "engine"),
        ("proto", "cluster"),
        ("coordinator", "inputs"),
        ("worker", "inputs"),
        ("coordinator", "worker"),
        ("state-service", "worker"),
        ("evmesh", "bench"),
        ("tests", "bench"),
    ] {
        let edges = [edge("worker", "engine"), edge(from, to), edge("evmesh", "inputs")];
        assert_eq!(violations(&edges), [format!("{from} must not depend on {to}")]);
    }
    let unknown = [edge("gateway", "engine")];
    assert_eq!(violations(&unknown), ["gateway is not in the table of crates"]);
}

#[test]
fn the_engine_depends_on_nothing_that_waits_or_varies() {
    let metadata = workspace::metadata();
    let members = metadata.workspace_packages();
    let engine = members.iter().find(|member| member.name.as_str() == "engine").unwrap();
    let mut seen = BTreeSet::new();
    for dependency in &engine.dependencies {
        if dependency.kind == DependencyKind::Normal {
            let name = dependency.name.as_str();
            assert!(!NOT_IN_ENGINE.contains(&name), "engine must not depend on {name}");
            seen.insert(name);
        }
    }
    assert!(seen.contains("revm"), "the engine's dependencies were not found: {seen:?}");
}
