//! What a block says of itself.

use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{B256, U256};
use engine::{
    account::TouchRule,
    block::{Block, Ommers},
    chain::ChainSpec,
    header::{BlockResults, FieldComparison, compare},
};

/// A block's own words, as far as its bytes are a block.
#[derive(Debug)]
pub(super) struct BlockFacts {
    block: Option<Block>,
}

impl BlockFacts {
    pub(super) fn of(block_rlp: &[u8]) -> Self {
        // Bytes that are no block are refused by the cluster, which says why.
        Self { block: Block::decode(block_rlp).ok() }
    }

    pub(super) fn hash(&self) -> Option<B256> {
        self.block.as_ref().map(|block| block.hash)
    }

    pub(super) fn parent_hash(&self) -> Option<B256> {
        self.block.as_ref().map(|block| block.header.parent_hash)
    }

    pub(super) fn difficulty(&self) -> U256 {
        self.block.as_ref().map_or(U256::ZERO, |block| block.header.difficulty)
    }

    pub(super) fn n_transactions(&self) -> u64 {
        self.block.as_ref().map_or(0, |block| block.transactions.len() as u64)
    }

    /// Returns the fork's name; forks that only change blob limits are named too.
    pub(super) fn fork(&self, chain: &ChainSpec) -> Option<String> {
        let header = &self.block.as_ref()?.header;
        let name = if chain.is_bpo2_active_at_timestamp(header.timestamp) {
            "BPO2"
        } else if chain.is_bpo1_active_at_timestamp(header.timestamp) {
            "BPO1"
        } else {
            chain.spec_at(header.number, header.timestamp).into()
        };
        Some(name.to_owned())
    }

    /// Returns what the block's fork makes of touched empty accounts.
    pub(super) fn touch_rule(&self, chain: &ChainSpec) -> TouchRule {
        let header = self.block.as_ref().map(|block| &block.header);
        let (number, timestamp) = header.map_or((0, 0), |header| (header.number, header.timestamp));
        TouchRule::of(chain.spec_at(number, timestamp))
    }

    /// Compares what execution produced with the header.
    pub(super) fn compare(
        &self,
        results: Option<&BlockResults>,
        ommers: Ommers,
    ) -> Vec<FieldComparison> {
        match (results, &self.block) {
            (Some(results), Some(block)) => compare(results, &block.header, ommers),
            _ => Vec::new(),
        }
    }
}
