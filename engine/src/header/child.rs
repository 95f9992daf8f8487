//! What a header has to be because of its parent's.

use super::{
    RuleError, base_fee::base_fee, blobs::excess_blob_gas, difficulty::difficulty, gas_limit,
    ommers,
};
use crate::{block::Block, chain::ChainSpec, lineage::Lineage};
use alloy_consensus::Header;
use std::fmt::Display;

/// Checks a block's header against the blocks before it, as far as these are known: without the
/// parent nothing is checked, without older ancestors only what the parent tells. The lineage has
/// to be the block's own ([`check_lineage`](super::check_lineage)), and the block one that
/// [`check_body`](super::check_body) let pass. The seal is not checked.
///
/// # Errors
/// With the first rule that is broken: the block is invalid.
pub fn check_header(chain: &ChainSpec, block: &Block, lineage: &Lineage) -> Result<(), RuleError> {
    if let Some(parent) = lineage.parent() {
        check_child(chain, &block.header, &parent.header)?;
    }
    ommers::check_related(chain, block, lineage)
}

/// Checks a header against its parent's; a block's and an ommer's alike.
pub(super) fn check_child(
    chain: &ChainSpec,
    header: &Header,
    parent: &Header,
) -> Result<(), RuleError> {
    check_chosen(chain, header, parent)?;
    let wanted = difficulty(chain, parent, header.timestamp);
    follows("difficulty", &header.difficulty, &wanted)
}

/// Checks a header against its parent's, apart from the difficulty.
pub(super) fn check_chosen(
    chain: &ChainSpec,
    header: &Header,
    parent: &Header,
) -> Result<(), RuleError> {
    follows("number", &header.number, &parent.number.saturating_add(1))?;
    if header.timestamp <= parent.timestamp {
        let (timestamp, parent) = (header.timestamp, parent.timestamp);
        return Err(RuleError::Timestamp { timestamp, parent });
    }
    gas_limit::check_step(chain, header, parent)?;
    follows_if_any("base fee", header.base_fee_per_gas, base_fee(chain, parent))?;
    let excess = excess_blob_gas(chain, parent, header.timestamp);
    follows_if_any("excess blob gas", header.excess_blob_gas, excess)
}

fn follows<T: PartialEq + Display>(
    field: &'static str,
    found: &T,
    wanted: &T,
) -> Result<(), RuleError> {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (found.to_string(), wanted.to_string());
    Err(RuleError::Follows { field, found, wanted })
}

/// Compares a field that not every fork has; that it is there if and only if its fork wants it is
/// checked with the other fields of the fork.
fn follows_if_any(
    field: &'static str,
    found: Option<u64>,
    wanted: Option<u64>,
) -> Result<(), RuleError> {
    follows(field, &found.unwrap_or_default(), &wanted.unwrap_or_default())
}
