//! Base fee of a block, as it follows from its parent (EIP-1559).

use crate::chain::ChainSpec;
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardforks;

/// Base fee of the first block that has one, in wei.
const BASE_FEE_INITIAL: u64 = 1_000_000_000;
/// A block's gas limit is so many times the gas that it ought to use.
pub(super) const ELASTICITY: u64 = 2;
/// The base fee changes by at most one part in so many.
const CHANGE_DIVISOR: u128 = 8;

/// Returns the base fee, in wei, of a child of `parent`; none before London.
pub(super) fn base_fee(chain: &ChainSpec, parent: &Header) -> Option<u64> {
    if !chain.is_london_active_at_block(parent.number.saturating_add(1)) {
        return None;
    }
    Some(parent.base_fee_per_gas.map_or(BASE_FEE_INITIAL, |base_fee| next(base_fee, parent)))
}

fn next(base_fee: u64, parent: &Header) -> u64 {
    let target = u128::from(parent.gas_limit / ELASTICITY);
    let used = u128::from(parent.gas_used);
    if target == 0 || used == target {
        return base_fee;
    }
    let change = u128::from(base_fee) * used.abs_diff(target) / target / CHANGE_DIVISOR;
    if used > target {
        base_fee.saturating_add(u64::try_from(change.max(1)).unwrap_or(u64::MAX))
    } else {
        base_fee.saturating_sub(u64::try_from(change).unwrap_or(u64::MAX))
    }
}
