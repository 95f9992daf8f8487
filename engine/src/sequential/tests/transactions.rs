//! Transactions in order, and those that may not stand in a block.

use super::scene::{
    BENEFICIARY, CHAIN_ID, Scene, addr, legacy, sender, signed, transfer, unsigned,
};
use crate::sequential::{StateError, Stop};
use alloy_consensus::{TxEip4844, TxEnvelope, TxLegacy};
use alloy_hardforks::EthereumHardfork::{Berlin, Cancun, Frontier, Homestead, Shanghai};
use alloy_primitives::{B256, Signature, TxKind, U256, keccak256};

#[test]
fn a_fee_can_be_spent_by_the_next_transaction() {
    let mut scene = Scene::new(Berlin).with_sender(1).with_transactions([
        transfer(1, 0, addr(0x10), 5),
        transfer(1, 1, addr(0x10), 5),
        transfer(2, 0, addr(0x11), 210_000),
    ]);
    scene.block.header.beneficiary = sender(2);
    let outcome = scene.run();
    let gas: Vec<u64> = outcome.receipts.iter().map(|r| r.cumulative_gas_used()).collect();
    assert_eq!(gas, [21_000, 42_000, 63_000]);
    assert_eq!(scene.balance_after(addr(0x11)), Some(U256::from(210_000)));

    scene.block.header.beneficiary = BENEFICIARY;
    assert_eq!(scene.refused().transaction, Some(2), "without the fees it cannot pay");
}

#[test]
fn a_transaction_has_to_fit_in_the_gas_that_is_left() {
    let scene = Scene::new(Shanghai)
        .with_sender(1)
        .with_transactions([transfer(1, 0, addr(0x10), 1), transfer(1, 1, addr(0x10), 1)]);
    assert_eq!(scene.run().results.gas_used, 42_000);
    let scene = scene.with_gas_limit(41_999);
    let invalid = scene.refused();
    assert_eq!(invalid.transaction, Some(1));
    assert!(invalid.reason.contains("20999 gas left"), "{invalid}");
}

#[test]
fn the_gas_limit_counts_before_a_transaction_and_the_gas_used_after_it() {
    // 100,000 are asked for and 21,000 used: two of these fit in 121,000.
    let call = |nonce| legacy(1, nonce, TxKind::Call(addr(0x10)));
    let scene = Scene::new(Shanghai).with_sender(1).with_transactions([call(0), call(1)]);
    assert!(scene.with_gas_limit(121_000).try_run().is_ok());
    let scene = Scene::new(Shanghai).with_sender(1).with_transactions([call(0), call(1)]);
    assert_eq!(scene.with_gas_limit(120_999).refused().transaction, Some(1));
}

fn blobs(nonce: u64, n_blobs: usize) -> TxEnvelope {
    let hash = B256::with_last_byte(1) | B256::right_padding_from(&[1]);
    signed(
        1,
        TxEip4844 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 10,
            to: addr(0x10),
            blob_versioned_hashes: vec![hash; n_blobs],
            max_fee_per_blob_gas: 1,
            ..TxEip4844::default()
        },
    )
}

#[test]
fn a_block_holds_six_blobs_in_cancun() {
    let scene = Scene::new(Cancun).with_sender(1);
    let full = scene.with_transactions([blobs(0, 4), blobs(1, 2)]);
    assert_eq!(full.run().results.blob_gas_used, Some(6 << 17));
    let scene = Scene::new(Cancun).with_sender(1);
    let over = scene.with_transactions([blobs(0, 4), blobs(1, 3)]).refused();
    assert_eq!(over.transaction, Some(1));
    assert!(over.reason.contains("blob gas left"), "{over}");
}

#[test]
fn a_transaction_that_breaks_a_rule_makes_the_block_invalid_at_its_place() {
    let good = || transfer(1, 0, addr(0x10), 1);
    let to = TxKind::Call(addr(0x10));
    let unreadable: TxEnvelope = alloy_consensus::SignableTransaction::into_signed(
        unsigned(0, to),
        Signature::new(U256::ZERO, U256::ZERO, false),
    )
    .into();
    let bad = [
        ("nonce", transfer(1, 2, addr(0x10), 1)),
        ("lack of funds", transfer(9, 0, addr(0x10), 1)),
        ("chain", signed(1, TxLegacy { chain_id: Some(2), ..unsigned(1, to) })),
        ("gas", signed(1, TxLegacy { gas_limit: 20_999, ..unsigned(1, to) })),
        ("gas price", signed(1, TxLegacy { gas_price: 6, ..unsigned(1, to) })),
        ("signature", unreadable),
    ];
    for (reason, bad) in bad {
        let scene = Scene::new(Shanghai).with_sender(1).with_transactions([good(), bad]);
        let invalid = scene.refused();
        assert_eq!(invalid.transaction, Some(1), "{reason}: {invalid}");
        assert!(invalid.reason.contains(reason), "{reason}: {invalid}");
    }
}

