//! Faults show that the checks can fail, and that the cluster survives what it has to.

use crate::program::run_json;

const INPUT: &str = "workload:erc20?txs=60&accounts=100";

#[test]
fn a_wrong_outcome_ends_in_1_and_names_transaction_and_field() {
    let ended = run_json(&[INPUT, "--fault", "wrong-outcome"]);

    ended.expect_code(1);
    let difference = &ended.of_kind("block")[0]["first_difference"];
    assert_eq!(difference["transaction"], 1);
    assert_eq!(difference["field"], "receipt.gas_used");
    assert_eq!(difference["against"], "oracle");
    let number = |key: &str| difference[key].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(number("cluster"), number("expected") + 1);
    let [what, at, _] = ended.error();
    assert!(what.starts_with("receipt.gas_used is "), "{what}");
    assert!(at.ends_with("block 1, transaction 1"), "{at}");
}

#[test]
fn a_wrong_outcome_differs_from_the_header_without_the_oracle_too() {
    let ended = run_json(&[INPUT, "--fault", "wrong-outcome", "--no-oracle"]);

    let block = &ended.expect_code(1).of_kind("block")[0];
    assert_eq!(block["first_difference"]["against"], "header");
    assert_eq!(block["first_difference"]["field"], "gas_used");
}

#[test]
fn a_lying_worker_is_quarantined_and_the_block_is_equal() {
    let ended = run_json(&[INPUT, "--fault", "lying-worker"]);

    let block = &ended.expect_code(0).of_kind("block")[0];
    assert_eq!(block["status"], "equal");
    assert_eq!(block["quarantined"].as_array().unwrap().len(), 1, "{block}");
    assert!(!ended.stderr.contains("did not happen"), "{}", ended.stderr);
}

#[test]
fn a_lost_worker_costs_attempts_and_the_block_is_equal() {
    let ended = run_json(&[INPUT, "--fault", "worker-lost"]);

    let block = &ended.expect_code(0).of_kind("block")[0];
    assert_eq!(block["status"], "equal");
    assert!(block["attempts_lost"].as_u64().unwrap() > 0, "{block}");
}

#[test]
fn a_cluster_that_lost_its_only_worker_cannot_finish() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("evmesh.toml");
    std::fs::write(&config, "[coordinator.deadlines]\njob = \"500ms\"\n").unwrap();
    let args = ["--fault", "worker-lost", "--workers", "1", "--config", config.to_str().unwrap()];

    let ended =
        run_json(&[&["workload:transfers?txs=9&blocks=2&accounts=100"], &args[..]].concat());

    ended.expect_code(4);
    let blocks = ended.of_kind("block");
    assert_eq!([&blocks[0]["status"], &blocks[1]["status"]], ["failed", "failed"]);
    assert_eq!(blocks[1]["error"]["code"], "not_run");
    assert_eq!(ended.summary()["failed"], 2);
    assert!(ended.error()[0].starts_with("failed: "), "{}", ended.stderr);
}
