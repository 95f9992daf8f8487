//! Multi-version memory of one block: what each index wrote, and what a reader above sees.

use crate::{
    access::{AccessKey, AccessValue, AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{Account, Existence, TouchRule, apply_account_write},
    ids::AccessIndex,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use std::{collections::BTreeMap, sync::Arc};

/// What each index of a block wrote, by account and slot.
#[derive(Debug)]
pub struct BlockMemory {
    rule: TouchRule,
    writes: BTreeMap<AccessIndex, Arc<WriteSet>>,
    accounts: BTreeMap<Address, AccountVersions>,
    codes: BTreeMap<B256, Bytes>,
}

/// Versions of one account.
#[derive(Debug, Default)]
struct AccountVersions {
    /// Account-level writes without slots; every entry is a touch.
    events: BTreeMap<AccessIndex, AccountWrite>,
    slots: BTreeMap<U256, BTreeMap<AccessIndex, U256>>,
}

impl BlockMemory {
    /// Makes an empty memory. The rule says what becomes of touched empty accounts.
    pub const fn new(rule: TouchRule) -> Self {
        Self { rule, writes: BTreeMap::new(), accounts: BTreeMap::new(), codes: BTreeMap::new() }
    }

    /// Puts an index's writes in place of what it wrote before, and returns that.
    pub fn put(&mut self, index: AccessIndex, writes: Arc<WriteSet>) -> Option<Arc<WriteSet>> {
        let before = self.remove(index);
        for (address, write) in &writes.accounts {
            let versions = self.accounts.entry(*address).or_default();
            let event = AccountWrite { slots: Vec::new(), ..*write };
            versions.events.insert(index, event);
            for (slot, value) in &write.slots {
                versions.slots.entry(*slot).or_default().insert(index, *value);
            }
        }
        for (hash, bytes) in &writes.codes {
            self.codes.insert(*hash, bytes.clone());
        }
        self.writes.insert(index, writes);
        before
    }

    /// Takes an index's writes away and returns them. Codes stay: they are named by their hash.
    pub fn remove(&mut self, index: AccessIndex) -> Option<Arc<WriteSet>> {
        let before = self.writes.remove(&index)?;
        for (address, write) in &before.accounts {
            let Some(versions) = self.accounts.get_mut(address) else { continue };
            versions.events.remove(&index);
            for (slot, _) in &write.slots {
                if let Some(by_index) = versions.slots.get_mut(slot) {
                    by_index.remove(&index);
                }
            }
        }
        Some(before)
    }

    /// Returns what an index wrote.
    pub fn get(&self, index: AccessIndex) -> Option<&Arc<WriteSet>> {
        self.writes.get(&index)
    }

    /// Returns all writes in order.
    pub fn writes(&self) -> impl Iterator<Item = (AccessIndex, &Arc<WriteSet>)> {
        self.writes.iter().map(|(index, writes)| (*index, writes))
    }

    /// Returns code that some index deployed.
    pub fn code(&self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash)
    }

    /// Returns an account as the reader `at` an index sees it: the Snapshot's account with all
    /// writes below applied in order.
    ///
    /// `base` is asked only if the Snapshot's account matters. `None` if it matters and is not
    /// known; `Some(None)` if there is no such account.
    pub fn account(
        &self,
        address: &Address,
        at: AccessIndex,
        base: impl FnOnce() -> Option<Option<Account>>,
    ) -> Option<Option<Account>> {
        let Some(versions) = self.accounts.get(address) else { return base() };
        let destroyed = versions
            .events
            .range(..at)
            .rev()
            .find(|(_, write)| write.wipe == Some(Wipe::Destroyed))
            .map(|(index, _)| *index);
        let (first, mut account) = match destroyed {
            Some(index) => (index.next(), None),
            None => (AccessIndex::PRE_BLOCK, base()?),
        };
        if first < at {
            for write in versions.events.range(first..at).map(|(_, write)| write) {
                account = apply_account_write(account, write, self.rule);
            }
        }
        Some(account)
    }

    /// Returns a slot as the reader `at` an index sees it: its last write below, else the
    /// Snapshot's value; zero if a wipe is newer than either (rule 4).
    ///
    /// `base` is asked only if the Snapshot's value matters. `None` if it matters and is not known.
    pub fn slot(
        &self,
        address: &Address,
        slot: &U256,
        at: AccessIndex,
        base: impl FnOnce() -> Option<U256>,
    ) -> Option<U256> {
        let Some(versions) = self.accounts.get(address) else { return base() };
        let wiped = versions
            .events
            .range(..at)
            .rev()
            .find(|(_, write)| write.wipe.is_some())
            .map(|(index, _)| *index);
        let written = versions
            .slots
            .get(slot)
            .and_then(|by_index| by_index.range(..at).next_back())
            .map(|(index, value)| (*index, *value));
        match (written, wiped) {
            // Within an index the wipe comes before slot writes.
            (Some((index, value)), Some(wipe)) if index >= wipe => Some(value),
            (Some((_, value)), None) => Some(value),
            (_, Some(_)) => Some(U256::ZERO),
            (None, None) => base(),
        }
    }

    /// Returns the value of a key as the reader `at` an index sees it. `account` and `slot` give
    /// the Snapshot's values, each asked only if it matters; `None` if one that matters is not
    /// known.
    pub fn value(
        &self,
        key: &AccessKey,
        at: AccessIndex,
        account: impl FnOnce() -> Option<Option<Account>>,
        slot: impl FnOnce() -> Option<U256>,
    ) -> Option<AccessValue> {
        if let AccessKey::Slot(address, number) = key {
            return self.slot(address, number, at, slot).map(AccessValue::from);
        }
        let found = self.account(key.address(), at, account)?;
        Some(value_of(key, found.as_ref()))
    }
}

/// Returns the value of an account's key; of an absent account the values of an empty one.
pub fn value_of(key: &AccessKey, account: Option<&Account>) -> AccessValue {
    let values = account.copied().unwrap_or_default();
    match key {
        AccessKey::Balance(_) => values.balance.into(),
        AccessKey::Nonce(_) => values.nonce.into(),
        AccessKey::CodeHash(_) => values.code_hash.into(),
        AccessKey::Existence(_) => Existence::of(account).into(),
        AccessKey::Slot(..) => AccessValue::default(),
    }
}

/// Returns the keys whose value differs for readers above an index when `after` takes the place
/// of `before`: what has to be validated again. Sorted, each once.
pub fn changed_keys(before: Option<&WriteSet>, after: Option<&WriteSet>) -> Vec<ChangedKeys> {
    let empty = WriteSet::default();
    let (before, after) = (before.unwrap_or(&empty), after.unwrap_or(&empty));
    let mut changed = BTreeMap::<Address, (Option<&AccountWrite>, Option<&AccountWrite>)>::new();
    for (address, write) in &before.accounts {
        changed.entry(*address).or_default().0 = Some(write);
    }
    for (address, write) in &after.accounts {
        changed.entry(*address).or_default().1 = Some(write);
    }
    changed
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(address, (before, after))| ChangedKeys::between(address, before, after))
        .collect()
}

