//! State without versions.

use crate::{
    access::{AccessKey, AccessValue, WriteSet},
    account::{
        Account, SnapshotAnswer, SnapshotKey, SnapshotValue, TouchRule, apply_account_write,
    },
    memory::value_of,
};
use alloy_primitives::{Address, U256};
use std::collections::BTreeMap;

/// State as a plain map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    pub(super) rule: TouchRule,
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) slots: BTreeMap<(Address, U256), U256>,
}

impl ModelState {
    /// Returns the value of a key.
    pub fn read(&self, key: &AccessKey) -> AccessValue {
        match key {
            AccessKey::Slot(address, slot) => self.slot(address, slot).into(),
            other => value_of(other, self.accounts.get(other.address())),
        }
    }

    /// Applies what one index wrote.
    pub fn apply(&mut self, writes: &WriteSet) {
        for (address, write) in &writes.accounts {
            if write.wipe.is_some() {
                self.slots.retain(|(owner, _), _| owner != address);
            }
            let before = self.accounts.remove(address);
            if let Some(after) = apply_account_write(before, write, self.rule) {
                self.accounts.insert(*address, after);
            }
            for (slot, value) in &write.slots {
                self.slots.insert((*address, *slot), *value);
            }
        }
    }

    /// Answers as a state service would.
    pub fn answer(&self, key: &SnapshotKey) -> SnapshotAnswer {
        match key {
            SnapshotKey::Slot(address, slot) => SnapshotAnswer::Slot(self.slot(address, slot)),
            other => SnapshotAnswer::Account {
                account: self.accounts.get(other.address()).copied(),
                code: None,
            },
        }
    }

    /// Reports the value that a read of a key took from this state.
    pub fn report(&self, key: &AccessKey) -> SnapshotValue {
        match key {
            AccessKey::Slot(address, slot) => {
                SnapshotValue::Slot(*address, *slot, self.slot(address, slot))
            }
            other => SnapshotValue::Account(
                *other.address(),
                self.accounts.get(other.address()).copied(),
            ),
        }
    }

    fn slot(&self, address: &Address, slot: &U256) -> U256 {
        self.slots.get(&(*address, *slot)).copied().unwrap_or_default()
    }
}
