//! First stage: from a block's bytes to transactions with their senders.

use super::InvalidBlock;
use crate::{block::Block, chain::ChainSpec, header::check_body, senders};
use alloy_primitives::Address;
use revm::primitives::hardfork::SpecId;

/// A block that is ready to be executed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The block.
    pub block: Block,
    /// The rules that hold for it.
    pub spec: SpecId,
    /// Sender of each transaction; `None` where the signature is not valid.
    pub senders: Vec<Option<Address>>,
}

/// Decodes a block, checks its body and recovers the senders.
///
/// # Errors
/// If the bytes are no block, or the body breaks a rule.
pub fn prepare(chain: &ChainSpec, block_rlp: &[u8]) -> Result<Prepared, InvalidBlock> {
    let block = Block::decode(block_rlp).map_err(InvalidBlock::body)?;
    check_body(chain, &block, block_rlp.len()).map_err(InvalidBlock::body)?;
    let spec = chain.spec_at(block.header.number, block.header.timestamp);
    let senders = block.transactions.iter().map(|tx| senders::recover(tx, spec)).collect();
    Ok(Prepared { block, spec, senders })
}
