//! Generated workloads are equal to serial revm, however they are cut.

use crate::program::{run, run_json};

const WORKLOADS: [&str; 7] = [
    "workload:transfers?txs=60&blocks=3&accounts=100",
    "workload:erc20?txs=60&blocks=2&accounts=100&dist=zipf",
    "workload:swaps?txs=40&blocks=2&accounts=100&pools=3",
    "workload:chain?txs=30&blocks=2&accounts=100",
    "workload:hybrid?txs=60&blocks=2&accounts=100",
    "workload:compute?txs=4&gas=300000&accounts=100",
    "workload:mint?txs=60&blocks=2&accounts=100",
];

#[test]
fn edge_cases_are_equal_under_the_rules_of_the_fork_that_is_named() {
    let of = |fork: &str| format!("workload:edges?txs=60&accounts=20&fork={fork}");
    let inputs = ["frontier", "byzantium", "berlin", "cancun", "osaka"].map(of);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let ended = run_json(&[&inputs[..], &["--workers", "3", "--slice-gas", "1"]].concat());

    ended.expect_code(0);
    let blocks = ended.of_kind("block");
    let forks: Vec<_> = blocks.iter().map(|block| block["fork"].as_str().unwrap()).collect();
    assert_eq!(forks, ["Frontier", "Byzantium", "Berlin", "Cancun", "Osaka"]);
    for block in blocks {
        for part in ["receipts", "writes", "state_root"] {
            assert_eq!(block["oracle"][part], "equal", "{block}");
        }
        assert!(block["conflicts"].as_u64().unwrap() > 0, "{block}");
    }
}

#[test]
fn every_workload_is_equal_in_every_checkable_field_and_to_the_oracle() {
    let ended = run_json(&[&WORKLOADS[..], &["--workers", "3"]].concat());

    ended.expect_code(0);
    let blocks = ended.of_kind("block");
    assert_eq!(blocks.len(), 14);
    for block in blocks {
        let (oracle, fields) = (&block["oracle"], &block["fields"]);
        for equal in [
            &oracle["receipts"],
            &oracle["writes"],
            &oracle["state_root"],
            &fields["gas_used"],
            &fields["transactions_root"],
            &fields["receipts_root"],
            &fields["logs_bloom"],
            &fields["withdrawals_root"],
            &fields["blob_gas_used"],
            &fields["state_root"],
        ] {
            assert_eq!(equal, "equal", "{block}");
        }
        assert_eq!(fields["requests_hash"], "absent");
        assert_eq!(block["fork"], "Cancun");
    }
}

#[test]
fn a_block_is_split_over_all_workers_or_left_whole_as_asked() {
    let input = "workload:erc20?txs=80&accounts=200";
    let split = run_json(&[input, "--workers", "3"]);
    let whole = run_json(&[input, "--workers", "3", "--plan", "whole"]);
    let single = run_json(&[input, "--workers", "2", "--slice-gas", "1"]);

    let split = &split.expect_code(0).of_kind("block")[0]["plan"];
    assert_eq!(
        (split["kind"].as_str(), split["workers_used"].as_u64()),
        (Some("optimistic"), Some(3))
    );
    assert!(split["slices"].as_u64().unwrap() >= 3, "{split}");
    let whole = &whole.expect_code(0).of_kind("block")[0]["plan"];
    assert_eq!((whole["kind"].as_str(), whole["slices"].as_u64()), (Some("whole"), Some(1)));
    assert_eq!(whole["workers_used"], 1);
    let single = &single.expect_code(0).of_kind("block")[0]["plan"];
    assert!(single["slices"].as_u64().unwrap() >= 80, "{single}");
}

#[test]
fn the_table_shows_each_block_the_fields_and_a_summary() {
    let input = "workload:transfers?txs=20&blocks=2&accounts=100";
    let ended = run(&["run", input, "--workers", "2", "--state-delay", "200us"]);

    ended.expect_code(0);
    for column in
        ["block", "transactions", "gas", "slices", "conflicts", "Mgas/s", "against serial"]
    {
        assert!(ended.stdout.contains(column), "{column} is not in\n{}", ended.stdout);
    }
    assert!(ended.stdout.contains("state_root"));
    assert!(ended.stdout.contains("state 200 µs away; really paid: cluster "), "{}", ended.stdout);
    let last = ended.stdout.lines().last().unwrap();
    assert!(last.starts_with("2 of 2 blocks equal · 40 transactions"), "{last}");
}

#[test]
fn a_state_that_is_far_away_is_paid_for_by_both_sides() {
    let input = "workload:erc20?txs=20&accounts=100";
    let ended = run_json(&[input, "--workers", "2", "--state-delay", "1ms"]);

    let block = &ended.expect_code(0).of_kind("block")[0];
    // 20 senders, 20 or fewer recipients, their slots: serial reads one after the other.
    assert!(block["serial_us"].as_u64().unwrap() > 40_000, "{block}");
    assert!(block["wall_us"].as_u64().unwrap() > 1_000, "{block}");
    assert_eq!(ended.of_kind("run")[0]["state_delay_us"], 1_000);
}
