//! The rules of the house for manifests, over parsed documents: each function answers with what is
//! broken, one line each, so that one look shows all of it.

mod ending;
mod pods;
mod programs;
mod wiring;

use serde_json::Value;

pub(crate) use self::programs::unknown;
use super::flags::Flags;

/// Something that has pods: a Deployment, a `StatefulSet`, a Job.
#[derive(Clone, Copy)]
struct Workload<'a> {
    kind: &'a str,
    name: &'a str,
    document: &'a Value,
    template: &'a Value,
    pod: &'a Value,
}

impl<'a> Workload<'a> {
    fn of(document: &'a Value) -> Option<Self> {
        let template = document.pointer("/spec/template")?;
        Some(Self {
            kind: text(&document["kind"]),
            name: text(&document["metadata"]["name"]),
            document,
            template,
            pod: &template["spec"],
        })
    }

    fn containers(self) -> impl Iterator<Item = &'a Value> {
        let each = |list: &'static str| self.pod[list].as_array().into_iter().flatten();
        each("initContainers").chain(each("containers"))
    }

    /// Whether it is to stay; a Job is to end.
    fn stays(self) -> bool {
        self.kind != "Job"
    }

    /// Whether its program is one of ours.
    fn is_ours(self) -> bool {
        self.template["metadata"]["labels"]["app.kubernetes.io/name"] == "evmesh"
    }

    /// A line about it.
    fn says(self, what: &str) -> String {
        format!("{} {}: {what}", self.kind, self.name)
    }
}

/// All that the documents break.
pub(crate) fn broken(documents: &[Value], flags: &Flags) -> Vec<String> {
    let workloads: Vec<_> = documents.iter().filter_map(Workload::of).collect();
    let mut broken = Vec::new();
    for &workload in &workloads {
        broken.extend(pods::broken(workload));
        broken.extend(programs::broken(workload, documents, flags));
        broken.extend(ending::too_short(workload, documents));
    }
    broken.extend(ending::out_of_order(&workloads, documents));
    broken.extend(wiring::broken(documents, &workloads));
    broken
}

/// The text of a value, or nothing.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The strings of a list.
pub(crate) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
