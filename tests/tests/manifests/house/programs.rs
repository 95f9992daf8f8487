//! What a manifest tells a program: flags and variables that the program knows.

use serde_json::Value;

use super::{Workload, text, texts};
use crate::manifests::flags::Flags;

/// Of our own programs; what others know is theirs to say.
pub(super) fn broken(workload: Workload<'_>, documents: &[Value], flags: &Flags) -> Vec<String> {
    if !workload.is_ours() {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for container in workload.containers() {
        let words: Vec<_> = texts(&container["command"]).chain(texts(&container["args"])).collect();
        let variables = variables(container, documents);
        broken.extend(unknown(&words, &variables, flags));
        broken.extend(words.iter().filter_map(|word| undefined_in(word, &variables)));
    }
    broken.iter().map(|what| workload.says(what)).collect()
}

/// What the program does not know of the words that start it and of its variables.
pub(crate) fn unknown(words: &[&str], variables: &[String], flags: &Flags) -> Vec<String> {
    let process = match words {
        ["evmesh", subcommand, ..] => subcommand,
        ["evmesh-coordinator", ..] => "coordinator",
        ["evmesh-worker", ..] => "worker",
        ["evmesh-state", ..] => "state",
        _ => return vec![format!("{words:?} is no program of the image")],
    };
    let given = words.iter().filter(|word| word.starts_with('-'));
    let given = given.map(|word| word.split('=').next().unwrap_or(word));
    let settings = variables.iter().filter(|name| name.starts_with("EVMESH_"));
    given
        .filter(|flag| !flags.knows(process, flag))
        .chain(settings.map(String::as_str).filter(|name| !flags.knows_variable(process, name)))
        .map(|what| format!("{process} does not know {what}"))
        .collect()
}

/// The names of the container's variables: its own and those of its maps.
fn variables(container: &Value, documents: &[Value]) -> Vec<String> {
    let own = container["env"].as_array().into_iter().flatten();
    let own = own.map(|variable| text(&variable["name"]).to_owned());
    let maps = container["envFrom"].as_array().into_iter().flatten();
    let from_maps = maps.flat_map(|from| {
        let name = &from["configMapRef"]["name"];
        let map = documents.iter().find(|document| {
            document["kind"] == "ConfigMap" && document["metadata"]["name"] == *name
        });
        map.unwrap_or_else(|| panic!("no ConfigMap {name}"))["data"]
            .as_object()
            .into_iter()
            .flatten()
    });
    own.chain(from_maps.map(|(name, _)| name.clone())).collect()
}

/// `$(NAME)` of a variable that is not there reaches the program as it stands.
fn undefined_in(word: &str, variables: &[String]) -> Option<String> {
    word.split("$(").skip(1).find_map(|rest| {
        let name = rest.split(')').next().unwrap_or(rest);
        let is_defined = variables.iter().any(|variable| variable == name);
        (!is_defined).then(|| format!("{word} names $({name}), which is no variable"))
    })
}
