//! Gas limit of a block: what any block may have, and what may follow a parent's.

use super::{RuleError, base_fee::ELASTICITY};
use crate::chain::ChainSpec;
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardforks;

/// Least gas limit of a block.
pub(super) const GAS_LIMIT_MIN: u64 = 5_000;
/// Largest gas limit of a block.
pub(super) const GAS_LIMIT_MAX: u64 = (1 << 63) - 1;
/// A gas limit differs from its parent's by less than one part in so many.
const BOUND_DIVISOR: u64 = 1_024;

/// Checks what can be said of a gas limit without knowing the parent.
pub(super) fn check_alone(header: &Header) -> Result<(), RuleError> {
    let Header { gas_used, gas_limit, .. } = *header;
    if gas_used > gas_limit {
        return Err(RuleError::GasUsed { gas_used, gas_limit });
    }
    if !(GAS_LIMIT_MIN..=GAS_LIMIT_MAX).contains(&gas_limit) {
        return Err(RuleError::GasLimit { gas_limit });
    }
    Ok(())
}

/// Checks that a gas limit may follow the parent's; the first block of London may use twice as
/// much gas as its parent (EIP-1559).
pub(super) fn check_step(
    chain: &ChainSpec,
    header: &Header,
    parent: &Header,
) -> Result<(), RuleError> {
    let had_base_fee = chain.is_london_active_at_block(parent.number);
    let begins_london = !had_base_fee && chain.is_london_active_at_block(header.number);
    let before = parent.gas_limit.saturating_mul(if begins_london { ELASTICITY } else { 1 });
    let gas_limit = header.gas_limit;
    if gas_limit.abs_diff(before) >= before / BOUND_DIVISOR {
        return Err(RuleError::GasLimitStep { gas_limit, parent: before });
    }
    Ok(())
}
