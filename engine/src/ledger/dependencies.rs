//! What is known of dependencies among indices, from what they read and wrote when they last ran.

use super::{Entry, Ledger};
use crate::{
    access::{AccessKey, AccountWrite, BalanceWrite, WriteSet},
    ids::AccessIndex,
    memory::readers::account_keys,
};
use alloy_primitives::{
    Address,
    map::{AddressSet, HashMap, HashSet},
};
use std::collections::BTreeMap;

impl Ledger {
    /// Returns these indices (ascending) with all above them that read what they wrote, or what
    /// those wrote in turn: what a new run of them will most likely change.
    ///
    /// Because writes stay as estimates, of a chain of transactions only the first one whose reads
    /// fail shows up as conflicted; the others fail one after the other when it runs again.
    pub fn shaken(&self, open: &[AccessIndex]) -> Vec<AccessIndex> {
        let Some(lowest) = open.first() else { return Vec::new() };
        let mut shaky = ShakyKeys::default();
        let mut shaken = Vec::new();
        for index in self.rest().into_iter().filter(|index| index >= lowest) {
            let entry = &self.entries[index.position() as usize];
            let is_shaken = open.binary_search(&index).is_ok() || shaky.are_read_by(entry);
            if is_shaken {
                shaken.push(index);
            }
            if let Some(writes) = self.memory.get(index) {
                shaky.written(writes, is_shaken);
            }
        }
        shaken
    }

    /// Groups indices that depend on each other: one number an index, equal where one wrote what
    /// another read or wrote. An index that left no trace is a group of its own.
    pub fn dependencies(&self, indices: &[AccessIndex]) -> Vec<usize> {
        let mut groups = Groups::new(indices.len());
        let mut writers = Writers::default();
        let places: BTreeMap<AccessIndex, usize> =
            indices.iter().enumerate().map(|(place, index)| (*index, place)).collect();
        for (index, place) in &places {
            for (address, write) in self.memory.get(*index).into_iter().flat_map(|it| &it.accounts)
            {
                writers.add((address, write), *place, &mut groups);
            }
        }
        for (index, place) in &places {
            let held = self.entries[index.position() as usize].held.as_ref();
            for read in held.into_iter().flat_map(|held| &held.reads.0) {
                if let Some(writer) = writers.of(&read.key) {
                    groups.join(writer, *place);
                }
            }
        }
        (0..indices.len()).map(|place| groups.root(place)).collect()
    }
}

/// Keys whose last write below is not to be relied on.
#[derive(Debug, Default)]
struct ShakyKeys {
    keys: HashSet<AccessKey>,
    /// Accounts of which anything but slots is shaky: existence follows from all of it.
    accounts: AddressSet,
    wipes: AddressSet,
}

impl ShakyKeys {
    fn are_read_by(&self, entry: &Entry) -> bool {
        let reads = entry.held.iter().flat_map(|held| &held.reads.0);
        reads.map(|read| &read.key).any(|key| match key {
            AccessKey::Existence(address) => self.accounts.contains(address),
            AccessKey::Slot(address, _) => self.keys.contains(key) || self.wipes.contains(address),
            _ => self.keys.contains(key),
        })
    }

    fn written(&mut self, writes: &WriteSet, is_shaky: bool) {
        for (address, write) in &writes.accounts {
            if write.wipe.is_some() {
                set(&mut self.wipes, *address, is_shaky);
                account_keys(*address).into_iter().for_each(|key| self.put(key, is_shaky));
            }
            match write.balance {
                Some(BalanceWrite::Set(_)) => self.put(AccessKey::Balance(*address), is_shaky),
                // A sum is shaky if any part of it is.
                Some(BalanceWrite::Credit(_)) if is_shaky => {
                    self.put(AccessKey::Balance(*address), true);
                }
                Some(BalanceWrite::Credit(_)) | None => {}
            }
            if write.nonce.is_some() {
                self.put(AccessKey::Nonce(*address), is_shaky);
            }
            if write.code_hash.is_some() {
                self.put(AccessKey::CodeHash(*address), is_shaky);
            }
            for (slot, _) in &write.slots {
                self.put(AccessKey::Slot(*address, *slot), is_shaky);
            }
        }
    }

    fn put(&mut self, key: AccessKey, is_shaky: bool) {
        if is_shaky && !matches!(key, AccessKey::Slot(..)) {
            self.accounts.insert(*key.address());
        }
        set(&mut self.keys, key, is_shaky);
    }
}

fn set<T: Eq + std::hash::Hash, S: std::hash::BuildHasher>(
    keys: &mut HashSet<T, S>,
    key: T,
    is_in: bool,
) {
    if is_in {
        keys.insert(key);
    } else {
        keys.remove(&key);
    }
}

/// Who wrote what, by place among the indices that are grouped.
#[derive(Debug, Default)]
struct Writers {
    of_account: HashMap<Address, usize>,
    of_slot: HashMap<AccessKey, usize>,
}

impl Writers {
    /// Adds a writer; those that write the same are one group.
    fn add(
        &mut self,
        (address, write): (&Address, &AccountWrite),
        place: usize,
        groups: &mut Groups,
    ) {
        let is_set = write.balance.is_some_and(|balance| matches!(balance, BalanceWrite::Set(_)));
        let changes_account =
            is_set || write.nonce.is_some() || write.code_hash.is_some() || write.wipe.is_some();
        if changes_account {
            groups.join(*self.of_account.entry(*address).or_insert(place), place);
        }
        for (slot, _) in &write.slots {
            let key = AccessKey::Slot(*address, *slot);
            groups.join(*self.of_slot.entry(key).or_insert(place), place);
        }
    }

    fn of(&self, key: &AccessKey) -> Option<usize> {
        match key {
            AccessKey::Slot(..) => self.of_slot.get(key).copied(),
            key => self.of_account.get(key.address()).copied(),
        }
    }
}

/// Disjoint groups of numbers below a bound.
#[derive(Debug)]
struct Groups(Vec<usize>);

impl Groups {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, of: usize) -> usize {
        let mut root = of;
        while self.0[root] != root {
            self.0[root] = self.0[self.0[root]];
            root = self.0[root];
        }
        root
    }

    /// The lower number stays the root, so that groups do not depend on the order of joins.
    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.0[high] = low;
    }
}
