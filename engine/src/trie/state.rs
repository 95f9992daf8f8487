//! A whole state: accounts, their storage, their code.

use super::{
    change_parts::{ChangedPart, Prepared},
    encode::LeafValue,
    map::{Top, Trie},
    missing::{Missing, Work},
};
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
///
/// Made of values it knows everything. Made of a witness it knows what that had, and whatever
/// needs more fails as [`Missing`]; no answer and no root is ever a guess.
#[derive(Clone, Default)]
pub struct StateTrie {
    pub(super) accounts: Trie<AccountLeaf>,
    /// By their own hash; no part of the root.
    codes: Trie<Bytes>,
}

/// An account with its storage.
#[derive(Clone, Debug)]
pub(super) struct AccountLeaf {
    pub(super) account: Account,
    pub(super) storage: Trie<U256>,
}

impl StateTrie {
    /// Makes a state of values: accounts with their slots, and codes by hash. Slots that are zero
    /// are passed over.
    pub fn from_values<S>(
        accounts: impl IntoIterator<Item = (Address, Account, S)>,
        codes: impl IntoIterator<Item = (B256, Bytes)>,
    ) -> Self
    where
        S: IntoIterator<Item = (U256, U256)>,
    {
        let mut state = Self::default();
        let accounts = accounts.into_iter().map(|(address, account, slots)| {
            let storage = storage_of(slots).expect(KNOWN);
            (keccak256(address), AccountLeaf { account, storage })
        });
        for (key, leaf) in in_key_order(accounts) {
            state.accounts.insert(key, leaf, &mut Work::default()).expect(KNOWN);
        }
        for (hash, code) in codes {
            state.set_code(hash, code);
        }
        state
    }

    /// Makes a state of tries.
    pub(super) const fn from_tries(accounts: Trie<AccountLeaf>, codes: Trie<Bytes>) -> Self {
        Self { accounts, codes }
    }

    /// Returns an account; `None` where there is none.
    ///
    /// # Errors
    /// If its node is blind.
    pub fn account(&self, address: &Address) -> Result<Option<Account>, Missing> {
        Ok(self.leaf(address)?.map(|leaf| leaf.account))
    }

    /// Returns a storage slot; zero where it was never set.
    ///
    /// # Errors
    /// If its node, or its account's, is blind.
    pub fn slot(&self, address: &Address, slot: &U256) -> Result<U256, Missing> {
        let key = keccak256(address);
        let Some(leaf) = self.accounts.get(&key)? else { return Ok(U256::ZERO) };
        let value = leaf.storage.get(&hashed(slot)).map_err(|node| node.in_storage_of(&key))?;
        Ok(value.copied().unwrap_or_default())
    }

