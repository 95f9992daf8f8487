//! A header that is made rather than checked: opened before execution, closed after it.

use super::{
    BlockResults, RuleError,
    base_fee::base_fee,
    blobs::excess_blob_gas,
    check_presence,
    child::{check_child, check_chosen},
    difficulty::difficulty,
    fields::check_fields,
};
use crate::{build::BuildAttributes, chain::ChainSpec};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header, proofs::calculate_ommers_root};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::B256;

/// Opens the header of a child of `parent`: everything but what execution decides, which is blank
/// as [`BlockAttributes`](crate::block::BlockAttributes) has it. Ommers are not checked against
/// the blocks before; [`check_header`](super::check_header) does that for the whole block.
///
/// # Errors
/// If the attributes are not those of a block that may follow the parent.
pub fn open(
    chain: &ChainSpec,
    parent: &Header,
    attributes: &BuildAttributes,
) -> Result<Header, RuleError> {
    let time = attributes.timestamp;
    let has_withdrawals = chain.is_shanghai_active_at_timestamp(time);
    check_presence("withdrawals", attributes.withdrawals.is_some(), has_withdrawals)?;
    let header = Header {
        parent_hash: parent.hash_slow(),
        ommers_hash: ommers_hash(&attributes.ommers),
        beneficiary: attributes.beneficiary,
        state_root: B256::ZERO,
        transactions_root: B256::ZERO,
        receipts_root: B256::ZERO,
        difficulty: attributes.difficulty.unwrap_or_else(|| difficulty(chain, parent, time)),
        number: parent.number.saturating_add(1),
        gas_limit: attributes.gas_limit,
        timestamp: time,
        extra_data: attributes.extra_data.clone(),
        mix_hash: attributes.mix_hash,
        nonce: attributes.nonce,
        base_fee_per_gas: base_fee(chain, parent),
        withdrawals_root: has_withdrawals.then_some(B256::ZERO),
        blob_gas_used: chain.is_cancun_active_at_timestamp(time).then_some(0),
        excess_blob_gas: excess_blob_gas(chain, parent, time),
        parent_beacon_block_root: attributes.parent_beacon_block_root,
        requests_hash: chain.is_prague_active_at_timestamp(time).then_some(B256::ZERO),
        ..Header::default()
    };
    check_fields(chain, &header)?;
    match attributes.difficulty {
        Some(_) => check_chosen(chain, &header, parent)?,
        None => check_child(chain, &header, parent)?,
    }
    Ok(header)
}

/// Closes an open header with what execution produced; `None` if the receipts root is not known,
/// which before Byzantium takes state roots.
pub fn close(open: Header, results: &BlockResults, state_root: B256) -> Option<Header> {
    Some(Header {
        state_root,
        transactions_root: results.transactions_root,
        receipts_root: results.receipts_root?,
        logs_bloom: results.logs_bloom,
        ommers_hash: results.ommers_hash,
        gas_used: results.gas_used,
        withdrawals_root: results.withdrawals_root,
        blob_gas_used: results.blob_gas_used,
        requests_hash: results.requests_hash,
        ..open
    })
}

/// Returns the hash of a list of ommers.
pub(super) fn ommers_hash(ommers: &[Header]) -> B256 {
    if ommers.is_empty() { EMPTY_OMMER_ROOT_HASH } else { calculate_ommers_root(ommers) }
}
