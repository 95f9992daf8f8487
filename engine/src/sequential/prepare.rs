//! First stage: from a block's bytes to transactions with their senders.

use super::{InvalidBlock, PrepareError};
use crate::{
    block::Block,
    chain::ChainSpec,
    header::{check_body, check_header, check_lineage},
    lineage::Lineage,
    senders,
};
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

/// Decodes a block, checks its body, and its header against the blocks before it as far as these
/// are known, and recovers the senders.
///
/// # Errors
/// If the bytes are no block, if the body or the header breaks a rule, or if the lineage is that of
/// another block.
pub fn prepare(
    chain: &ChainSpec,
    block_rlp: &[u8],
    lineage: &Lineage,
) -> Result<Prepared, PrepareError> {
    let block = Block::decode(block_rlp).map_err(InvalidBlock::body)?;
    check_lineage(&block, lineage)?;
    check_body(chain, &block, block_rlp.len()).map_err(InvalidBlock::body)?;
    check_header(chain, &block, lineage).map_err(InvalidBlock::body)?;
    let spec = chain.spec_at(block.header.number, block.header.timestamp);
    let senders = block.transactions.iter().map(|tx| senders::recover(tx, spec)).collect();
    Ok(Prepared { block, spec, senders })
}
