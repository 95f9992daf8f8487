//! Chains: blocks as RLP one after the other, as `geth export` writes them, with the
//! `genesis.json` that `geth init` takes beside them.

mod blocks;
mod export;
mod genesis;
mod genesis_file;
mod rules;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub use write::{WriteOptions, Written, write_chain};

use crate::{
    blockchain_tests::NotRun,
    branches::Branches,
    error::InputError,
    input::{Expected, Input, InputBlock, ParentState},
};
use alloy_primitives::B256;
use genesis::Genesis;
use std::{collections::BTreeMap, sync::Arc};

/// What a genesis file is called.
pub(crate) const GENESIS_NAME: &str = "genesis.json";
/// What a chain is usually called; any other name will do.
pub(crate) const CHAIN_NAME: &str = "chain.rlp";
/// Most blocks of one chain. Each keeps the hashes of 256 others, 13 KB.
const BLOCKS_MAX: usize = 100_000;

/// A file that was read: its path and its content.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Chains and genesis files as they come, by their folders.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    genesis: BTreeMap<String, Content>,
    chains: Vec<(String, Content)>,
}

impl Collector {
    /// Takes a genesis file in. It counts for the chains of its folder.
    pub(crate) fn add_genesis(&mut self, folder: &str, file: Content) -> Result<(), InputError> {
        let at = file.path.clone();
        match self.genesis.insert(folder.to_owned(), file) {
            Some(_) => Err(InputError::Twice { at }),
            None => Ok(()),
        }
    }

    /// Takes a chain in.
    pub(crate) fn add_chain(&mut self, folder: &str, file: Content) {
        self.chains.push((folder.to_owned(), file));
    }

    /// Tells whether a chain is there whose genesis is not.
    pub(crate) fn lacks_genesis(&self) -> bool {
        self.chains.iter().any(|(folder, _)| !self.genesis.contains_key(folder))
    }

    /// Returns the chains as inputs. `progress` hears of blocks that were read, of how many.
    pub(crate) fn finish(
        self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<Input>, InputError> {
        let Self { genesis, chains } = self;
        let read = |(folder, chain): (String, Content)| {
            let genesis = genesis.get(&folder).ok_or_else(|| InputError::Incomplete {
                at: chain.path.clone(),
                file: GENESIS_NAME,
            })?;
            read(chain, genesis, progress)
        };
        chains.into_iter().map(read).collect()
    }
}

/// Reads a chain on its genesis.
pub(crate) fn read(
    chain: Content,
    genesis: &Content,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Input, InputError> {
    let Genesis { header, state, config } = genesis::read(genesis)?;
    let block_hash = header.hash_slow();
    let block_number = header.number;
    let mut line = Line {
        path: &chain.path,
        genesis: &genesis.path,
        branches: Branches::new(block_hash, header),
        head: block_hash,
        n_blocks: 0,
    };
    let parts = blocks::split(&chain.path, chain.bytes.into())?;
    let n_parts = parts.len() as u64;
    let mut blocks = Vec::with_capacity(parts.len());
    for (part, done) in parts.into_iter().zip(1..) {
        blocks.extend(line.add(part)?);
        progress(done, n_parts);
    }
    if blocks.is_empty() {
        return Err(InputError::NoBlocks { at: chain.path });
    }
    let drafts = [config.amsterdam_time, config.bogota_time].into_iter().flatten();
    if drafts.min().is_some_and(|time| line.branches.last_timestamp() >= time) {
        return Err(InputError::NotRun { at: chain.path, rule: NotRun::Amsterdam });
    }
    Ok(Input {
        chain: rules::chain(&genesis.path, &config, &line.branches)?,
        blocks,
        parent: ParentState::Genesis { block_hash, block_number, state: Arc::new(state) },
        expected: Expected { head: Some(line.head), state: None },
        name: chain.path,
    })
}

/// The end of a chain while blocks are put on it.
struct Line<'a> {
    path: &'a str,
    genesis: &'a str,
    branches: Branches,
    head: B256,
    n_blocks: u64,
}

impl Line<'_> {
    /// Puts a block on the chain; nothing comes of the genesis block, which the state stands for.
    fn add(&mut self, part: blocks::Part) -> Result<Option<InputBlock>, InputError> {
        let wrong = |reason: String| InputError::value(self.path, part.to_string(), reason);
        let (hash, block) =
            self.branches.add_block(part.rlp.clone()).map_err(|error| wrong(error.to_string()))?;
        if self.n_blocks == 0 && hash == self.head {
            return Ok(None);
        }
        if block.parent_hash != self.head {
            let parent = block.parent_hash;
            return Err(wrong(match self.n_blocks {
                0 => format!("its parent is {parent}; {} makes {}", self.genesis, self.head),
                _ => format!("its parent is {parent}; the block before it is {}", self.head),
            }));
        }
        self.head = hash;
        self.n_blocks += 1;
        Ok(Some(block))
    }
}
