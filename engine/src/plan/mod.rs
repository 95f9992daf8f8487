//! Cuts a block into slices.
//!
//! A [`Plan`] is the immutable first cut: ascending lists of indices, each index once. It is made
//! of hints; validation decides. What a plan wants, in this order: every slice within the gas that
//! a slice may have, slices of about equal predicted gas, transactions of one sender (and, where a
//! transfer's recipient is predictable, of one component of payments) in one slice, neighbours in
//! one slice. The same rules cut what conflicted into the slices of a later round.

mod cut;
mod predict;
#[cfg(test)]
mod tests;

pub use cut::{CutShape, Piecework, cut, cut_by_groups};
pub use predict::{BLOCK_STEP_GAS, predicted_gas};

use crate::{check, ids::AccessIndex, invariant::Invariant, task::SignedBy};

/// How a block is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanKind {
    /// One slice.
    Whole,
    /// Slices that run at once and may conflict.
    Optimistic,
}

/// The first cut of a block into slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    kind: PlanKind,
    slices: Vec<Vec<AccessIndex>>,
}

/// Why something is no plan of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// An index is in no slice.
    #[error("index {index} is in no slice")]
    Missing {
        /// The index.
        index: AccessIndex,
    },
    /// An index is in more than one slice, or the block has no such index.
    #[error("index {index} is there once too often")]
    Surplus {
        /// The index.
        index: AccessIndex,
    },
    /// A slice is not in ascending order.
    #[error("slice {slice} is not in ascending order")]
    Order {
        /// Its place in the plan.
        slice: usize,
    },
    /// A slice has no index.
    #[error("slice {slice} is empty")]
    Empty {
        /// Its place in the plan.
        slice: usize,
    },
}

impl Plan {
    /// Makes one slice of the whole block.
    pub fn whole(n_transactions: usize) -> Self {
        let end = AccessIndex::post_block(n_transactions).position();
        let all = (0..=end).map(AccessIndex::new).collect();
        Self { kind: PlanKind::Whole, slices: vec![all] }
    }

    /// Cuts a block. The index before the transactions rides with the first slice, the one after
    /// them with the last.
    pub fn split(transactions: &[SignedBy], shape: CutShape) -> Self {
        let work = predict::piecework(transactions, shape);
        let mut slices = cut(&work, shape);
        if slices.is_empty() {
            slices.push(Vec::new());
        }
        slices[0].insert(0, AccessIndex::PRE_BLOCK);
        let last = slices.len() - 1;
        slices[last].push(AccessIndex::post_block(transactions.len()));
        let plan = Self { kind: PlanKind::Optimistic, slices };
        check!(Invariant::PlanCoversBlock, plan.check(transactions.len()).is_ok());
        plan
    }

    /// Returns how the block is cut.
    pub const fn kind(&self) -> PlanKind {
        self.kind
    }

    /// Returns the slices, ordered by their first index.
    pub fn slices(&self) -> &[Vec<AccessIndex>] {
        &self.slices
    }

    /// Judges the plan: every index of the block exactly once, ascending in each slice.
    ///
    /// # Errors
    /// With the first fault.
    pub fn check(&self, n_transactions: usize) -> Result<(), PlanFault> {
        let mut seen = vec![false; n_transactions + 2];
        for (slice, indices) in self.slices.iter().enumerate() {
            if indices.is_empty() {
                return Err(PlanFault::Empty { slice });
            }
            if !indices.is_sorted_by(|one, other| one < other) {
                return Err(PlanFault::Order { slice });
            }
            for index in indices {
                match seen.get_mut(index.position() as usize) {
                    Some(seen) if !*seen => *seen = true,
                    _ => return Err(PlanFault::Surplus { index: *index }),
                }
            }
        }
        match (0..).zip(&seen).find(|(_, seen)| !**seen) {
            Some((position, _)) => Err(PlanFault::Missing { index: AccessIndex::new(position) }),
            None => Ok(()),
        }
    }
}