#[test]
fn a_type_of_a_later_fork_is_invalid() {
    let typed = signed(
        1,
        alloy_consensus::TxEip2930 {
            chain_id: CHAIN_ID,
            gas_price: 10,
            gas_limit: 21_000,
            to: TxKind::Call(addr(0x10)),
            ..Default::default()
        },
    );
    let scene = Scene::new(Homestead).with_sender(1).with_transactions([typed.clone()]);
    assert_eq!(scene.refused().transaction, Some(0));
    assert!(Scene::new(Berlin).with_sender(1).with_transactions([typed]).try_run().is_ok());
}

#[test]
fn blockhash_answers_from_the_ancestors() {
    // Stores BLOCKHASH(9) in slot 0.
    let code = [0x60, 9, 0x40, 0x5f, 0x55];
    let call = legacy(1, 0, TxKind::Call(addr(0x20)));
    let scene = Scene::new(Shanghai).with_sender(1).with_code(addr(0x20), &code);
    let after = scene.with_transactions([call]).after();
    assert_eq!(after.slot(&addr(0x20), &U256::ZERO), U256::from_be_bytes([0x99; 32]));
}

#[test]
fn code_that_nobody_gave_is_no_verdict_on_the_block() {
    let hash = keccak256([0xfe]);
    let mut scene = Scene::new(Shanghai).with_sender(1);
    let account = crate::account::Account { code_hash: hash, ..Default::default() };
    scene.state.insert_account(addr(0x20), account, []);
    let scene = scene.with_transactions([legacy(1, 0, TxKind::Call(addr(0x20)))]);
    assert_eq!(scene.try_run().unwrap_err(), Stop::State(StateError::MissingCode { hash }));
}

#[test]
fn a_touched_account_exists_before_spurious_dragon_only() {
    let touch = || transfer(1, 0, addr(0x10), 0);
    let old = Scene::new(Frontier).with_sender(1).with_transactions([touch()]);
    assert_eq!(old.balance_after(addr(0x10)), Some(U256::ZERO));
    let new = Scene::new(Shanghai).with_sender(1).with_transactions([touch()]);
    assert_eq!(new.balance_after(addr(0x10)), None);
    let left_over = Scene::new(Shanghai).with_sender(1).with_balance(addr(0x10), 0);
    assert_eq!(left_over.with_transactions([touch()]).balance_after(addr(0x10)), None);
}

/// With call data it destroys itself, without it slot 8 becomes slot 9 plus one.
const READER: [u8; 17] =
    [0x36, 0x60, 14, 0x57, 0x60, 9, 0x54, 0x60, 1, 0x01, 0x60, 8, 0x55, 0, 0x5b, 0x33, 0xff];
/// Creates (`CREATE2`) what its call data deploys.
const FACTORY: [u8; 14] = [0x36, 0x60, 0, 0x60, 0, 0x37, 0x60, 0, 0x36, 0x60, 0, 0x60, 0, 0xf5];

#[test]
fn a_contract_that_is_destroyed_and_made_again_has_none_of_its_old_slots() {
    let deploys = [&[0x70][..], &READER, &[0x60, 0, 0x52, 0x60, 17, 0x60, 15, 0xf3]].concat();
    let reader = addr(0xfa).create2(B256::ZERO, keccak256(&deploys));
    let call = |nonce, to, data: &[u8]| {
        let tx = unsigned(nonce, TxKind::Call(to));
        signed(1, TxLegacy { input: data.to_vec().into(), ..tx })
    };
    let scene = Scene::new(Shanghai).with_sender(1).with_code(addr(0xfa), &FACTORY).with_contract(
        reader,
        &READER,
        &[(8, 88), (9, 99)],
    );
    let slots = |state: &crate::sequential::SerialState| {
        [7, 8, 9].map(|slot| state.slot(&reader, &U256::from(slot)).to::<u64>())
    };

    let scene = scene.with_transactions([call(0, reader, &[1])]);
    assert_eq!(scene.after().account(&reader), None);
    assert_eq!(slots(&scene.after()), [0, 0, 0]);
    let changes = scene.state.normalise(&scene.run().post);
    assert_eq!(changes.accounts[&reader].slots.len(), 2, "both slots became zero");

    let scene = scene.with_transactions([call(1, addr(0xfa), &deploys), call(2, reader, &[])]);
    assert!(scene.after().account(&reader).is_some(), "it was made again");
    assert_eq!(slots(&scene.after()), [0, 1, 0]);
}
