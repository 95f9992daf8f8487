//! The blocks of an input that were taken, its branches, and the head among them. Pure.
//!
//! Which of two branches counts is for whoever hands blocks over to say: a cluster moves its head
//! only when a block is committed on it.

use alloy_primitives::{B256, U256};
use engine::ids::SnapshotId;
use std::collections::BTreeMap;

/// Blocks that were taken, by hash, from the one below an input's first on.
#[derive(Debug)]
pub(super) struct Chain {
    taken: BTreeMap<B256, Taken>,
    /// The block that counts.
    head: B256,
    /// The block that the cluster has for its head.
    cluster_head: B256,
}

/// The state after a block, and what its branch weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The cluster's name of the state after it.
    pub(super) snapshot: SnapshotId,
    /// The state root that the cluster found, where it can know one.
    pub(super) state_root: Option<B256>,
    /// Sum of the difficulties after the block that the input begins on.
    total_difficulty: U256,
}

/// A block that the cluster executed and found right.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewBlock {
    pub(super) hash: B256,
    pub(super) parent: B256,
    pub(super) difficulty: U256,
    pub(super) snapshot: SnapshotId,
    pub(super) state_root: Option<B256>,
}

impl Chain {
    /// Begins with the block that an input's first one stands on.
    pub(super) fn new(block: B256, snapshot: SnapshotId, state_root: Option<B256>) -> Self {
        let taken = Taken { snapshot, state_root, total_difficulty: U256::ZERO };
        Self { taken: BTreeMap::from([(block, taken)]), head: block, cluster_head: block }
    }

    /// Returns a block that was taken.
    pub(super) fn get(&self, block: &B256) -> Option<&Taken> {
        self.taken.get(block)
    }

    /// Returns the head.
    pub(super) const fn head(&self) -> B256 {
        self.head
    }

    /// Takes a block. If it makes another block the head than the cluster made of it by itself,
    /// returns the one that the cluster is to be told.
    #[must_use]
    pub(super) fn take(&mut self, block: NewBlock) -> Option<B256> {
        let below = self.taken.get(&block.parent);
        let below = below.map_or(U256::ZERO, |parent| parent.total_difficulty);
        let total_difficulty = below.saturating_add(block.difficulty);
        let (snapshot, state_root) = (block.snapshot, block.state_root);
        self.taken.entry(block.hash).or_insert(Taken { snapshot, state_root, total_difficulty });
        if self.is_head(&block, total_difficulty) {
            self.head = block.hash;
        }
        if self.cluster_head == block.parent {
            self.cluster_head = block.hash;
        }
        (self.cluster_head != self.head).then(|| {
            self.cluster_head = self.head;
            self.head
        })
    }

    /// Tells whether a block is the head from now on: proof of work counts the heavier branch, and of
    /// two alike the first that was seen; where there is no work to count, whoever handed the block
    /// over last means it.
    fn is_head(&self, block: &NewBlock, total_difficulty: U256) -> bool {
        let head = self.taken.get(&self.head);
        block.difficulty.is_zero()
            || head.is_none_or(|head| total_difficulty > head.total_difficulty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(block: u64) -> B256 {
        B256::from(U256::from(block))
    }

    fn chain() -> Chain {
        Chain::new(hash(0), SnapshotId::Block(hash(0)), None)
    }

    /// Takes `(block, parent, difficulty)`, and returns which heads the cluster was to be told.
    fn told(chain: &mut Chain, blocks: &[(u64, u64, u64)]) -> Vec<Option<B256>> {
        let mut take = |(block, parent, difficulty): &(u64, u64, u64)| {
            chain.take(NewBlock {
                hash: hash(*block),
                parent: hash(*parent),
                difficulty: U256::from(*difficulty),
                snapshot: SnapshotId::Block(hash(*block)),
                state_root: None,
            })
        };
        blocks.iter().map(&mut take).collect()
    }

    #[test]
    fn one_line_needs_no_choice() {
        for difficulty in [5, 0] {
            let mut chain = chain();

            let blocks = [(1, 0, difficulty), (2, 1, difficulty), (3, 2, difficulty)];
            let told = told(&mut chain, &blocks);

            assert_eq!(told, [None; 3]);
            assert_eq!(chain.head(), hash(3));
        }
    }

    #[test]
    fn with_proof_of_work_the_heavier_branch_counts_and_of_two_alike_the_first() {
        let mut chain = chain();

        let told = told(&mut chain, &[(1, 0, 5), (2, 0, 5), (3, 2, 1), (4, 1, 1), (5, 4, 1)]);

        // 2 weighs what 1 weighs; 3 makes its branch heavier; 4 makes the first one as heavy, and 5
        // heavier again.
        assert_eq!(told, [None, None, Some(hash(3)), None, Some(hash(5))]);
        assert_eq!(chain.head(), hash(5));
    }

    #[test]
    fn with_proof_of_stake_the_last_valid_block_counts() {
        let mut chain = chain();

        let told = told(&mut chain, &[(1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 3, 0)]);

        assert_eq!(told, [None, Some(hash(2)), Some(hash(3)), None]);
        assert_eq!(chain.head(), hash(4));
    }

    #[test]
    fn a_block_that_was_taken_keeps_its_state() {
        let mut chain = chain();
        assert_eq!(told(&mut chain, &[(1, 0, 5), (2, 1, 5), (1, 0, 5)]), [None; 3]);

        assert_eq!(chain.head(), hash(2));
        assert_eq!(chain.get(&hash(1)).unwrap().snapshot, SnapshotId::Block(hash(1)));
        assert_eq!(chain.get(&hash(9)), None);
    }
}
