//! What a block has to be before it is worth executing: what its bytes alone tell.

use super::{RuleError, check_presence, fields::check_fields, ommers};
use crate::{block::Block, chain::ChainSpec};
use alloy_hardforks::EthereumHardforks;

/// Most bytes of a block's RLP from Osaka on (EIP-7934): 10 MiB less 2 MiB for the beacon block.
const RLP_BYTES_MAX: usize = 8 << 20;

/// Checks what a block's bytes alone can tell, before anything is executed. `n_bytes` is the
/// length of the block's RLP. What needs the parent is [`check_header`](super::check_header)'s.
///
/// # Errors
/// With the first rule that is broken: the block is invalid.
pub fn check_body(chain: &ChainSpec, block: &Block, n_bytes: usize) -> Result<(), RuleError> {
    let header = &block.header;
    check_fields(chain, header)?;
    let has_withdrawals = chain.is_shanghai_active_at_timestamp(header.timestamp);
    check_presence("withdrawals", block.withdrawals.is_some(), has_withdrawals)?;
    if chain.is_osaka_active_at_timestamp(header.timestamp) && n_bytes > RLP_BYTES_MAX {
        return Err(RuleError::TooLarge { n_bytes, most: RLP_BYTES_MAX });
    }
    ommers::check_alone(chain, header, &block.ommers)
}
