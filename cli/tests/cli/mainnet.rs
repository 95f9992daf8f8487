//! Real mainnet blocks on the whole cluster.

use crate::program::run_json;
use ::inputs::testdata;

#[test]
fn real_mainnet_blocks_are_equal_in_every_checkable_field_and_to_the_oracle() {
    let name = "real_mainnet_blocks_are_equal_in_every_checkable_field_and_to_the_oracle";
    let Some(folder) = testdata::folder(name) else { return };
    let path = folder.join("mainnet_prestate");
    let path = path.to_str().unwrap();

    for (workers, slices) in [("5", &[][..]), ("2", &["--slice-gas", "1"])] {
        let ended = run_json(&[&[path, "--workers", workers], slices].concat());

        let summary = ended.expect_code(0).summary();
        assert_eq!((summary["blocks"].as_u64(), summary["equal"].as_u64()), (Some(34), Some(34)));
        let equal = |field: &str| summary["fields"][field]["equal"].as_u64().unwrap();
        assert_eq!((equal("gas_used"), equal("logs_bloom"), equal("receipts_root")), (34, 34, 27));
        assert_eq!(equal("transactions_root"), 34);
        assert_eq!(summary["fields"]["state_root"]["not_checkable"], 34);
        for block in ended.of_kind("block") {
            expect_split(&block, workers.parse().unwrap());
            assert_eq!(block["oracle"]["receipts"], "equal");
            assert_eq!(block["oracle"]["writes"], "equal");
            assert!(block["messages"]["total"].as_u64() <= block["messages"]["bound"].as_u64());
        }
    }
}

/// A block of 50 transactions or more is cut for all workers.
fn expect_split(block: &serde_json::Value, workers: u64) {
    if block["transactions"].as_u64().unwrap() < 50 {
        return;
    }
    let plan = &block["plan"];
    let slices = plan["slices"].as_u64().unwrap();
    assert!(slices >= workers, "{plan}");
    assert_eq!(plan["workers_used"].as_u64().unwrap(), workers.min(slices), "{plan}");
}
