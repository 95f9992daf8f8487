//! What a run is given.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{
    account::Account,
    block::{AncestorHashes, Code, Ommers},
    chain::ChainSpec,
    lineage::Lineage,
    sequential::SerialState,
    trie::{StateTrie, Witness},
};
use std::{collections::BTreeMap, sync::Arc};

/// Blocks of one chain or of its branches, in the order in which they are handed over, and the
/// state before the first. A block's parent comes before it, or is what the state is below.
#[derive(Clone, Debug)]
pub struct Input {
    /// Where it came from, as reports name it.
    pub name: String,
    /// The rules of its chain.
    pub chain: ChainSpec,
    /// The blocks in their order.
    pub blocks: Vec<InputBlock>,
    /// The state below the first block.
    pub parent: ParentState,
    /// What is to come of it all.
    pub expected: Expected,
}

impl Input {
    /// Returns the rules of a block.
    pub fn chain_of<'a>(&'a self, block: &'a InputBlock) -> &'a ChainSpec {
        block.chain.as_ref().unwrap_or(&self.chain)
    }

    /// Returns how many of the newest states have to be kept, so that each block finds its parent's
    /// and can be executed again on it: 2 for a chain, more where a branch begins deep below.
    pub fn n_states_to_keep(&self) -> usize {
        let first = self.blocks.first().map(|block| (block.parent_hash, 0));
        let mut places: BTreeMap<B256, usize> = first.into_iter().collect();
        let mut n_states = 2;
        for (place, block) in (1..).zip(&self.blocks) {
            if let Some(parent) = places.get(&block.parent_hash) {
                n_states = n_states.max(place - parent + 1);
            }
            if let Some(hash) = hash_of(&block.block_rlp) {
                places.insert(hash, place);
            }
        }
        n_states
    }
}

/// Returns a block's hash, that of its header; nothing for bytes that cannot be a block.
fn hash_of(block_rlp: &[u8]) -> Option<B256> {
    let mut rest = block_rlp;
    alloy_rlp::Header::decode(&mut rest).ok()?;
    let at_header = rest;
    let header = alloy_rlp::Header::decode(&mut rest).ok()?;
    let n_bytes = at_header.len() - rest.len() + header.payload_length;
    at_header.get(..n_bytes).map(keccak256)
}

/// What an input says of the end, after all its blocks.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Hash of the block that is to be the head.
    pub head: Option<B256>,
    /// The state after the head.
    pub state: Option<ExpectedState>,
}

/// A state as an input expects it.
#[derive(Clone, Debug)]
pub enum ExpectedState {
    /// All of it.
    Values(Arc<StateValues>),
    /// Its root.
    Root(B256),
}

/// One block as it is handed over.
#[derive(Clone, Debug)]
pub struct InputBlock {
    /// The raw block.
    pub block_rlp: Bytes,
    /// Its number.
    pub number: u64,
    /// Hash of its parent, by which branches are told apart; zero if the bytes are no block.
    pub parent_hash: B256,
    /// Hashes of earlier blocks, as far as they are known.
    pub ancestors: AncestorHashes,
    /// Headers of the blocks before it, as far as they are known.
    pub lineage: Lineage,
    /// Whether the block's ommers are in its bytes.
    pub ommers: Ommers,
    /// Why the block is there to be refused, as the input names it; `None` if it is valid.
    pub expects_invalid: Option<String>,
    /// Rules of its own, where its branch comes to proof of stake with another number of blocks than
    /// the input's chain.
    pub chain: Option<ChainSpec>,
}

/// The state below an input's first block.
#[derive(Clone, Debug)]
pub enum ParentState {
    /// A whole state: roots are checkable, and the blocks make a chain.
    Genesis {
        /// Hash of the genesis block, the first block's parent.
        block_hash: B256,
        /// Number of the genesis block.
        block_number: u64,
        /// All of it.
        state: Arc<StateValues>,
    },
    /// Values that the block reads, and perhaps more; what is not there does not exist. State
    /// roots are not checkable.
    Values(Arc<StateValues>),
    /// Nodes of the state's trie: roots are checkable.
    Witness(Arc<Witness>),
}

impl ParentState {
    /// Returns the values, whole or not; a witness has none.
    pub const fn values(&self) -> Option<&Arc<StateValues>> {
        match self {
            Self::Genesis { state, .. } | Self::Values(state) => Some(state),
            Self::Witness(_) => None,
        }
    }
}

/// One account with its storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountValues {
    /// Its address.
    pub address: Address,
    /// Balance, nonce and code hash. An account may be here and be empty: before Spurious Dragon
    /// that is not the same as none.
    pub account: Account,
    /// Slots that are not zero, sorted by slot.
    pub storage: Vec<(U256, U256)>,
}

/// A state, or a part of one, as plain values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateValues {
    /// Accounts that exist, sorted by address.
    pub accounts: Vec<AccountValues>,
    /// Codes of these accounts, each once.
    pub codes: Vec<Code>,
}

impl StateValues {
    /// Returns the values as a state for serial execution.
    pub fn to_serial_state(&self) -> SerialState {
        let mut state = SerialState::default();
        for AccountValues { address, account, storage } in &self.accounts {
            state.insert_account(*address, *account, storage.iter().copied());
        }
        for code in &self.codes {
            state.insert_code(code.hash, code.bytes.clone());
        }
        state
    }

    /// Returns the root that the values have, as a whole state.
    pub(crate) fn root(&self) -> B256 {
        self.to_trie().root().expect("a state that is whole lacks no node")
    }

    /// Returns the values as a state with a root.
    pub fn to_trie(&self) -> StateTrie {
        let accounts = self.accounts.iter();
        let codes = self.codes.iter();
        StateTrie::from_values(
            accounts.map(|it| (it.address, it.account, it.storage.iter().copied())),
            codes.map(|code| (code.hash, code.bytes.clone())),
        )
    }
}
