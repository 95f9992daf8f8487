//! Attributes, candidates and names of blocks that are built.

use super::*;
use crate::{
    chain::ChainSpec,
    header::BlockResults,
    lineage::{Ancestor, Lineage},
};
use alloy_consensus::{SignableTransaction, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Signature;

fn transaction(nonce: u64) -> TxEnvelope {
    let signature = Signature::new(U256::from(1), U256::from(2), false);
    TxLegacy { nonce, ..TxLegacy::default() }.into_signed(signature).into()
}

fn bytes(nonce: u64) -> Bytes {
    transaction(nonce).encoded_2718().into()
}

#[test]
fn what_is_no_transaction_is_dropped_by_its_place_and_the_hash_of_its_bytes() {
    let longer: Bytes = [bytes(3).as_ref(), &[0]].concat().into();
    let garbage = Bytes::from_static(b"\x05garbage");
    let given = [bytes(1), garbage.clone(), Bytes::new(), bytes(2), longer.clone()];

    let decoded = decode(&given);

    let nonces: Vec<_> = decoded.transactions.iter().map(|tx| (**tx).clone()).collect();
    assert_eq!(nonces, [transaction(1), transaction(2)]);
    assert_eq!(decoded.offsets, [0, 3]);
    let dropped: Vec<_> = decoded.dropped.iter().map(|it| (it.candidate, it.hash)).collect();
    let expected = [(1, keccak256(garbage)), (2, keccak256([])), (4, keccak256(longer))];
    assert_eq!(dropped, expected);
    assert!(decoded.dropped.iter().all(|it| it.reason.contains("no transaction")), "{decoded:?}");
}

#[test]
fn the_name_of_a_job_changes_with_everything_that_decides_about_the_block() {
    let parent = B256::repeat_byte(1);
    let base = BuildAttributes::default();
    let candidates = [bytes(1), bytes(2)];
    let with = |change: &dyn Fn(&mut BuildAttributes)| {
        let mut changed = base.clone();
        change(&mut changed);
        name_of(parent, &changed, &candidates)
    };
    let names = [
        name_of(parent, &base, &candidates),
        name_of(B256::ZERO, &base, &candidates),
        name_of(parent, &base, &candidates[..1]),
        name_of(parent, &base, &[bytes(2), bytes(1)]),
        with(&|it| it.timestamp = 1),
        with(&|it| it.beneficiary = Address::repeat_byte(1)),
        with(&|it| it.gas_limit = 1),
        with(&|it| it.extra_data = Bytes::from_static(&[1])),
        with(&|it| it.mix_hash = B256::repeat_byte(1)),
        with(&|it| it.nonce = B64::repeat_byte(1)),
        with(&|it| it.ommers = vec![Header::default()]),
        with(&|it| it.withdrawals = Some(Vec::new())),
        with(&|it| it.withdrawals = Some(vec![Withdrawal::default()])),
        with(&|it| it.parent_beacon_block_root = Some(B256::ZERO)),
        with(&|it| it.difficulty = Some(U256::ZERO)),
    ];
    for (place, name) in names.iter().enumerate() {
        assert!(!names[..place].contains(name), "{place}");
    }
    assert_eq!(names[0], with(&|_| {}));
}

#[test]
fn a_block_without_roots_cannot_be_closed() {
    let chain = ChainSpec::mainnet();
    let header = Header { gas_limit: 5_000, difficulty: U256::from(1), ..Header::default() };
    let block = Block {
        hash: B256::ZERO,
        header,
        transactions: Vec::new(),
        ommers: Vec::new(),
        withdrawals: None,
    };
    let attributes = block.attributes();
    let root = Some(B256::repeat_byte(7));
    let closed = |state_root, receipts_root| {
        let blank = BlockResults {
            gas_used: 0,
            transactions_root: B256::ZERO,
            receipts_root,
            logs_bloom: alloy_primitives::Bloom::ZERO,
            ommers_hash: alloy_consensus::EMPTY_OMMER_ROOT_HASH,
            withdrawals_root: None,
            requests_hash: None,
            blob_gas_used: None,
            state_root,
        };
        close(&chain, &attributes, (Vec::new(), Vec::new()), &blank)
    };
    assert_eq!(closed(None, root), Err(CloseError::NoRoots));
    assert_eq!(closed(root, None), Err(CloseError::NoRoots));
    let built = closed(root, root).unwrap();
    let decoded = Block::decode(&built.block_rlp).unwrap();
    assert_eq!((decoded.hash, &decoded.header), (built.hash, &built.header));
    assert_eq!(built.header.state_root, B256::repeat_byte(7));
    assert_eq!(attributes_of(&decoded).gas_limit, 5_000);
}

#[test]
fn a_block_is_opened_on_a_known_parent_with_attributes_that_fit_or_the_field_is_named() {
    let chain = ChainSpec::mainnet();
    let header = Header {
        number: 1,
        timestamp: 100,
        gas_limit: 6_000,
        difficulty: U256::from(200_000),
        ..Header::default()
    };
    let parent = Arc::new(Ancestor::new(header, None));
    let lineage = Lineage(vec![Arc::clone(&parent)]);
    let good = BuildAttributes { timestamp: 101, gas_limit: 6_001, ..BuildAttributes::default() };

    let opened = open(&chain, &lineage, &good, 7).unwrap();

    assert_eq!((opened.header.number, opened.n_transactions), (2, 7));
    assert_eq!(opened.header.parent_hash, parent.hash);
    let message = |lineage: &Lineage, attributes: BuildAttributes| {
        open(&chain, lineage, &attributes, 7).unwrap_err().to_string()
    };
    let wrong_hash = Lineage(vec![Arc::new(Ancestor { hash: B256::ZERO, ..(*parent).clone() })]);
    let ommer = Header { number: 2, gas_limit: 6_000, ..Header::default() };
    let messages = [
        (message(&Lineage::default(), good.clone()), "lineage: "),
        (message(&wrong_hash, good.clone()), "lineage[0]: "),
        (message(&lineage, BuildAttributes { timestamp: 100, ..good.clone() }), "attributes: time"),
        (message(&lineage, BuildAttributes { gas_limit: 9, ..good.clone() }), "attributes: gas"),
        (
            message(&lineage, BuildAttributes { withdrawals: Some(vec![]), ..good.clone() }),
            "attributes: withdrawals",
        ),
        (message(&lineage, BuildAttributes { ommers: vec![ommer], ..good }), "attributes: ommer 2"),
    ];
    for (message, beginning) in messages {
        assert!(message.starts_with(beginning), "{message:?} does not begin with {beginning:?}");
    }
}
