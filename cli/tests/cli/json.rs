//! `--json`: every line has every key, in success and in failure, and nothing else is printed.

use crate::{
    contract::{BLOCK, ERROR, RUN, SUMMARY, Type},
    program::{Ended, run, run_json},
};

fn expect(lines: &[serde_json::Value], of: Type) {
    for line in lines {
        assert_eq!(of.violations(line), [""; 0], "{line}");
    }
}

/// Checks the form of a whole run: one `run`, a `block` each, one `summary`.
fn expect_run(ended: &Ended, n_blocks: usize) {
    let kinds: Vec<_> = ended.lines().iter().map(|line| line["kind"].to_string()).collect();
    let mut wanted = vec!["\"block\"".to_owned(); n_blocks];
    wanted.insert(0, "\"run\"".to_owned());
    wanted.push("\"summary\"".to_owned());
    assert_eq!(kinds, wanted);
    expect(&ended.of_kind("run"), RUN);
    expect(&ended.of_kind("block"), BLOCK);
    expect(&ended.of_kind("summary"), SUMMARY);
}

#[test]
fn every_line_of_a_run_has_every_key_of_the_contract() {
    let input = "workload:erc20?txs=30&blocks=2&accounts=100";
    let ended = run_json(&[input, "--workers", "2", "--slice-gas", "90000", "--seed", "3"]);

    expect_run(ended.expect_code(0), 2);
    let line = &ended.of_kind("run")[0];
    assert_eq!((line["workers"].as_u64(), line["threads"].as_u64()), (Some(2), Some(1)));
    assert_eq!((line["slice_gas"].as_u64(), line["seed"].as_u64()), (Some(90_000), Some(3)));
    assert_eq!(line["inputs"][0], input);
    for block in ended.of_kind("block") {
        assert!(block["wall_us"].as_u64().unwrap() > 0);
        assert!(
            block["serial_us"].as_u64().unwrap() >= block["serial_execute_us"].as_u64().unwrap()
        );
        assert!(block["speedup"].as_f64().unwrap() > 0.0);
        let messages = &block["messages"];
        assert!(messages["total"].as_u64().unwrap() > 0);
        assert!(messages["total"].as_u64() <= messages["bound"].as_u64(), "{messages}");
    }
    let summary = ended.summary();
    assert_eq!((summary["equal"].as_u64(), summary["exit_code"].as_u64()), (Some(2), Some(0)));
    assert!(summary["cpu_us"]["workers"].as_u64().unwrap() > 0);
    assert!(summary["cpu_us"]["serial"].as_u64().unwrap() > 0);
}

#[test]
fn a_run_that_differs_has_every_key_too() {
    let ended = run_json(&["workload:transfers?txs=9&accounts=100", "--fault", "wrong-outcome"]);

    expect_run(ended.expect_code(1), 1);
    assert_eq!(ended.summary()["exit_code"], 1);
    assert_eq!(ended.summary()["different"], 1);
}

#[test]
fn without_the_oracle_serial_figures_are_null_and_headers_are_still_compared() {
    let ended = run_json(&["workload:transfers?txs=9&accounts=100", "--no-oracle"]);

    expect_run(ended.expect_code(0), 1);
    let block = &ended.of_kind("block")[0];
    assert!(block["serial_us"].is_null() && block["speedup"].is_null());
    assert_eq!(block["oracle"]["compared"], false);
    assert_eq!(block["fields"]["state_root"], "equal");
    assert!(ended.summary()["serial_us"].is_null());
}

#[test]
fn an_error_is_the_last_line_and_three_lines_for_people() {
    for (args, code) in [
        (&["no/such/folder"][..], "unreadable_input"),
        (&["workload:nothing"], "unreadable_input"),
        (&["workload:transfers?txs=9&accounts=100", "--workers", "many"], "usage"),
        (&["workload:transfers?txs=9&accounts=100", "--otlp", "no url"], "usage"),
    ] {
        let ended = run_json(args);

        ended.expect_code(2);
        let lines = ended.lines();
        assert_eq!(lines.len(), 1, "{}", ended.stdout);
        expect(&lines, ERROR);
        assert_eq!(lines[0]["code"], code);
        let [what, at, try_next] = ended.error();
        assert_eq!(
            [&lines[0]["message"], &lines[0]["at"], &lines[0]["try"]],
            [&what, &at, &try_next]
        );
    }
}

#[test]
fn without_json_an_error_leaves_standard_output_empty() {
    let ended = run(&["run", "no/such/folder"]);

    ended.expect_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.error()[1].contains("no/such/folder"));
}
