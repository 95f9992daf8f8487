//! Multi-version memory of one block: what each index wrote, and what a reader above sees.

mod changed;
pub(crate) mod readers;
mod replace;
mod versions;

pub use changed::{ChangedKeys, changed_keys};
pub(crate) use replace::replace;

use crate::{
    access::{AccessKey, AccessValue, BalanceWrite, WriteSet},
    account::{Account, Existence, TouchRule},
    ids::AccessIndex,
};
use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{AddressMap, B256Map},
};
use std::{collections::BTreeMap, sync::Arc};
use versions::AccountVersions;

/// What each index of a block wrote, by account and slot.
#[derive(Debug)]
pub struct BlockMemory {
    rule: TouchRule,
    writes: BTreeMap<AccessIndex, Arc<WriteSet>>,
    accounts: AddressMap<AccountVersions>,
    codes: B256Map<Bytes>,
}

impl BlockMemory {
    /// Makes an empty memory. The rule says what becomes of touched empty accounts.
    pub fn new(rule: TouchRule) -> Self {
        Self {
            rule,
            writes: BTreeMap::new(),
            accounts: AddressMap::default(),
            codes: B256Map::default(),
        }
    }

    /// Puts an index's writes in place of what it wrote before, and returns that.
    pub fn put(&mut self, index: AccessIndex, writes: Arc<WriteSet>) -> Option<Arc<WriteSet>> {
        let before = self.remove(index);
        for (address, write) in &writes.accounts {
            self.accounts.entry(*address).or_default().put(index, write);
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
            if let Some(versions) = self.accounts.get_mut(address) {
                versions.remove(index, write);
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
        match self.accounts.get(address) {
            Some(versions) => versions.account(at, self.rule, base),
            None => base(),
        }
    }

    /// Tells whether the payments that a transaction made as Credits fit the balances that they meet.
    /// A payment that does not fit fails (rule 6), so such an outcome is not the serial one: it saw
    /// other balances. `writes` are in this memory, or were, and `at` is their index; what the
    /// `beneficiary` is credited is a fee.
    ///
    /// # Errors
    /// With a recipient whose account in the Snapshot matters and is not known to `base`.
    pub(crate) fn payments_fit(
        &self,
        at: AccessIndex,
        writes: &WriteSet,
        beneficiary: &Address,
        base: impl Fn(&Address) -> Option<Option<Account>>,
    ) -> Result<bool, Address> {
        for (address, write) in &writes.accounts {
            let Some(BalanceWrite::Credit(amount)) = write.balance else { continue };
            if amount.is_zero() || address == beneficiary {
                continue;
            }
            let below = base(address).map(|account| account.unwrap_or_default().balance);
            let versions = self.accounts.get(address);
            let is_harmless = |below| versions.is_some_and(|it| !it.may_overflow(below));
            if below.is_some_and(is_harmless) {
                continue;
            }
            let account = self.account(address, at, || base(address)).ok_or(*address)?;
            if account.unwrap_or_default().balance.checked_add(amount).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
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
        match self.accounts.get(address) {
            Some(versions) => versions.slot(slot, at, base),
            None => base(),
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
