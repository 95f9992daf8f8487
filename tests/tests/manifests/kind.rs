//! What `scripts/kind.sh` refuses, with the real kubectl and configurations of our own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::workspace;

/// The script on a PATH that has what it needs of a shell, kubectl, and neither docker nor kind: so
/// that what it does not refuse ends there.
fn script(arguments: &[&str], context: Option<&str>) -> Output {
    let dir = TempDir::new().unwrap();
    for program in ["awk", "bash", "dirname", "kubectl"] {
        symlink(found(program), dir.path().join(program)).unwrap();
    }
    let configuration = dir.path().join("kubeconfig");
    if let Some(context) = context {
        let named = format!("{{name: {context}, context: {{cluster: c, user: u}}}}");
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: {context}, contexts: [{named}]}}"
        );
        fs::write(&configuration, text).unwrap();
    }
    Command::new(workspace::root().join("scripts/kind.sh"))
        .args(arguments)
        .env("PATH", dir.path())
        .env("KUBECONFIG", configuration)
        .output()
        .unwrap()
}

fn found(program: &str) -> PathBuf {
    let output = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().unwrap();
    assert!(output.status.success(), "{program} is not installed");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// What the script says, as it ends with 2.
fn refusal(arguments: &[&str], context: Option<&str>) -> String {
    let output = script(arguments, context);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty(), "nothing was begun");
    assert!(said.starts_with("error: ") && said.contains("\nat: ") && said.contains("\ntry: "));
    said
}

#[test]
fn the_script_refuses_a_context_that_is_not_of_kind() {
    for arguments in [vec!["up"], vec!["run"], vec!["scale", "8"], vec!["down"]] {
        for context in ["production", "my-kind-of-cluster", "kin"] {
            let said = refusal(&arguments, Some(context));

            assert!(
                said.contains(&format!("context is {context}, which is not one of kind")),
                "{said}"
            );
        }
    }
}

#[test]
fn the_script_goes_on_with_a_context_of_kind_or_none_and_names_what_is_missing() {
    for context in [Some("kind-evmesh"), Some("kind-other"), None] {
        let said = refusal(&["up"], context);

        assert!(said.contains("not installed: docker kind\n"), "{said}");
    }
}

#[test]
fn the_script_refuses_arguments_before_it_begins() {
    let refused = [
        (vec!["scale", "many"], "how many workers: many"),
        (vec!["scale"], "how many workers: nothing given"),
        (vec!["run", "blocks.tar"], "blocks.tar is not a workload"),
        (vec!["run", "workload:transfers\n- --coordinator=x"], "is not a workload"),
        (vec!["job", "workload:x", "'; rm"], "is not a workload"),
        (vec!["sclae", "2"], "what to do: sclae"),
    ];

    for (arguments, words) in refused {
        assert!(refusal(&arguments, None).contains(words));
    }
}

/// The arguments of the Job that the script would apply.
fn arguments_of_job(inputs: &[&str]) -> Value {
    let output = script(&[&["job"], inputs].concat(), None);
    assert!(output.status.success(), "{output:?}");
    let job: Value = serde_saphyr::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(job["kind"], "Job");
    job["spec"]["template"]["spec"]["containers"][0]["args"].clone()
}

#[test]
fn the_job_runs_the_inputs_that_were_asked_for_in_the_place_of_its_own() {
    let to = "--coordinator=http://coordinator:7410";
    let (one, other) = ("workload:swaps?txs=5&blocks=1", "workload:compute?seed=3");

    assert_eq!(arguments_of_job(&[one, other]), json!(["run", to, one, other]));
    let own = arguments_of_job(&[]);
    assert_eq!(own[1], to);
    assert_eq!(
        own.as_array().unwrap().len(),
        3,
        "one workload, because a cluster holds one chain: {own}"
    );
}
