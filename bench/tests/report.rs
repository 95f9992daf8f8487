//! The benchmark as it is run, on its smallest case.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

use serde_json::Value;
use std::{collections::BTreeSet, fs, process::Command};

const ROW_KEYS: [&str; 21] = [
    "id",
    "workload",
    "params",
    "workers",
    "worker_share",
    "state_shards",
    "transport",
    "access_lists",
    "state_delay_us",
    "scope",
    "blocks",
    "passes",
    "transactions",
    "gas",
    "runs",
    "wall_us",
    "mgas_per_s",
    "cpu_us_per_mgas",
    "executions",
    "messages_per_block",
    "bytes_per_block",
];

/// Checks that an object has all these keys.
fn expect_keys(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(key).is_some(), "{key} is missing in {object}");
    }
}

#[test]
fn the_report_has_every_key_of_the_contract_and_a_row_for_each_shape_and_scope() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/report.json");

    let bench = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--quick", "--only", "W4", "--runs", "1", "--out", path.to_str().unwrap()])
        .env_remove("EVMESH_DATA")
        .output()
        .unwrap();

    let said = String::from_utf8(bench.stdout).unwrap();
    assert!(bench.status.success(), "{said} {}", String::from_utf8_lossy(&bench.stderr));
    assert!(said.ends_with(&format!("report: {}\n", path.display())), "{said}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    expect_keys(&report, &["schema", "commit", "date", "machine", "rows", "goals"]);
    assert_eq!(report["schema"], "evmesh.bench/1");
    let machine = ["cpu", "cores", "memory_bytes", "kernel", "cgroup", "load", "steal_fraction"];
    expect_keys(&report["machine"], &machine);
    let rows = report["rows"].as_array().unwrap();
    let ids: BTreeSet<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (12, 12));
    let over_grpc = |row: &&Value| row["transport"] == "grpc";
    assert_eq!(rows.iter().filter(over_grpc).count(), 6);
    for row in rows {
        expect_keys(row, &ROW_KEYS);
        expect_keys(&row["wall_us"], &["min", "median", "max"]);
        expect_keys(&row["cpu_us_per_mgas"], &["coordinator", "workers", "state", "serial"]);
        assert_eq!(row["equal"], true, "{row}");
        assert_eq!(row["transactions"], 100, "{row}");
        assert!(row["wall_us"]["median"].as_u64().unwrap() > 0, "{row}");
        assert!(row["messages_per_block"].as_f64().unwrap() > 0.0, "{row}");
        let bytes = row["bytes_per_block"].as_f64();
        if over_grpc(&row) {
            assert!(bytes.unwrap() > 10_000.0, "{row}");
            for role in ["coordinator", "workers", "state", "serial"] {
                assert!(row["cpu_us_per_mgas"][role].as_f64().unwrap() > 0.0, "{role}: {row}");
            }
        } else {
            assert_eq!(bytes, None, "{row}");
        }
    }
}

#[test]
fn a_case_that_is_not_known_is_refused_with_those_that_are() {
    let bench = Command::new(env!("CARGO_BIN_EXE_bench")).args(["--only", "W99"]).output().unwrap();

    assert_eq!(bench.status.code(), Some(2));
    let said = String::from_utf8(bench.stderr).unwrap();
    assert!(said.contains("try: W1,W2,"), "{said}");
}