    /// Returns code by its hash; `None` if it is not known.
    pub fn code(&self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash).expect(KNOWN)
    }

    /// Returns the root of an account's storage; `None` where there is no account.
    ///
    /// # Errors
    /// If the account's node is blind.
    pub fn storage_root(&self, address: &Address) -> Result<Option<B256>, Missing> {
        Ok(self.leaf(address)?.map(|leaf| leaf.storage.root_hash(&mut Work::default())))
    }

    /// Puts an account with exactly these slots in place of what was at its address. Slots that
    /// are zero are passed over.
    ///
    /// # Errors
    /// If the account's node is blind.
    pub fn set_account(
        &mut self,
        address: &Address,
        account: Account,
        slots: impl IntoIterator<Item = (U256, U256)>,
    ) -> Result<(), Missing> {
        let storage = storage_of(slots)?;
        let leaf = AccountLeaf { account, storage };
        self.accounts.insert(keccak256(address), leaf, &mut Work::default())
    }

    /// Keeps code under its hash.
    pub fn set_code(&mut self, hash: B256, code: Bytes) {
        if self.code(&hash).is_none() {
            self.codes.insert(hash, code, &mut Work::default()).expect(KNOWN);
        }
    }

    /// Applies what a block changed, and tells the nodes that were passed.
    ///
    /// Within each trie keys are set before others are removed: so a branch does not come down to
    /// one child, whose kind has to be known, only because others come later.
    ///
    /// # Errors
    /// If a blind node would have to change, or to move; then nothing is applied.
    pub fn apply(&mut self, diff: &StateDiff) -> Result<Work, Missing> {
        self.apply_changed(diff, Vec::new())
    }

    /// Applies what a block changed, of which big storage tries were changed in parts before
    /// ([`change_parts`](Self::change_parts)). The outcome is that of [`apply`](Self::apply).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_changed(
        &mut self,
        diff: &StateDiff,
        parts: Vec<ChangedPart>,
    ) -> Result<Work, Missing> {
        let mut work = Work::default();
        let mut prepared = Prepared::new(parts, &mut work);
        let mut next = self.clone();
        let accounts = diff.accounts.iter().map(|(address, changes)| (keccak256(address), changes));
        let accounts = in_key_order(accounts);
        for (key, changes) in &accounts {
            if let Some(account) = changes.account {
                let storage = self.changed_storage(key, changes, &mut prepared, &mut work)?;
                next.accounts.insert(*key, AccountLeaf { account, storage }, &mut work)?;
            }
        }
        for (key, _) in accounts.iter().filter(|(_, changes)| changes.account.is_none()) {
            next.accounts.remove(key, Top::Part, &mut work)?;
        }
        for (hash, code) in &diff.codes {
            next.set_code(*hash, code.clone());
        }
        *self = next;
        Ok(work)
    }

    /// Returns the state root, over all accounts that are here.
    ///
    /// # Errors
    /// If there is only one node below the root, blind, and nobody knows its kind.
    pub fn root(&self) -> Result<B256, Missing> {
        self.accounts.check_whole()?;
        Ok(self.accounts.root_hash(&mut Work::default()))
    }

    /// Returns the RLP of the root node: what a shard answers, and [`join`](fn@super::join) takes.
    pub fn root_node(&self) -> Bytes {
        let node = self.accounts.root_node(&mut Work::default());
        node.expect("the root of a state is known, or it is not made")
    }

    /// Computes all references that are not known yet, and tells how many. Root and root node cost
    /// next to nothing afterwards.
    pub fn hash(&self) -> Work {
        let mut work = Work::default();
        self.accounts.root_hash(&mut work);
        work
    }

    fn leaf(&self, address: &Address) -> Result<Option<&AccountLeaf>, Missing> {
        self.accounts.get(&keccak256(address))
    }

    /// Returns the storage that changes begin with: nothing, where it is wiped.
    pub(super) fn storage_below(
        &self,
        key: &B256,
        changes: &AccountDiff,
    ) -> Result<Trie<U256>, Missing> {
        Ok(match self.accounts.get(key)? {
            Some(leaf) if !changes.wiped => leaf.storage.clone(),
            _ => Trie::default(),
        })
    }

    /// Returns an account's storage as changes leave it.
    fn changed_storage(
        &self,
        key: &B256,
        changes: &AccountDiff,
        prepared: &mut Prepared,
        work: &mut Work,
    ) -> Result<Trie<U256>, Missing> {
        let mut storage = self.storage_below(key, changes)?;
        let in_storage = |node: Missing| node.in_storage_of(key);
        if let Some(changed) = prepared.take(key, &storage).map_err(in_storage)? {
            return Ok(changed);
        }
        let slots = hashed_slots(changes.slots.iter().map(|(slot, value)| (*slot, *value)));
        set_slots(&mut storage, &slots, work).map_err(in_storage)?;
        Ok(storage)
    }
}

/// Why a trie that was made of values never fails.
const KNOWN: &str = "a trie made of values has no blind nodes";

impl fmt::Debug for StateTrie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateTrie").finish_non_exhaustive()
    }
}

impl LeafValue for AccountLeaf {
    fn encode(&self, out: &mut Vec<u8>, work: &mut Work) {
        let Account { balance, nonce, code_hash } = self.account;
        TrieAccount::new(nonce, balance, self.storage.root_hash(work), code_hash).encode(out);
    }
}

impl LeafValue for U256 {
    fn encode(&self, out: &mut Vec<u8>, _: &mut Work) {
        Encodable::encode(self, out);
    }
}

pub(super) fn hashed(slot: &U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

/// Sorts changes by their key: neighbours in the trie are then changed one after the other, while
/// their path is at hand, which takes less than half the time.
fn in_key_order<T>(changes: impl Iterator<Item = (B256, T)>) -> Vec<(B256, T)> {
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by_key(|(key, _)| *key);
    changes
}

/// Makes a storage trie of slots.
fn storage_of(slots: impl IntoIterator<Item = (U256, U256)>) -> Result<Trie<U256>, Missing> {
    let mut storage = Trie::default();
    set_slots(&mut storage, &hashed_slots(slots), &mut Work::default())?;
    Ok(storage)
}

/// Returns slots by their hash, ascending; of two with one key the later counts.
pub(super) fn hashed_slots(slots: impl IntoIterator<Item = (U256, U256)>) -> Vec<(B256, U256)> {
    let slots = slots.into_iter().map(|(slot, value)| (hashed(&slot), value));
    let mut slots = in_key_order(slots);
    slots.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            earlier.1 = later.1;
        }
        is_same
    });
    slots
}

/// Sets slots ([`hashed_slots`]), and removes those that are zero afterwards. A slot that has the
/// value already is left alone, so that its path is not hashed again.
pub(super) fn set_slots(
    storage: &mut Trie<U256>,
    slots: &[(B256, U256)],
    work: &mut Work,
) -> Result<(), Missing> {
    for (key, value) in slots.iter().filter(|(_, value)| !value.is_zero()) {
        let mut way = Work::default();
        if storage.find(key, &mut way)? == Some(value) {
            work.add(way);
        } else {
            storage.insert(*key, *value, work)?;
        }
    }
    for (key, _) in slots.iter().filter(|(_, value)| value.is_zero()) {
        storage.remove(key, Top::Whole, work)?;
    }
    Ok(())
}
