//! Ommers (uncles): recent, not of the chain itself, named once, and good headers themselves.

use super::{RuleError, child::check_child, fields::check_fields};
use crate::{block::Block, chain::ChainSpec, lineage::Lineage};
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardforks;

/// Most ommers of a block.
const OMMERS_MAX: usize = 2;
/// How many generations an ommer may be older than the block that names it.
pub(super) const DEPTH_MAX: u64 = 6;

/// Checks what a block's bytes tell of its ommers.
pub(super) fn check_alone(
    chain: &ChainSpec,
    header: &Header,
    ommers: &[Header],
) -> Result<(), RuleError> {
    let allowed = if chain.is_paris_active_at_block(header.number) { 0 } else { OMMERS_MAX };
    let n_ommers = ommers.len();
    if n_ommers > allowed {
        return Err(RuleError::Ommers { n_ommers, allowed });
    }
    for (offset, ommer) in ommers.iter().enumerate() {
        let depth = header.number.checked_sub(ommer.number);
        if !depth.is_some_and(|depth| (1..=DEPTH_MAX).contains(&depth)) {
            return Err(RuleError::OmmerDepth { number: ommer.number });
        }
        if ommers[..offset].contains(ommer) {
            return Err(RuleError::OmmerPlace { offset, reason: "is named twice" });
        }
        check_fields(chain, ommer).map_err(|broken| broken_by(offset, broken))?;
    }
    Ok(())
}

/// Checks a block's ommers against the blocks before it, as far as these are known.
pub(crate) fn check_related(
    chain: &ChainSpec,
    block: &Block,
    lineage: &Lineage,
) -> Result<(), RuleError> {
    for (offset, ommer) in block.ommers.iter().enumerate() {
        let place = |reason| RuleError::OmmerPlace { offset, reason };
        let hash = ommer.hash_slow();
        if lineage.0.iter().any(|ancestor| ancestor.hash == hash) {
            return Err(place("is an ancestor of the block"));
        }
        if was_named(lineage, ommer) {
            return Err(place("was named by a block before"));
        }
        let depth = block.header.number.saturating_sub(ommer.number);
        let parent = usize::try_from(depth).ok().and_then(|depth| lineage.0.get(depth));
        let Some(parent) = parent else { continue };
        if parent.hash != ommer.parent_hash {
            return Err(place("has a parent that is not an ancestor of the block"));
        }
        check_child(chain, ommer, &parent.header).map_err(|broken| broken_by(offset, broken))?;
    }
    Ok(())
}

fn was_named(lineage: &Lineage, ommer: &Header) -> bool {
    let mut named = lineage.0.iter().filter_map(|ancestor| ancestor.ommers.as_ref()).flatten();
    named.any(|one| one == ommer)
}

fn broken_by(offset: usize, broken: RuleError) -> RuleError {
    RuleError::Ommer { offset, broken: Box::new(broken) }
}
