//! The beginning of building: attributes and parent, checked.

use super::BuildAttributes;
use crate::{
    block::{Block, BlockAttributes},
    chain::ChainSpec,
    header::{self, LineageError, RuleError, check_body, check_lineage, check_related},
    lineage::Lineage,
};
use alloy_primitives::B256;

/// Why no block can be built; each message begins with the field of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody said what the parent's header is.
    #[error("lineage: the parent's header is missing")]
    NoParent,
    /// The headers are not those of blocks that follow each other.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// The attributes are not those of a block that may follow the parent.
    #[error("attributes: {0}")]
    Attributes(#[from] RuleError),
}

/// Opens a block on the first of a lineage: its header without results, and what is known of its
/// body. Its number of transactions is that of the candidates.
///
/// # Errors
/// If the parent is not known, or no such block may follow it.
pub fn open(
    chain: &ChainSpec,
    lineage: &Lineage,
    attributes: &BuildAttributes,
    n_candidates: usize,
) -> Result<BlockAttributes, OpenError> {
    let parent = lineage.parent().ok_or(OpenError::NoParent)?;
    let header = header::open(chain, &parent.header, attributes)?;
    let block = Block {
        hash: B256::ZERO,
        header,
        transactions: Vec::new(),
        ommers: attributes.ommers.clone(),
        withdrawals: attributes.withdrawals.clone(),
    };
    check_lineage(&block, lineage)?;
    check_body(chain, &block, 0)?;
    check_related(chain, &block, lineage)?;
    Ok(BlockAttributes { n_transactions: n_candidates, ..block.attributes() })
}
