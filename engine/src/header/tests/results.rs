//! Receipts in order, and the header fields that are made of them.

use super::block;
use crate::{
    block::Block,
    chain::ChainSpec,
    header::{BlockResults, ResultsError, assemble_receipts, block_results},
    outcome::{GasVector, TxReceipt},
};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Eip658Value, Header, ReceiptEnvelope, TxType,
    constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS},
    proofs::{calculate_ommers_root, ordered_trie_root_with_encoder},
};
use alloy_eips::{eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7685::Requests};
use alloy_hardforks::EthereumHardfork::{
    self, Berlin, Byzantium, Homestead, Prague, SpuriousDragon,
};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, b256, bytes::BufMut, logs_bloom};

/// First topic of a deposit's log (EIP-6110).
const DEPOSIT_EVENT: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

fn receipt(tx_type: TxType, used: u64, logs: Vec<Log>) -> TxReceipt {
    let bloom = logs_bloom(&logs);
    TxReceipt {
        tx_type,
        success: true,
        gas: GasVector { used, ..GasVector::default() },
        logs,
        bloom,
    }
}

fn log(address: Address, topics: Vec<B256>, data: Bytes) -> Log {
    Log::new(address, topics, data).unwrap()
}

fn results(
    last: EthereumHardfork,
    block: &Block,
    receipts: &[ReceiptEnvelope],
    requests: &[Bytes],
) -> Result<BlockResults, ResultsError> {
    let chain = ChainSpec::up_to(1, last);
    block_results(&chain, &block.attributes(), &block.transactions, receipts, requests)
}

#[test]
fn an_empty_block_has_the_empty_roots() {
    let results = results(Prague, &block(), &[], &[]).unwrap();
    let expected = BlockResults {
        gas_used: 0,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: Some(EMPTY_RECEIPTS),
        logs_bloom: Bloom::ZERO,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        requests_hash: Some(Requests::default().requests_hash()),
        blob_gas_used: Some(0),
        state_root: None,
    };
    assert_eq!(results, expected);
}

#[test]
fn a_fork_has_the_fields_that_it_knows() {
    let berlin = results(Berlin, &block(), &[], &[]).unwrap();
    assert_eq!(berlin.receipts_root, Some(EMPTY_RECEIPTS));
    assert_eq!(
        (berlin.withdrawals_root, berlin.requests_hash, berlin.blob_gas_used),
        (None, None, None)
    );
}

#[test]
fn before_byzantium_a_receipt_holds_the_state_root_after_its_transaction() {
    let given =
        || vec![receipt(TxType::Legacy, 21_000, vec![]), receipt(TxType::Legacy, 1, vec![])];
    let of = |last, receipts: &[ReceiptEnvelope]| {
        results(last, &block(), receipts, &[]).unwrap().receipts_root
    };
    let roots = [B256::repeat_byte(1), B256::repeat_byte(2)];
    let with_roots = assemble_receipts(given(), Some(&roots));
    for (receipt, root) in with_roots.iter().zip(roots) {
        let receipt = receipt.as_receipt().unwrap();
        assert_eq!(receipt.status, Eip658Value::PostState(root));
    }
    // RLP of each receipt: root or status, gas so far, bloom, no logs.
    let encoded = |statuses: [&[u8]; 2]| {
        let gas: [&[u8]; 2] = [&[0x82, 0x52, 0x08], &[0x82, 0x52, 0x09]];
        let rlp = statuses.into_iter().zip(gas).map(|(status, gas)| {
            let body = [status, gas, &[0xb9, 1, 0], &[0; 256], &[0xc0]].concat();
            let n_bytes = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&[0xf9], &n_bytes[..], &body].concat()
        });
        let all: Vec<Vec<u8>> = rlp.collect();
        ordered_trie_root_with_encoder(&all, |one, out| out.put_slice(one))
    };
    let root = |byte| [vec![0xa0], vec![byte; 32]].concat();
    let expected = encoded([&root(1), &root(2)]);
    assert_eq!(of(Homestead, &with_roots), Some(expected));
    assert_eq!(of(SpuriousDragon, &with_roots), Some(expected));

    let without = assemble_receipts(given(), None);
    assert_eq!(of(Homestead, &without), None, "the roots are not known");
    assert_eq!(of(Byzantium, &without), Some(encoded([&[1], &[1]])));
    assert_eq!(of(Homestead, &[]), Some(EMPTY_RECEIPTS), "there is none that lacks a root");
    assert_eq!(assemble_receipts(given(), Some(&roots[..1])), without, "a root for each or none");
}

