//! Inputs that cannot be read, and runs that are interrupted.

use crate::program::{evmesh, run, run_json};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

#[test]
fn an_unreadable_input_ends_in_2_and_nothing_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("block.json"), "{\"number\": ").unwrap();
    let path = folder.path().to_str().unwrap();

    // The readable one comes first, and is not executed either.
    let ended = run_json(&["workload:transfers?txs=9&accounts=100", path]);

    ended.expect_code(2);
    assert!(ended.of_kind("block").is_empty() && ended.of_kind("run").is_empty());
    let [_, at, try_next] = ended.error();
    assert!(at.contains(path), "{at}");
    assert!(!try_next.is_empty());
}

#[test]
fn an_interruption_ends_in_130() {
    let input = "workload:transfers?txs=50&blocks=400&accounts=100";
    let mut child = evmesh()
        .args(["run", "--json", input])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_block = |line: &String| line.contains("\"kind\":\"block\"");
    assert!(lines.any(|line| is_block(&line.unwrap())), "no block was executed");

    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let last = lines.last().unwrap().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();

    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(last.contains("\"kind\":\"error\"") && last.contains("interrupted"), "{last}");
    assert!(stderr.contains("error: interrupted"), "{stderr}");
}

#[test]
fn a_run_ends_quietly_when_whoever_reads_its_output_goes_away() {
    let input = "workload:transfers?txs=50&blocks=400&accounts=100";
    let mut child = evmesh()
        .args(["run", "--json", input])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    // As `head -1` does.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();

    assert_eq!(child.wait().unwrap().code(), Some(141), "{stderr}");
    // Progress is no complaint.
    assert!(stderr.lines().all(|line| line.starts_with("progress: ")), "{stderr}");
}

#[test]
fn help_and_version_are_no_errors_and_no_command_is_one() {
    for args in [&["--help"][..], &["run", "--help"], &["demo", "--help"], &["--version"]] {
        let ended = run(args);
        ended.expect_code(0);
        assert!(ended.stdout.contains("evmesh") && ended.stderr.is_empty(), "{args:?}");
    }
    let ended = run(&[]);
    ended.expect_code(2);
    assert_eq!(ended.error()[0], "no command was given");
}