/// What changed of one account between two incarnations of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedKeys {
    /// The account.
    pub address: Address,
    /// Whether balance, nonce, code hash or existence may be another.
    pub account: bool,
    /// Whether a wipe came or went: every slot may be another.
    pub all_slots: bool,
    /// Slots that may be another, sorted.
    pub slots: Vec<U256>,
}

impl ChangedKeys {
    fn between(
        address: Address,
        before: Option<&AccountWrite>,
        after: Option<&AccountWrite>,
    ) -> Self {
        let account_part = |write: Option<&AccountWrite>| {
            write.map(|write| (write.wipe, write.balance, write.nonce, write.code_hash))
        };
        let wipe = |write: Option<&AccountWrite>| write.and_then(|write| write.wipe);
        let slots_of = |write: Option<&AccountWrite>| {
            write.map(|write| write.slots.iter().copied().collect::<BTreeMap<_, _>>())
        };
        let (old, new) =
            (slots_of(before).unwrap_or_default(), slots_of(after).unwrap_or_default());
        let mut slots: Vec<U256> = old
            .iter()
            .filter(|(slot, value)| new.get(slot) != Some(value))
            .chain(new.iter().filter(|(slot, value)| old.get(slot) != Some(value)))
            .map(|(slot, _)| *slot)
            .collect();
        slots.sort_unstable();
        slots.dedup();
        Self {
            address,
            account: account_part(before) != account_part(after),
            all_slots: wipe(before) != wipe(after),
            slots,
        }
    }
}

/// Tells whether a write only adds to a balance, zero included.
pub const fn is_credit_only(write: &AccountWrite) -> bool {
    write.wipe.is_none()
        && write.nonce.is_none()
        && write.code_hash.is_none()
        && write.slots.is_empty()
        && matches!(write.balance, Some(BalanceWrite::Credit(_)))
}
