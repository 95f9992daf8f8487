//! Versions of one account: for each of its values the indices that wrote it.

use crate::{
    access::{AccountWrite, BalanceWrite, Wipe},
    account::{Account, TouchRule, credited, exists_when_touched},
    ids::AccessIndex,
};
use alloy_primitives::{B256, U256, map::U256Map};

/// Values by index, ascending. Most have one or none; a hot one has thousands, mostly appended.
#[derive(Clone, Debug)]
struct Versions<T>(Vec<(AccessIndex, T)>);

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Versions<T> {
    fn put(&mut self, index: AccessIndex, value: T) {
        match self.0.last() {
            Some((last, _)) if *last >= index => {
                match self.0.binary_search_by_key(&index, |(at, _)| *at) {
                    Ok(place) => self.0[place].1 = value,
                    Err(place) => self.0.insert(place, (index, value)),
                }
            }
            _ => self.0.push((index, value)),
        }
    }

    fn remove(&mut self, index: AccessIndex) {
        if let Ok(place) = self.0.binary_search_by_key(&index, |(at, _)| *at) {
            self.0.remove(place);
        }
    }

    /// Returns the versions below an index.
    fn below(&self, at: AccessIndex) -> &[(AccessIndex, T)] {
        match self.0.last() {
            Some((last, _)) if *last >= at => {
                &self.0[..self.0.partition_point(|(index, _)| *index < at)]
            }
            _ => &self.0,
        }
    }

    fn last_below(&self, at: AccessIndex) -> Option<(AccessIndex, T)> {
        self.below(at).last().copied()
    }
}

/// Versions of one account, each kind of value apart.
#[derive(Debug, Default)]
pub(super) struct AccountVersions {
    /// Indices that destroyed the account.
    destroyed: Versions<()>,
    /// Indices that cleared its storage, by destroying it or by creating over it.
    wipes: Versions<()>,
    balances: Versions<BalanceWrite>,
    /// All that was ever credited, and the highest balance that was ever set, whether it still
    /// stands or not: what no balance below is above.
    credited: U256,
    set_max: U256,
    nonces: Versions<u64>,
    code_hashes: Versions<B256>,
    /// Indices that touched the account and wrote none of the three values.
    touches: Versions<()>,
    slots: U256Map<Versions<U256>>,
}

impl AccountVersions {
    pub(super) fn put(&mut self, index: AccessIndex, write: &AccountWrite) {
        if write.wipe.is_some() {
            self.wipes.put(index, ());
        }
        if write.wipe == Some(Wipe::Destroyed) {
            self.destroyed.put(index, ());
        } else if is_bare(write) {
            self.touches.put(index, ());
        }
        if let Some(balance) = write.balance {
            self.balances.put(index, balance);
            match balance {
                BalanceWrite::Set(balance) => self.set_max = self.set_max.max(balance),
                BalanceWrite::Credit(amount) => {
                    self.credited = self.credited.saturating_add(amount);
                }
            }
        }
        if let Some(nonce) = write.nonce {
            self.nonces.put(index, nonce);
        }
        if let Some(code_hash) = write.code_hash {
            self.code_hashes.put(index, code_hash);
        }
        for (slot, value) in &write.slots {
            self.slots.entry(*slot).or_default().put(index, *value);
        }
    }

    pub(super) fn remove(&mut self, index: AccessIndex, write: &AccountWrite) {
        if write.wipe.is_some() {
            self.wipes.remove(index);
            self.destroyed.remove(index);
        }
        if is_bare(write) {
            self.touches.remove(index);
        }
        if write.balance.is_some() {
            self.balances.remove(index);
        }
        if write.nonce.is_some() {
            self.nonces.remove(index);
        }
        if write.code_hash.is_some() {
            self.code_hashes.remove(index);
        }
        for (slot, _) in &write.slots {
            if let Some(versions) = self.slots.get_mut(slot) {
                versions.remove(index);
            }
        }
    }

    /// Returns the account as the reader `at` an index sees it.
    ///
    /// An account that is cleared for being empty loses nothing but its existence, so that values
    /// can be found apart, and existence follows from them and from whether there was a touch.
    pub(super) fn account(
        &self,
        at: AccessIndex,
        rule: TouchRule,
        base: impl FnOnce() -> Option<Option<Account>>,
    ) -> Option<Option<Account>> {
        let destroyed = self.destroyed.last_below(at).map(|(index, ())| index);
        let base = if destroyed.is_some() { None } else { base()? };
        // What the index of the destruction wrote besides is gone with it.
        let counts = |index: AccessIndex| destroyed.is_none_or(|destroyed| index > destroyed);
        let nonce = self.nonces.last_below(at).filter(|(index, _)| counts(*index));
        let code_hash = self.code_hashes.last_below(at).filter(|(index, _)| counts(*index));
        let touch = self.touches.last_below(at).filter(|(index, ())| counts(*index));
        let balances = self.balances.below(at);
        let balances = &balances[balances.partition_point(|(index, _)| !counts(*index))..];
        if nonce.is_none() && code_hash.is_none() && touch.is_none() && balances.is_empty() {
            return Some(base);
        }
        let before = base.unwrap_or_default();
        let account = Account {
            balance: sum(before.balance, balances),
            nonce: nonce.map_or(before.nonce, |(_, nonce)| nonce),
            code_hash: code_hash.map_or(before.code_hash, |(_, code_hash)| code_hash),
        };
        Some(exists_when_touched(account, rule))
    }

    /// Tells whether a Credit that was put here may not fit, whatever its index: rarely, and in no
    /// time, so that the balances of a hot account are not added up for each of its Credits.
    pub(super) fn may_overflow(&self, base: U256) -> bool {
        base.max(self.set_max).checked_add(self.credited).is_none()
    }

    /// Returns a slot as the reader `at` an index sees it.
    pub(super) fn slot(
        &self,
        slot: &U256,
        at: AccessIndex,
        base: impl FnOnce() -> Option<U256>,
    ) -> Option<U256> {
        let wiped = self.wipes.last_below(at).map(|(index, ())| index);
        let written = self.slots.get(slot).and_then(|versions| versions.last_below(at));
        match (written, wiped) {
            // Within an index the wipe comes before slot writes.
            (Some((index, value)), Some(wipe)) if index >= wipe => Some(value),
            (Some((_, value)), None) => Some(value),
            (_, Some(_)) => Some(U256::ZERO),
            (None, None) => base(),
        }
    }
}

/// Tells whether a write is nothing but a touch and slots.
const fn is_bare(write: &AccountWrite) -> bool {
    write.balance.is_none() && write.nonce.is_none() && write.code_hash.is_none()
}

/// Adds up what follows the last balance that was set, or everything over the base.
fn sum(base: U256, balances: &[(AccessIndex, BalanceWrite)]) -> U256 {
    let is_set = |(_, write): &(AccessIndex, BalanceWrite)| matches!(write, BalanceWrite::Set(_));
    let from = balances.iter().rposition(is_set).unwrap_or(0);
    balances[from..].iter().fold(base, |balance, (_, write)| match write {
        BalanceWrite::Set(balance) => *balance,
        BalanceWrite::Credit(amount) => credited(balance, *amount),
    })
}
