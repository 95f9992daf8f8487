//! Workloads written as chains, and executed from there.

use crate::program::{run, run_json};
use std::fs;

#[test]
fn a_generated_chain_runs_equal_from_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("chain");
    let out = out.to_str().unwrap();
    let workload = "workload:transfers?txs=20&blocks=3&accounts=100";

    let ended = run(&["generate", workload, "--out", out]);

    ended.expect_code(0);
    assert!(ended.stdout.contains("3 blocks"), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("geth import {out}/chain.rlp")), "{}", ended.stdout);
    let from_files = run_json(&[out]);
    from_files.expect_code(0);
    let hashes = |ended: &crate::program::Ended| {
        let blocks = ended.of_kind("block");
        blocks.iter().map(|block| block["hash"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hashes(&from_files), hashes(&run_json(&[workload])));
    assert_eq!(from_files.summary()["equal"], 3);

    let again = run(&["generate", workload, "--out", out]);
    again.expect_code(2);
    assert!(again.error()[2].contains("--force"), "{}", again.stderr);
    run(&["generate", workload, "--out", out, "--force", "--gzip"]).expect_code(0);
    assert!(fs::exists(format!("{out}/chain.rlp.gz")).unwrap());
    assert!(!fs::exists(format!("{out}/chain.rlp")).unwrap());
}

#[test]
fn what_cannot_be_written_ends_in_4_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let out = file.join("chain");

    let ended =
        run(&["generate", "workload:transfers?txs=5&accounts=100", "--out", out.to_str().unwrap()]);

    ended.expect_code(4);
    assert!(ended.error()[1].contains(out.to_str().unwrap()), "{}", ended.stderr);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}
