//! Deposits (EIP-6110): requests that the deposit contract makes by its logs.

use crate::chain::ChainSpec;
use alloy_consensus::ReceiptEnvelope;
use alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS;
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_primitives::{B256, U256, b256};

/// First topic of a deposit's log.
const DEPOSIT_EVENT: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

/// Bytes of a log's data. The contract lays it out in one way only.
const DATA_BYTES: usize = 576;

/// Where each field's length stands in the data, and what it has to be: public key, withdrawal
/// credentials, amount, signature, index.
const FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];

/// Bytes of a word of the ABI.
const WORD_BYTES: usize = 32;

/// Returns the deposits of a block in the order of their logs, one after the other; or says what
/// is wrong with one of them, which makes the block invalid.
pub(super) fn deposits(
    chain: &ChainSpec,
    receipts: &[ReceiptEnvelope],
) -> Result<Vec<u8>, &'static str> {
    let contract = chain.deposit_contract_address().unwrap_or(MAINNET_DEPOSIT_CONTRACT_ADDRESS);
    let mut all = Vec::new();
    for log in receipts.iter().flat_map(ReceiptEnvelope::logs) {
        if log.address == contract && log.topics().first() == Some(&DEPOSIT_EVENT) {
            append_deposit(&log.data.data, &mut all)?;
        }
    }
    Ok(all)
}

fn append_deposit(data: &[u8], all: &mut Vec<u8>) -> Result<(), &'static str> {
    if data.len() != DATA_BYTES {
        return Err("its data has another length");
    }
    for ((at, n_bytes), head) in FIELDS.into_iter().zip(data.chunks(WORD_BYTES)) {
        if U256::from_be_slice(head) != U256::from(at) {
            return Err("a field is not at its place");
        }
        let start = at + WORD_BYTES;
        if U256::from_be_slice(&data[at..start]) != U256::from(n_bytes) {
            return Err("a field has another length");
        }
        all.extend_from_slice(&data[start..start + n_bytes]);
    }
    Ok(())
}