#[test]
fn gas_and_blooms_add_up_and_each_receipt_keeps_its_type() {
    let logs = [
        log(Address::repeat_byte(1), vec![], Bytes::new()),
        log(Address::repeat_byte(2), vec![], Bytes::new()),
    ];
    let receipts = assemble_receipts(
        vec![
            receipt(TxType::Legacy, 21_000, vec![logs[0].clone()]),
            receipt(TxType::Eip1559, 30_000, vec![logs[1].clone()]),
            receipt(TxType::Eip7702, 40_000, vec![]),
        ],
        None,
    );
    let gas: Vec<u64> = receipts.iter().map(ReceiptEnvelope::cumulative_gas_used).collect();
    assert_eq!(gas, [21_000, 51_000, 91_000]);
    let types: Vec<TxType> = receipts.iter().map(ReceiptEnvelope::tx_type).collect();
    assert_eq!(types, [TxType::Legacy, TxType::Eip1559, TxType::Eip7702]);
    let results = results(Prague, &block(), &receipts, &[]).unwrap();
    assert_eq!(results.gas_used, 91_000);
    assert_eq!(results.logs_bloom, logs_bloom(&logs));
    assert_ne!(results.receipts_root, Some(EMPTY_RECEIPTS));
}

#[test]
fn ommers_are_hashed_as_a_list() {
    let mut block = block();
    block.ommers = vec![Header { number: 9, ..Header::default() }];
    let results = results(Berlin, &block, &[], &[]).unwrap();
    assert_eq!(results.ommers_hash, calculate_ommers_root(&block.ommers));
    assert_ne!(results.ommers_hash, EMPTY_OMMER_ROOT_HASH);
}

/// A deposit's log: five byte strings, each in words of its own.
fn deposit_data() -> Bytes {
    let parts: [(usize, u8); 5] = [(48, 1), (32, 2), (8, 3), (96, 4), (8, 5)];
    let mut heads = Vec::new();
    let mut tails = Vec::new();
    for (n_bytes, fill) in parts {
        let word = |number: usize| B256::from(alloy_primitives::U256::from(number));
        heads.extend(word(5 * 32 + tails.len()));
        tails.extend(word(n_bytes));
        tails.extend(vec![fill; n_bytes]);
        tails.resize(tails.len().next_multiple_of(32), 0);
    }
    [heads, tails].concat().into()
}

#[test]
fn deposits_come_first_among_the_requests() {
    let deposit = log(MAINNET_DEPOSIT_CONTRACT_ADDRESS, vec![DEPOSIT_EVENT], deposit_data());
    let elsewhere = log(Address::repeat_byte(1), vec![DEPOSIT_EVENT], deposit_data());
    let receipts =
        assemble_receipts(vec![receipt(TxType::Legacy, 1, vec![elsewhere, deposit])], None);
    let withdrawal = Bytes::from_static(&[1, 9]);
    let all = results(Prague, &block(), &receipts, std::slice::from_ref(&withdrawal)).unwrap();
    let parts = [(48, 1), (32, 2), (8, 3), (96, 4), (8, 5)];
    let mut expected = vec![0];
    parts.iter().for_each(|(n_bytes, fill)| expected.extend(vec![*fill; *n_bytes]));
    let expected = Requests::new(vec![expected.into(), withdrawal]);
    assert_eq!(all.requests_hash, Some(expected.requests_hash()));
}

#[test]
fn a_deposit_log_of_another_layout_makes_the_block_invalid() {
    let changed = |at: usize, to: u8| {
        let mut data = deposit_data().to_vec();
        data[at] = to;
        Bytes::from(data)
    };
    let longer = [deposit_data().as_ref(), &[0; 32]].concat().into();
    let with_data = |data| {
        let log = log(MAINNET_DEPOSIT_CONTRACT_ADDRESS, vec![DEPOSIT_EVENT], data);
        assemble_receipts(vec![receipt(TxType::Legacy, 1, vec![log])], None)
    };
    assert!(results(Prague, &block(), &with_data(deposit_data()), &[]).is_ok());
    // The last byte of a field's place, of its length, and of a length that hides in high bytes.
    let bad =
        [Bytes::from_static(&[1]), longer, changed(31, 161), changed(191, 47), changed(160, 1)];
    for data in bad {
        let receipts = with_data(data.clone());
        let refused = results(Prague, &block(), &receipts, &[]);
        assert!(matches!(refused, Err(ResultsError::Deposit { .. })), "{data}: {refused:?}");
        assert!(results(Berlin, &block(), &receipts, &[]).is_ok(), "requests begin with Prague");
    }
}
