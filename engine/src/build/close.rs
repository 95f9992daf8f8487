//! The end of building: header, bytes, hash.

use super::{BuiltBlock, Dropped};
use crate::{
    block::{Block, BlockAttributes},
    chain::ChainSpec,
    header::{self, BlockResults, RuleError, check_body},
};
use alloy_consensus::{BlockBody, TxEnvelope};
use std::sync::Arc;

/// Why a block that was executed cannot be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// The Snapshot below the block was loaded from values alone: nobody knows its roots.
    #[error("the state below the block has no trie, so its roots are not known")]
    NoRoots,
    /// The block as a whole breaks a rule.
    #[error("the block breaks a rule: {0}")]
    Rule(#[from] RuleError),
}

/// Closes a block: puts what execution produced into its open header.
///
/// # Errors
/// If roots are not known, or the block is too large.
pub fn close(
    chain: &ChainSpec,
    attributes: &BlockAttributes,
    (transactions, dropped): (Vec<Arc<TxEnvelope>>, Vec<Dropped>),
    results: &BlockResults,
) -> Result<BuiltBlock, CloseError> {
    let state_root = results.state_root.ok_or(CloseError::NoRoots)?;
    let open = attributes.header.clone();
    let header = header::close(open, results, state_root).ok_or(CloseError::NoRoots)?;
    let (ommers, withdrawals) = (attributes.ommers.clone(), attributes.withdrawals.clone());
    let body = BlockBody {
        transactions: transactions.clone(),
        ommers: ommers.clone(),
        withdrawals: withdrawals.clone().map(Into::into),
    };
    let rlp = alloy_rlp::encode(alloy_consensus::Block { header: header.clone(), body });
    let hash = header.hash_slow();
    let block = Block { hash, header, transactions, ommers, withdrawals };
    check_body(chain, &block, rlp.len())?;
    let Block { header, transactions, .. } = block;
    Ok(BuiltBlock { hash, block_rlp: rlp.into(), header, transactions, dropped })
}
