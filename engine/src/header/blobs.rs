//! Blob gas of a block: what its header may say, and what follows from its parent.

use super::RuleError;
use crate::chain::ChainSpec;
use alloy_consensus::Header;
use alloy_eips::{eip4844::DATA_GAS_PER_BLOB, eip7840::BlobParams};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::U256;

/// Checks the blob gas that a header says was used: whole blobs, and no more than the schedule
/// that is active at its time allows (EIP-4844, EIP-7840).
pub(super) fn check_blob_gas_used(chain: &ChainSpec, header: &Header) -> Result<(), RuleError> {
    let schedule = chain.blob_params_at(header.timestamp);
    let (Some(blob_gas_used), Some(params)) = (header.blob_gas_used, schedule) else {
        return Ok(());
    };
    let most = params.max_blob_gas_per_block();
    if blob_gas_used > most || !blob_gas_used.is_multiple_of(DATA_GAS_PER_BLOB) {
        return Err(RuleError::BlobGasUsed { blob_gas_used, most });
    }
    Ok(())
}

/// Returns the excess blob gas of a child of `parent` at a time (seconds since the epoch); none
/// before Cancun. The schedule is the child's (EIP-7691, EIP-7892).
pub(super) fn excess_blob_gas(chain: &ChainSpec, parent: &Header, timestamp: u64) -> Option<u64> {
    let params = chain.blob_params_at(timestamp)?;
    let excess = parent.excess_blob_gas.unwrap_or(0);
    let used = parent.blob_gas_used.unwrap_or(0);
    let target = params.target_blob_gas_per_block();
    let sum = excess.saturating_add(used);
    if sum < target {
        return Some(0);
    }
    let has_reserve = chain.is_osaka_active_at_timestamp(timestamp);
    if has_reserve && is_below_reserve(&params, excess, parent.base_fee_per_gas.unwrap_or(0)) {
        let spare = params.max_blob_count.saturating_sub(params.target_blob_count);
        let share = u128::from(used) * u128::from(spare) / u128::from(params.max_blob_count.max(1));
        return Some(excess.saturating_add(u64::try_from(share).unwrap_or(u64::MAX)));
    }
    Some(sum - target)
}

/// Tells whether a blob costs less than the gas that it is worth at least (EIP-7918).
fn is_below_reserve(params: &BlobParams, excess: u64, base_fee: u64) -> bool {
    let reserve = U256::from(params.blob_base_cost) * U256::from(base_fee);
    reserve > U256::from(DATA_GAS_PER_BLOB) * U256::from(params.calc_blob_fee(excess))
}
