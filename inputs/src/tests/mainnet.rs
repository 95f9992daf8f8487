//! Real mainnet blocks, serially executed, held against their headers.

use super::{comparisons, execute};
use crate::testdata;
use engine::header::{Field, FieldStatus};
use std::collections::BTreeMap;

#[test]
fn every_real_block_is_serially_equal_to_its_header() {
    let test = "every_real_block_is_serially_equal_to_its_header";
    let Some(inputs) = testdata::mainnet_blocks(test) else { return };
    assert_eq!(inputs.len(), 34);
    let mut n_equal = BTreeMap::<Field, usize>::new();
    for input in &inputs {
        let block = &input.blocks[0];
        let outcome = execute(input, block, &input.parent.values().to_serial_state());
        for field in comparisons(block, &outcome) {
            assert_ne!(field.status, FieldStatus::Different, "{}: {field:?}", input.name);
            if field.status == FieldStatus::Equal {
                *n_equal.entry(field.field).or_default() += 1;
            }
        }
    }
    let equal = |field| n_equal.get(&field).copied().unwrap_or(0);
    assert_eq!(equal(Field::GasUsed), 34);
    assert_eq!(equal(Field::LogsBloom), 34);
    assert_eq!(equal(Field::TransactionsRoot), 34);
    assert_eq!(equal(Field::ReceiptsRoot), 27);
    assert_eq!(equal(Field::WithdrawalsRoot), 8);
    assert_eq!(equal(Field::BlobGasUsed), 5);
    assert_eq!(equal(Field::OmmersHash), 31, "three blocks have ommers, which JSON-RPC withholds");
    assert_eq!(equal(Field::StateRoot), 0, "values alone have no root");
}
