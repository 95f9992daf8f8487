//! Headers that are made: what follows from the parent, what was chosen, what execution decides.

use super::block;
use crate::{
    block::Block,
    build::BuildAttributes,
    chain::ChainSpec,
    header::{RuleError, assemble_receipts, block_results, check_body, check_header, close, open},
    lineage::{Ancestor, Lineage},
};
use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_hardforks::EthereumHardfork::{
    self, Amsterdam, Berlin, Bpo2, Byzantium, Cancun, Frontier, Homestead, London, Osaka, Paris,
    Prague, Shanghai,
};
use alloy_primitives::{Address, B256, U256};
use std::sync::Arc;

type Change = fn(&mut BuildAttributes);

/// A parent with the fields of its fork.
fn parent(last: EthereumHardfork) -> Header {
    Header {
        number: 9,
        timestamp: 999,
        gas_used: 15_000_000,
        difficulty: if last < Paris { U256::from(2_048_000) } else { U256::ZERO },
        base_fee_per_gas: (last >= London).then_some(7),
        withdrawals_root: (last >= Shanghai).then_some(B256::ZERO),
        blob_gas_used: (last >= Cancun).then_some(0),
        excess_blob_gas: (last >= Cancun).then_some(8 << 17),
        parent_beacon_block_root: (last >= Cancun).then_some(B256::ZERO),
        requests_hash: (last >= Prague).then_some(B256::ZERO),
        ..block().header
    }
}

fn attributes(last: EthereumHardfork) -> BuildAttributes {
    BuildAttributes {
        timestamp: 1_008,
        beneficiary: Address::repeat_byte(9),
        gas_limit: 30_000_001,
        extra_data: b"built".to_vec().into(),
        mix_hash: B256::repeat_byte(3),
        withdrawals: (last >= Shanghai).then(|| vec![Withdrawal::default()]),
        parent_beacon_block_root: (last >= Cancun).then_some(B256::repeat_byte(4)),
        ..BuildAttributes::default()
    }
}

fn block_of(header: Header, attributes: &BuildAttributes) -> Block {
    Block {
        hash: header.hash_slow(),
        header,
        transactions: Vec::new(),
        ommers: attributes.ommers.clone(),
        withdrawals: attributes.withdrawals.clone(),
    }
}

#[test]
fn an_opened_and_closed_header_keeps_the_rules_of_its_fork() {
    for last in [Byzantium, Berlin, London, Paris, Shanghai, Cancun, Prague, Osaka, Bpo2] {
        let (chain, parent, attributes) =
            (ChainSpec::up_to(1, last), parent(last), attributes(last));
        let header = open(&chain, &parent, &attributes).unwrap();
        let block = block_of(header.clone(), &attributes);
        assert_eq!(block.attributes().header, header, "{last:?}: no result is there yet");
        let results = block_results(&chain, &block.attributes(), &[], &[], &[]).unwrap();
        let closed = close(header, &results, B256::repeat_byte(5)).unwrap();

        let block = block_of(closed.clone(), &attributes);
        let lineage = Lineage(vec![Arc::new(Ancestor::new(parent, None))]);
        assert_eq!(check_body(&chain, &block, 600), Ok(()), "{last:?}");
        assert_eq!(check_header(&chain, &block, &lineage), Ok(()), "{last:?}");
        let again = block_results(&chain, &block.attributes(), &[], &[], &[]).unwrap();
        assert_eq!(again, results, "{last:?}");
        assert_eq!(closed.state_root, B256::repeat_byte(5));
        assert_eq!(closed.withdrawals_root, results.withdrawals_root, "{last:?}");
        assert_eq!(closed.requests_hash, results.requests_hash, "{last:?}");
        assert_eq!(Some(closed.receipts_root), results.receipts_root, "{last:?}");
    }
}

#[test]
fn what_was_chosen_and_what_follows_stand_in_the_header() {
    let chain = ChainSpec::up_to(1, Prague);
    let (parent, attributes) = (parent(Prague), attributes(Prague));
    let header = open(&chain, &parent, &attributes).unwrap();
    let expected = Header {
        parent_hash: parent.hash_slow(),
        beneficiary: Address::repeat_byte(9),
        state_root: B256::ZERO,
        transactions_root: B256::ZERO,
        receipts_root: B256::ZERO,
        number: 10,
        gas_limit: 30_000_001,
        timestamp: 1_008,
        extra_data: b"built".to_vec().into(),
        mix_hash: B256::repeat_byte(3),
        base_fee_per_gas: Some(7),
        withdrawals_root: Some(B256::ZERO),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(2 << 17),
        parent_beacon_block_root: Some(B256::repeat_byte(4)),
        requests_hash: Some(B256::ZERO),
        ..Header::default()
    };
    assert_eq!(header, expected);
}

#[test]
fn difficulty_follows_from_the_parent_unless_it_was_chosen() {
    let chain = ChainSpec::up_to(1, Homestead);
    let followed = open(&chain, &parent(Homestead), &attributes(Homestead)).unwrap();
    assert_eq!(followed.difficulty, U256::from(2_049_000));
    let chosen = BuildAttributes { difficulty: Some(U256::ONE), ..attributes(Homestead) };
    assert_eq!(open(&chain, &parent(Homestead), &chosen).unwrap().difficulty, U256::ONE);
    let chosen = BuildAttributes { difficulty: Some(U256::ONE), ..attributes(Paris) };
    let refused = open(&ChainSpec::up_to(1, Paris), &parent(Paris), &chosen);
    assert_eq!(refused, Err(RuleError::ProofOfStake { field: "difficulty" }));
}

#[test]
fn attributes_of_no_valid_block_are_refused() {
    let wrong: [(EthereumHardfork, Change, &str); 10] = [
        (Prague, |it| it.timestamp = 999, "timestamp"),
        (Prague, |it| it.gas_limit = 40_000_000, "gas limit"),
        (Prague, |it| it.extra_data = vec![0; 33].into(), "extra data"),
        (Prague, |it| it.nonce = [1; 8].into(), "nonce"),
        (Prague, |it| it.withdrawals = None, "withdrawals is missing"),
        (Paris, |it| it.withdrawals = Some(Vec::new()), "withdrawals is not known"),
        (Prague, |it| it.parent_beacon_block_root = None, "beacon block root is missing"),
        (Shanghai, |it| it.parent_beacon_block_root = Some(B256::ZERO), "root is not known"),
        (Frontier, |it| it.timestamp = 0, "timestamp"),
        (Amsterdam, |_| (), "block access list hash is missing"),
    ];
    for (last, change, reason) in wrong {
        let mut attributes = attributes(last);
        change(&mut attributes);
        let refused = open(&ChainSpec::up_to(1, last), &parent(last), &attributes);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(reason), "{last:?}: {refused}");
    }
}

#[test]
fn a_header_whose_receipts_root_is_not_known_cannot_be_closed() {
    let chain = ChainSpec::up_to(1, Homestead);
    let attributes = attributes(Homestead);
    let header = open(&chain, &parent(Homestead), &attributes).unwrap();
    let block = block_of(header.clone(), &attributes);
    let receipts = assemble_receipts(Vec::new(), None);
    let results = block_results(&chain, &block.attributes(), &[], &receipts, &[]).unwrap();
    let unknown = crate::header::BlockResults { receipts_root: None, ..results };
    assert_eq!(close(header, &unknown, B256::ZERO), None);
}
