//! A whole state: accounts, their storage, their code.

use super::{encode::LeafValue, map::Trie};
use crate::{
    account::Account,
    fold::{AccountDiff, StateDiff},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::TrieAccount;
use std::fmt;

/// A state, or one shard's part of it, by hashed key. A copy costs nothing: two states that
/// differ by a block share everything that the block did not change.
#[derive(Clone, Default)]
pub struct StateTrie {
    accounts: Trie<AccountLeaf>,
    /// By their own hash; no part of the root.
    codes: Trie<Bytes>,
}

/// An account with its storage.
#[derive(Clone, Debug)]
struct AccountLeaf {
    account: Account,
    storage: Trie<U256>,
}

impl StateTrie {
    /// Returns an account; `None` where there is none.
    pub fn account(&self, address: &Address) -> Option<Account> {
        Some(self.leaf(address)?.account)
    }

    /// Returns a storage slot; zero where it was never set.
    pub fn slot(&self, address: &Address, slot: &U256) -> U256 {
        self.leaf(address)
            .and_then(|leaf| leaf.storage.get(&hashed(slot)))
            .copied()
            .unwrap_or_default()
    }

    /// Returns code by its hash.
    pub fn code(&self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash)
    }

    /// Returns the root of an account's storage; `None` where there is no account.
    pub fn storage_root(&self, address: &Address) -> Option<B256> {
        Some(self.leaf(address)?.storage.root_hash())
    }

    /// Puts an account with exactly these slots in place of what was at its address. Slots that
    /// are zero are passed over.
    pub fn set_account(
        &mut self,
        address: &Address,
        account: Account,
        slots: impl IntoIterator<Item = (U256, U256)>,
    ) {
        let mut storage = Trie::default();
        set_slots(&mut storage, slots);
        self.accounts.insert(keccak256(address), AccountLeaf { account, storage });
    }

    /// Keeps code under its hash.
    pub fn set_code(&mut self, hash: B256, code: Bytes) {
        if self.codes.get(&hash).is_none() {
            self.codes.insert(hash, code);
        }
    }

    /// Applies what a block changed.
    pub fn apply(&mut self, diff: &StateDiff) {
        let accounts = diff.accounts.iter().map(|(address, changes)| (keccak256(address), changes));
        for (key, changes) in in_key_order(accounts) {
            self.apply_account(&key, changes);
        }
        for (hash, code) in &diff.codes {
            self.set_code(*hash, code.clone());
        }
    }

    /// Returns the state root, over all accounts that are here.
    pub fn root(&self) -> B256 {
        self.accounts.root_hash()
    }

    /// Returns the RLP of the root node: what a shard answers, and [`join`](fn@super::join) takes.
    pub fn root_node(&self) -> Bytes {
        self.accounts.root_node()
    }

    fn leaf(&self, address: &Address) -> Option<&AccountLeaf> {
        self.accounts.get(&keccak256(address))
    }

    fn apply_account(&mut self, key: &B256, changes: &AccountDiff) {
        let Some(account) = changes.account else { return self.accounts.remove(key) };
        let mut storage = match self.accounts.get(key) {
            Some(leaf) if !changes.wiped => leaf.storage.clone(),
            _ => Trie::default(),
        };
        set_slots(&mut storage, changes.slots.iter().map(|(slot, value)| (*slot, *value)));
        self.accounts.insert(*key, AccountLeaf { account, storage });
    }
}

impl fmt::Debug for StateTrie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateTrie").finish_non_exhaustive()
    }
}

impl LeafValue for AccountLeaf {
    fn encode(&self, out: &mut Vec<u8>) {
        let Account { balance, nonce, code_hash } = self.account;
        TrieAccount::new(nonce, balance, self.storage.root_hash(), code_hash).encode(out);
    }
}

impl LeafValue for U256 {
    fn encode(&self, out: &mut Vec<u8>) {
        Encodable::encode(self, out);
    }
}

fn hashed(slot: &U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

/// Sorts changes by their key: neighbours in the trie are then changed one after the other, while
/// their path is at hand, which takes less than half the time.
fn in_key_order<T>(changes: impl Iterator<Item = (B256, T)>) -> Vec<(B256, T)> {
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by_key(|(key, _)| *key);
    changes
}

/// Sets slots; of two with one key the later counts. A slot that has the value already is left
/// alone, so that its path is not hashed again.
fn set_slots(storage: &mut Trie<U256>, slots: impl IntoIterator<Item = (U256, U256)>) {
    let slots = slots.into_iter().map(|(slot, value)| (hashed(&slot), value));
    for (key, value) in in_key_order(slots) {
        if value.is_zero() {
            storage.remove(&key);
        } else if storage.get(&key) != Some(&value) {
            storage.insert(key, value);
        }
    }
}
