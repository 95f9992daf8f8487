//! Receipts in order, and what a header says of them: gas, bloom, roots, requests.

use super::{deposits::deposits, draft::ommers_hash};
use crate::{block::BlockAttributes, chain::ChainSpec, outcome::TxReceipt};
use alloy_consensus::{
    Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction, TxEnvelope, TxType,
    proofs,
};
use alloy_eips::{eip6110::DEPOSIT_REQUEST_TYPE, eip7685::Requests};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{B256, Bloom, Bytes};
use revm::primitives::hardfork::SpecId;
use std::sync::Arc;

/// What executing a block produced, field by field as a header names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockResults {
    /// Gas of all transactions.
    pub gas_used: u64,
    /// Root of the transactions' trie.
    pub transactions_root: B256,
    /// Root of the receipts' trie; `None` where receipts hold state roots (before Byzantium) that
    /// are not known.
    pub receipts_root: Option<B256>,
    /// Bloom of all logs.
    pub logs_bloom: Bloom,
    /// Hash of the ommers' list.
    pub ommers_hash: B256,
    /// Root of the withdrawals' trie; `None` before Shanghai.
    pub withdrawals_root: Option<B256>,
    /// Hash of the requests (EIP-7685); `None` before Prague.
    pub requests_hash: Option<B256>,
    /// Blob gas of all transactions (EIP-4844); `None` before Cancun.
    pub blob_gas_used: Option<u64>,
    /// State root after the block; `None` where the Snapshot has no trie.
    pub state_root: Option<B256>,
}

/// Why a block's results cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// A log of the deposit contract is not laid out as EIP-6110 wants: the block is invalid.
    #[error("a log of the deposit contract is not a deposit: {reason}")]
    Deposit {
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Turns receipts as transactions gave them into receipts as the block holds them: gas added up.
///
/// Before Byzantium a receipt holds the state root after its transaction ([`has_state_roots`]);
/// `roots` are these, one for each. Without them receipts hold what every later fork puts there
/// (EIP-658), whether the transaction succeeded.
pub fn assemble_receipts(receipts: Vec<TxReceipt>, roots: Option<&[B256]>) -> Vec<ReceiptEnvelope> {
    let roots = roots.filter(|roots| roots.len() == receipts.len());
    let mut cumulative_gas_used = 0;
    let in_order = receipts.into_iter().enumerate().map(|(offset, receipt)| {
        cumulative_gas_used += receipt.gas.used;
        let status = match roots {
            Some(roots) => Eip658Value::PostState(roots[offset]),
            None => Eip658Value::Eip658(receipt.success),
        };
        let with_bloom = ReceiptWithBloom {
            receipt: Receipt { status, cumulative_gas_used, logs: receipt.logs },
            logs_bloom: receipt.bloom,
        };
        envelope(receipt.tx_type, with_bloom)
    });
    in_order.collect()
}

/// Tells whether a block's receipts hold the state root after each transaction: before Byzantium.
pub fn has_state_roots(chain: &ChainSpec, number: u64) -> bool {
    !chain.is_byzantium_active_at_block(number)
}

const fn envelope(tx_type: TxType, receipt: ReceiptWithBloom<Receipt>) -> ReceiptEnvelope {
    match tx_type {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
    }
}

/// Computes what the header says of transactions and receipts.
///
/// `requests` are those of system contracts, type byte first and in order of type; deposits
/// (EIP-6110) are read from the receipts' logs.
///
/// # Errors
/// If a deposit log cannot be decoded.
pub fn block_results(
    chain: &ChainSpec,
    attributes: &BlockAttributes,
    transactions: &[Arc<TxEnvelope>],
    receipts: &[ReceiptEnvelope],
    requests: &[Bytes],
) -> Result<BlockResults, ResultsError> {
    let header = &attributes.header;
    let spec = chain.spec_at(header.number, header.timestamp);
    let requests_hash = if chain.is_prague_active_at_timestamp(header.timestamp) {
        Some(all_requests(chain, receipts, requests)?.requests_hash())
    } else {
        None
    };
    Ok(BlockResults {
        gas_used: receipts.last().map_or(0, ReceiptEnvelope::cumulative_gas_used),
        transactions_root: proofs::ordered_trie_root_with_encoder(transactions, |tx, out| {
            alloy_eips::Encodable2718::encode_2718(tx.as_ref(), out);
        }),
        receipts_root: receipts_root(chain, header.number, receipts),
        logs_bloom: receipts.iter().fold(Bloom::ZERO, |all, one| all | *one.logs_bloom()),
        ommers_hash: ommers_hash(&attributes.ommers),
        withdrawals_root: spec.is_enabled_in(SpecId::SHANGHAI).then(|| {
            proofs::calculate_withdrawals_root(attributes.withdrawals.as_deref().unwrap_or(&[]))
        }),
        requests_hash,
        blob_gas_used: spec.is_enabled_in(SpecId::CANCUN).then(|| blob_gas(transactions)),
        state_root: None,
    })
}

fn receipts_root(chain: &ChainSpec, number: u64, receipts: &[ReceiptEnvelope]) -> Option<B256> {
    let has_root = |receipt: &ReceiptEnvelope| match receipt.as_receipt() {
        Some(receipt) => matches!(receipt.status, Eip658Value::PostState(_)),
        None => false,
    };
    let is_known = !has_state_roots(chain, number) || receipts.iter().all(has_root);
    is_known.then(|| proofs::calculate_receipt_root(receipts))
}

fn blob_gas(transactions: &[Arc<TxEnvelope>]) -> u64 {
    transactions.iter().filter_map(|tx| tx.blob_gas_used()).sum()
}

fn all_requests(
    chain: &ChainSpec,
    receipts: &[ReceiptEnvelope],
    requests: &[Bytes],
) -> Result<Requests, ResultsError> {
    let deposits = deposits(chain, receipts).map_err(|reason| ResultsError::Deposit { reason })?;
    let mut all = Requests::default();
    if !deposits.is_empty() {
        all.push_request_with_type(DEPOSIT_REQUEST_TYPE, deposits);
    }
    for request in requests {
        all.push_request(request.clone());
    }
    Ok(all)
}
