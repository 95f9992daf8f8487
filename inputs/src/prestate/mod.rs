//! Blocks with the values that they read: a folder a block, whatever it is called.
//!
//! `block.json` is the block as JSON-RPC gives it with full transactions, `pre_state.json` maps
//! addresses to accounts and slots, `bytecodes.json` hashes to code; `block_hashes.json`, where it
//! is there, maps numbers of earlier blocks to their hashes.

mod block;
mod values;

use crate::{
    error::InputError,
    input::{Expected, Input, InputBlock, ParentState, StateValues},
};
use alloy_primitives::B256;
use block::BlockFile;
use engine::{
    block::{AncestorHashes, Code},
    lineage::Lineage,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};
use values::AccountFile;

/// Most blocks of one input.
const BLOCKS_MAX: usize = 10_000;

/// A file of a block's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrestateFile {
    Block,
    PreState,
    Bytecodes,
    BlockHashes,
}

impl PrestateFile {
    /// Returns the file that a name stands for.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "block.json" => Some(Self::Block),
            "pre_state.json" => Some(Self::PreState),
            "bytecodes.json" => Some(Self::Bytecodes),
            "block_hashes.json" => Some(Self::BlockHashes),
            _ => None,
        }
    }
}

/// What one folder held so far.
#[derive(Debug, Default)]
struct Folder {
    block: Option<BlockFile>,
    accounts: Option<AccountFile>,
    codes: Option<Vec<Code>>,
    hashes: Option<BTreeMap<u64, B256>>,
}

/// Takes files in any order and makes inputs of them.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    folders: BTreeMap<String, Folder>,
}

impl Collector {
    /// Takes a file in.
    pub(crate) fn add(
        &mut self,
        folder: &str,
        file: PrestateFile,
        at: &str,
        json: &[u8],
    ) -> Result<(), InputError> {
        if self.folders.len() >= BLOCKS_MAX && !self.folders.contains_key(folder) {
            return Err(InputError::TooMuch {
                at: at.to_owned(),
                max: BLOCKS_MAX as u64,
                unit: "blocks",
            });
        }
        let parts = self.folders.entry(folder.to_owned()).or_default();
        let was_there = match file {
            PrestateFile::Block => parts.block.replace(block::read(at, json)?).is_some(),
            PrestateFile::PreState => parts.accounts.replace(values::read(at, json)?).is_some(),
            PrestateFile::Bytecodes => parts.codes.replace(values::read_codes(at, json)?).is_some(),
            PrestateFile::BlockHashes => {
                parts.hashes.replace(values::read_hashes(at, json)?).is_some()
            }
        };
        if was_there { Err(InputError::Twice { at: at.to_owned() }) } else { Ok(()) }
    }

    /// Returns the blocks as inputs, in ascending order of their numbers.
    pub(crate) fn finish(self) -> Result<Vec<Input>, InputError> {
        let mut by_number = BTreeMap::new();
        for (name, folder) in self.folders {
            let input = folder.into_input(name)?;
            match by_number.entry(input.blocks[0].number) {
                Entry::Vacant(vacant) => vacant.insert(input),
                Entry::Occupied(_) => return Err(InputError::Twice { at: input.name }),
            };
        }
        Ok(by_number.into_values().collect())
    }
}

impl Folder {
    fn into_input(self, name: String) -> Result<Input, InputError> {
        let lacks = |file| InputError::Incomplete { at: name.clone(), file };
        let block = self.block.ok_or_else(|| lacks("block.json"))?;
        let accounts = self.accounts.ok_or_else(|| lacks("pre_state.json"))?;
        let codes = self.codes.ok_or_else(|| lacks("bytecodes.json"))?;
        let mut ancestors = self.hashes.unwrap_or_default();
        if let Some(parent) = block.number.checked_sub(1) {
            ancestors.insert(parent, block.parent_hash);
        }
        let block_of_input = InputBlock {
            block_rlp: block.rlp,
            number: block.number,
            parent_hash: block.parent_hash,
            ancestors: AncestorHashes(ancestors),
            lineage: Lineage::default(),
            ommers: block.ommers,
            expects_invalid: None,
            chain: None,
        };
        let state = StateValues { accounts, codes };
        Ok(Input {
            name,
            chain: block.chain,
            blocks: vec![block_of_input],
            parent: ParentState::Values(Arc::new(state)),
            expected: Expected::default(),
        })
    }
}
