//! A state in memory, for serial execution.

use super::{Execution, Prepared, Record, SequentialOutcome, Stop, execute, run};
use crate::{
    account::Account,
    block::AncestorHashes,
    chain::ChainSpec,
    fold::{AccountDiff, StateDiff},
    lineage::Lineage,
    trie::Missing,
};
use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{AddressMap, B256Map, U256Map},
};
use revm::{
    Database, DatabaseRef,
    database_interface::DBErrorMarker,
    primitives::KECCAK_EMPTY,
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeMap;

/// Why a [`SerialState`], or a [`StateTrie`](crate::trie::StateTrie), cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// An account has code that nobody gave.
    #[error("there is no code with the hash {hash}")]
    MissingCode {
        /// The code's hash.
        hash: B256,
    },
    /// A witness lacks a node.
    #[error(transparent)]
    MissingNode(#[from] Missing),
}

impl DBErrorMarker for StateError {}

#[derive(Clone, Debug, Default)]
struct Stored {
    account: Account,
    /// Slots that are not zero.
    storage: U256Map<U256>,
}

/// A whole state, or the part of one that a block needs: what is not there does not exist, or is
/// zero. Codes are analysed once, when they come in.
#[derive(Clone, Debug, Default)]
pub struct SerialState {
    accounts: AddressMap<Stored>,
    codes: B256Map<Bytecode>,
}

impl SerialState {
    /// Puts an account in place, with its storage; zero slots are left out.
    pub fn insert_account(
        &mut self,
        address: Address,
        account: Account,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) {
        let storage = storage.into_iter().filter(|(_, value)| !value.is_zero()).collect();
        self.accounts.insert(address, Stored { account, storage });
    }

    /// Puts code in place, under the hash by which accounts name it.
    pub fn insert_code(&mut self, hash: B256, bytes: Bytes) {
        self.codes.entry(hash).or_insert_with(|| Bytecode::new_raw(bytes));
    }

    /// Returns an account, if it exists.
    pub fn account(&self, address: &Address) -> Option<Account> {
        self.accounts.get(address).map(|stored| stored.account)
    }

    /// Returns a slot; zero if it was never set.
    pub fn slot(&self, address: &Address, slot: &U256) -> U256 {
        let stored = self.accounts.get(address);
        stored.and_then(|stored| stored.storage.get(slot)).copied().unwrap_or_default()
    }

    /// Returns the accounts with their slots that are not zero, in no order.
    pub fn accounts(
        &self,
    ) -> impl Iterator<Item = (Address, Account, impl Iterator<Item = (U256, U256)> + '_)> + '_
    {
        self.accounts.iter().map(|(address, stored)| {
            let storage = stored.storage.iter().map(|(slot, value)| (*slot, *value));
            (*address, stored.account, storage)
        })
    }

    /// Executes a block on this state, which stays as it is: [`execute()`](super::execute()).
    ///
    /// # Errors
    /// If the block is invalid, or code is missing.
    pub fn execute(
        &self,
        chain: &ChainSpec,
        prepared: &Prepared,
        ancestors: &AncestorHashes,
        record: Record,
    ) -> Result<Execution, Stop<StateError>> {
        execute(chain, prepared, ancestors, self, record)
    }

    /// Executes a block on this state, from its RLP to its header fields: [`run`].
    ///
    /// # Errors
    /// If the block is invalid, if the lineage is another block's, or code is missing.
    pub fn run(
        &self,
        chain: &ChainSpec,
        block_rlp: &[u8],
        lineage: &Lineage,
        ancestors: &AncestorHashes,
    ) -> Result<SequentialOutcome, Stop<StateError>> {
        run(chain, block_rlp, lineage, ancestors, self)
    }

    /// Goes on to the state after a block.
    pub fn apply(&mut self, diff: &StateDiff) {
        for (address, change) in &diff.accounts {
            let Some(account) = change.account else {
                self.accounts.remove(address);
                continue;
            };
            let stored = self.accounts.entry(*address).or_default();
            stored.account = account;
            if change.wiped {
                stored.storage.clear();
            }
            for (slot, value) in &change.slots {
                if value.is_zero() {
                    stored.storage.remove(slot);
                } else {
                    stored.storage.insert(*slot, *value);
                }
            }
        }
        for (hash, bytes) in &diff.codes {
            self.insert_code(*hash, bytes.clone());
        }
    }

    /// Returns what a diff over this state really changes, in the one form in which two diffs that
    /// do the same are equal: nothing that is as it was, and wipes as slots that became zero.
    /// Codes that are known already are left out.
    pub fn normalise(&self, diff: &StateDiff) -> StateDiff {
        let changed = diff.accounts.iter().filter_map(|(address, change)| {
            let slots = self.changed_slots(address, change);
            let account = change.account;
            let is_changed = account != self.account(address) || !slots.is_empty();
            is_changed.then_some((*address, AccountDiff { account, wiped: false, slots }))
        });
        let codes = diff.codes.iter().filter(|(hash, _)| !self.codes.contains_key(*hash));
        StateDiff {
            accounts: changed.collect(),
            codes: codes.map(|(hash, bytes)| (*hash, bytes.clone())).collect(),
        }
    }

    fn changed_slots(&self, address: &Address, change: &AccountDiff) -> BTreeMap<U256, U256> {
        let mut slots = BTreeMap::new();
        if change.wiped || change.account.is_none() {
            let stored = self.accounts.get(address).into_iter();
            slots.extend(stored.flat_map(|stored| stored.storage.keys()).map(|s| (*s, U256::ZERO)));
        }
        if change.account.is_some() {
            slots.extend(change.slots.iter().map(|(slot, value)| (*slot, *value)));
        }
        slots.retain(|slot, value| *value != self.slot(address, slot));
        slots
    }
}

impl DatabaseRef for SerialState {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        Ok(self.account(&address).map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: None,
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Self::Error> {
        if hash == KECCAK_EMPTY {
            return Ok(Bytecode::default());
        }
        self.codes.get(&hash).cloned().ok_or(StateError::MissingCode { hash })
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        Ok(self.slot(&address, &slot))
    }

    /// Hashes of blocks are no part of state.
    fn block_hash_ref(&self, _number: u64) -> Result<B256, Self::Error> {
        Ok(B256::ZERO)
    }
}

/// Serial execution reads and never writes here, so that a shared reference is a database.
impl Database for &SerialState {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        self.code_by_hash_ref(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.storage_ref(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.block_hash_ref(number)
    }
}
