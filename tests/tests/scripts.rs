//! The scripts behind `make`, as far as something depends on what they print.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::workspace;

fn add_up(logs: &[&str]) -> Output {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(workspace::root().join("scripts/add-up-tests.sh"));
    for (n, log) in logs.iter().enumerate() {
        let path = dir.path().join(n.to_string());
        std::fs::write(&path, log).unwrap();
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
