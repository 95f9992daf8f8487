//! Field by field: equal, different, not checkable, absent.

use super::block;
use crate::{
    block::Ommers,
    header::{BlockResults, Field, FieldComparison, FieldStatus, compare},
};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::{B256, Bloom};

/// Makes one field wrong.
type Change = fn(&mut Header, B256);

fn results() -> BlockResults {
    BlockResults {
        gas_used: 0,
        transactions_root: B256::ZERO,
        receipts_root: Some(B256::ZERO),
        logs_bloom: Bloom::ZERO,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        withdrawals_root: Some(B256::ZERO),
        requests_hash: Some(B256::ZERO),
        blob_gas_used: Some(0),
        state_root: Some(B256::ZERO),
    }
}

/// The header that [`results`] is equal to.
fn header() -> Header {
    let mut header = block().header;
    header.state_root = B256::ZERO;
    header.transactions_root = B256::ZERO;
    header.receipts_root = B256::ZERO;
    header
}

fn status(of: &[FieldComparison], field: Field) -> FieldStatus {
    of.iter().find(|one| one.field == field).unwrap().status
}

fn different(header: &Header) -> Vec<Field> {
    let fields = compare(&results(), header, Ommers::Known);
    let different = fields.iter().filter(|field| field.status == FieldStatus::Different);
    different.map(|field| field.field).collect()
}

#[test]
fn every_field_is_compared_and_only_the_wrong_one_differs() {
    assert_eq!(different(&header()), []);
    let other = B256::repeat_byte(1);
    let wrong: [(Field, Change); 9] = [
        (Field::GasUsed, |header, _| header.gas_used = 1),
        (Field::TransactionsRoot, |header, other| header.transactions_root = other),
        (Field::ReceiptsRoot, |header, other| header.receipts_root = other),
        (Field::LogsBloom, |header, _| header.logs_bloom = Bloom::repeat_byte(1)),
        (Field::OmmersHash, |header, other| header.ommers_hash = other),
        (Field::WithdrawalsRoot, |header, other| header.withdrawals_root = Some(other)),
        (Field::RequestsHash, |header, other| header.requests_hash = Some(other)),
        (Field::BlobGasUsed, |header, _| header.blob_gas_used = Some(1)),
        (Field::StateRoot, |header, other| header.state_root = other),
    ];
    for (field, change) in wrong {
        let mut header = header();
        change(&mut header, other);
        assert_eq!(different(&header), [field]);
    }
}

#[test]
fn a_field_that_one_side_lacks_is_different_and_one_that_both_lack_is_absent() {
    let lacks = Header { withdrawals_root: None, requests_hash: None, ..header() };
    assert_eq!(different(&lacks), [Field::WithdrawalsRoot, Field::RequestsHash]);
    let results = BlockResults { withdrawals_root: None, requests_hash: None, ..results() };
    let fields = compare(&results, &lacks, Ommers::Known);
    assert_eq!(status(&fields, Field::WithdrawalsRoot), FieldStatus::Absent);
    assert_eq!(status(&fields, Field::RequestsHash), FieldStatus::Absent);
    assert_eq!(status(&fields, Field::BlockAccessListHash), FieldStatus::Absent);
}

#[test]
fn what_execution_cannot_know_is_not_checkable() {
    let results = BlockResults { receipts_root: None, state_root: None, ..results() };
    let wrong = Header { ommers_hash: B256::ZERO, ..header() };
    let fields = compare(&results, &wrong, Ommers::Withheld);
    for field in [Field::ReceiptsRoot, Field::StateRoot, Field::OmmersHash] {
        assert_eq!(status(&fields, field), FieldStatus::NotCheckable, "{field}");
    }
    let commits = Header { block_access_list_hash: Some(B256::ZERO), ..header() };
    let fields = compare(&results, &commits, Ommers::Known);
    assert_eq!(status(&fields, Field::BlockAccessListHash), FieldStatus::NotCheckable);
}

#[test]
fn both_sides_are_given_as_text() {
    let header = Header { gas_used: 21_000, ..header() };
    let fields = compare(&results(), &header, Ommers::Known);
    let gas = fields.iter().find(|field| field.field == Field::GasUsed).unwrap();
    assert_eq!((gas.computed.as_deref(), gas.header.as_deref()), (Some("0"), Some("21000")));
    assert_eq!(fields.len(), 10);
}
