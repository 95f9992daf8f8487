//! Whether a lineage is a block's own: an error of whoever gave it, never the block's.

use super::draft::ommers_hash;
use crate::{block::Block, lineage::Lineage};

/// Why a lineage is not the block's. It says nothing of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// The hash that was given with a header is another's.
    #[error("lineage[{index}]: its hash is not its header's")]
    Hash {
        /// Its offset (from 0, the parent) in the lineage.
        index: usize,
    },
    /// It is not the parent of what stands before it.
    #[error("lineage[{index}]: it is not the parent of the block before it in the list")]
    NotParent {
        /// Its offset (from 0, the parent) in the lineage.
        index: usize,
    },
    /// Its number is not one less than that of its child.
    #[error("lineage[{index}]: its number is not one below its child's")]
    Number {
        /// Its offset (from 0, the parent) in the lineage.
        index: usize,
    },
    /// The ommers that were given with it are not those that its header commits to.
    #[error("lineage[{index}]: its ommers are not those that its header names")]
    Ommers {
        /// Its offset (from 0, the parent) in the lineage.
        index: usize,
    },
}

/// Checks that a lineage is the block's: linked by hash from the parent on, ommers as the headers
/// commit to them. That the block's own number follows its parent's is a rule of the block.
///
/// # Errors
/// With the first ancestor that does not fit.
pub fn check_lineage(block: &Block, lineage: &Lineage) -> Result<(), LineageError> {
    let mut child = &block.header;
    for (index, ancestor) in lineage.0.iter().enumerate() {
        let header = &ancestor.header;
        if ancestor.hash != header.hash_slow() {
            return Err(LineageError::Hash { index });
        }
        if child.parent_hash != ancestor.hash {
            return Err(LineageError::NotParent { index });
        }
        if index > 0 && header.number.checked_add(1) != Some(child.number) {
            return Err(LineageError::Number { index });
        }
        let ommers = ancestor.ommers.as_deref();
        if ommers.is_some_and(|ommers| ommers_hash(ommers) != header.ommers_hash) {
            return Err(LineageError::Ommers { index });
        }
        child = header;
    }
    Ok(())
}
