//! The scripts behind `make`, as far as something depends on what they print.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::workspace;

fn add_up(logs: &[&str]) -> Output {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(workspace::root().join("scripts/add-up-tests.sh"));
    for (n, log) in logs.iter().enumerate() {
        let path = dir.path().join(n.to_string());
        fs::write(&path, log).unwrap();
        command.arg(path);
    }
    command.output().unwrap()
}

#[test]
fn results_of_all_test_programs_are_added_up_and_skipped_tests_are_not_passed_ones() {
    let stdout = "running 3 tests\n\
        test a_block_survives ... ok\n\
        test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
        test result: FAILED. 40 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n";
    let stderr = "   Compiling engine v0.1.0\n\
        skipped: real_blocks_equal_their_headers (EVMESH_DATA is not set)\n\
        test alone ... skipped: observation_test (EVMESH_DATA is not set)\n";

    let output = add_up(&[stdout, stderr]);

    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "41 passed, 2 failed, 3 skipped\n");
}

#[test]
fn no_result_adds_up_to_nothing() {
    let output = add_up(&["error: could not compile `engine`\n"]);

    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0 passed, 0 failed, 0 skipped\n");
}

/// Runs the set-up with shell functions (name, body) in the place of programs of the machine. The
/// machine's own `apt-get` is never among what runs.
fn set_up_with(programs: &[(&str, &str)]) -> Output {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(workspace::root().join("scripts/setup.sh"));
    // What the functions leave behind is a file below `$HERE`.
    command.env("HERE", dir.path());
    for (name, body) in programs.iter().chain([&APT]) {
        // bash imports functions from variables of this form.
        command.env(format!("BASH_FUNC_{name}%%"), format!("() {{ {body}; }}"));
    }
    command.output().unwrap()
}

const NO_COMPILER: (&str, &str) = ("cc", "test -e \"$HERE/installed\"");
const APT: (&str, &str) = ("apt-get", "echo \"apt-get $*\"; touch \"$HERE/installed\"");
const COMPILER: (&str, &str) = ("cc", "true");
const PROTOC: (&str, &str) = ("protoc", "true");
const RUST: (&str, &str) = ("rustc", "echo 'rustc 9.9.9 (test)'");

#[test]
fn set_up_is_silent_when_all_is_there() {
    let output = set_up_with(&[COMPILER, PROTOC, RUST]);

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn set_up_names_what_is_missing_and_the_command_to_those_who_are_not_root() {
    let output = set_up_with(&[NO_COMPILER, PROTOC, RUST, ("id", "echo 1000")]);

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("try: sudo apt-get install"), "{said}");
    assert!(said.contains("gcc libc6-dev"), "{said}");
    assert!(output.stdout.is_empty(), "nothing was installed");
}

#[test]
fn set_up_installs_what_is_missing_as_root() {
    let output = set_up_with(&[NO_COMPILER, PROTOC, RUST, ("id", "echo 0")]);

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("apt-get install"), "{said}");
}

#[test]
fn set_up_refuses_a_rust_that_is_too_old() {
    let output = set_up_with(&[COMPILER, PROTOC, ("rustc", "echo 'rustc 1.63.0 (test)'")]);

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("rustc is 1.63.0, evmesh needs 1."), "{said}");
}
