//! Blocks told apart by their branch: each gets the ancestors of its own line.

use crate::input::InputBlock;
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{B256, Bytes, U256};
use engine::{
    block::{AncestorHashes, Block, BlockDecodeError, Ommers},
    chain::ChainSpec,
    lineage::{Ancestor, Lineage},
};
use std::{collections::BTreeMap, iter, sync::Arc};

/// How many earlier blocks a block may ask the hash of.
pub(crate) const ANCESTORS_MAX: usize = 256;
/// How many generations before a block its ommers' rules look at: an ommer's parent is at most
/// seven before it.
pub(crate) const LINEAGE_MAX: usize = 7;

/// Every block that was seen, by its hash, from one genesis on. What is to be refused is among
/// them.
#[derive(Debug)]
pub(crate) struct Branches(BTreeMap<B256, Seen>);

#[derive(Debug)]
struct Seen {
    ancestor: Arc<Ancestor>,
    /// Sum of the difficulties from genesis on.
    total_difficulty: U256,
    /// Whether it is there to be refused: it counts for nothing.
    is_refused: bool,
}

impl Branches {
    /// Begins with the block that all descend from.
    pub(crate) fn new(hash: B256, genesis: Header) -> Self {
        let total_difficulty = genesis.difficulty;
        let ancestor = Ancestor { hash, header: genesis, ommers: Some(Vec::new()) };
        let ancestor = Arc::new(ancestor);
        Self(BTreeMap::from([(hash, Seen { ancestor, total_difficulty, is_refused: false })]))
    }

    /// Takes a block in as it is handed over. Bytes that are no block are passed on as they are.
    pub(crate) fn add(&mut self, block_rlp: Bytes, expects_invalid: Option<String>) -> InputBlock {
        match self.add_as(block_rlp.clone(), expects_invalid.is_some()) {
            Ok((_, block)) => InputBlock { expects_invalid, ..block },
            Err(_) => no_block(block_rlp, expects_invalid),
        }
    }

    /// Takes a valid block in and returns it with its hash.
    pub(crate) fn add_block(
        &mut self,
        block_rlp: Bytes,
    ) -> Result<(B256, InputBlock), BlockDecodeError> {
        self.add_as(block_rlp, false)
    }

    fn add_as(
        &mut self,
        block_rlp: Bytes,
        is_refused: bool,
    ) -> Result<(B256, InputBlock), BlockDecodeError> {
        let Block { hash, header, ommers, .. } = Block::decode(&block_rlp)?;
        let (ancestors, lineage) = self.below(header.parent_hash);
        let input = InputBlock {
            block_rlp,
            number: header.number,
            parent_hash: header.parent_hash,
            ancestors,
            lineage,
            ommers: Ommers::Known,
            expects_invalid: None,
            chain: None,
        };
        self.insert_as(hash, header, ommers, is_refused);
        Ok((hash, input))
    }

    /// Returns what a child of a block has to know of the blocks before it.
    pub(crate) fn below(&self, parent: B256) -> (AncestorHashes, Lineage) {
        let line: Vec<Arc<Ancestor>> = self.line(parent).take(ANCESTORS_MAX).collect();
        let hashes = line.iter().map(|ancestor| (ancestor.header.number, ancestor.hash));
        let ancestors = AncestorHashes(hashes.collect());
        (ancestors, Lineage(line.iter().take(LINEAGE_MAX).cloned().collect()))
    }

    /// Returns the latest time of a block.
    pub(crate) fn last_timestamp(&self) -> u64 {
        self.0.values().map(|seen| seen.ancestor.header.timestamp).max().unwrap_or_default()
    }

    /// Returns the number of the first block that proof of stake rules (EIP-3675): the one whose
    /// parent reached this total difficulty, on the branch that comes there with the fewest blocks.
    pub(crate) fn first_after(&self, total_difficulty: U256) -> Option<u64> {
        let reached = |seen: &&Seen| !seen.is_refused && seen.total_difficulty >= total_difficulty;
        let reached = self.0.values().filter(reached);
        reached.map(|seen| seen.ancestor.header.number.saturating_add(1)).min()
    }

    /// Gives blocks of other branches, where proof of stake begins with another number, rules of their
    /// own.
    pub(crate) fn give_rules(
        &self,
        blocks: &mut [InputBlock],
        chain: &ChainSpec,
        total_difficulty: U256,
    ) {
        for block in blocks {
            let Some(parent) = self.0.get(&block.parent_hash) else { continue };
            let is_paris = parent.total_difficulty >= total_difficulty;
            if is_paris != chain.is_paris_active_at_block(block.number) {
                let first = if is_paris { block.number } else { block.number.saturating_add(1) };
                block.chain = Some(chain.with_paris_from(first));
            }
        }
    }

    /// Puts a valid block on its parent.
    pub(crate) fn insert(&mut self, hash: B256, header: Header, ommers: Vec<Header>) {
        self.insert_as(hash, header, ommers, false);
    }

    /// A block that was valid once stays so, whatever else is said of it.
    fn insert_as(&mut self, hash: B256, header: Header, ommers: Vec<Header>, is_refused: bool) {
        let parent = self.0.get(&header.parent_hash);
        let before = parent.map_or(U256::ZERO, |seen| seen.total_difficulty);
        let total_difficulty = before.saturating_add(header.difficulty);
        let ancestor = Arc::new(Ancestor { hash, header, ommers: Some(ommers) });
        let seen = Seen { ancestor, total_difficulty, is_refused };
        self.0.entry(hash).and_modify(|known| known.is_refused &= is_refused).or_insert(seen);
    }

    /// Goes from a block back to genesis, as far as blocks are known.
    fn line(&self, from: B256) -> impl Iterator<Item = Arc<Ancestor>> {
        let find = |hash: &B256| self.0.get(hash).map(|seen| Arc::clone(&seen.ancestor));
        iter::successors(find(&from), move |child| find(&child.header.parent_hash))
    }
}

fn no_block(block_rlp: Bytes, expects_invalid: Option<String>) -> InputBlock {
    InputBlock {
        block_rlp,
        number: 0,
        parent_hash: B256::ZERO,
        ancestors: AncestorHashes::default(),
        lineage: Lineage::default(),
        ommers: Ommers::Known,
        expects_invalid,
        chain: None,
    }
}
