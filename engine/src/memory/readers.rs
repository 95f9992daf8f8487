//! Who read what: so that a changed write finds the outcomes that have to be looked at again.

use crate::{
    access::{AccessKey, ReadSet},
    account::SnapshotKey,
    ids::AccessIndex,
};
use alloy_primitives::{
    Address, U256,
    map::{AddressMap, HashMap},
};
use std::collections::BTreeSet;

/// Reader indices by key.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// Sorted; hot keys have thousands, most have one.
    by_key: HashMap<AccessKey, Vec<AccessIndex>>,
    /// Slots of an account that somebody read, for wipes.
    slots: AddressMap<BTreeSet<U256>>,
}

impl Readers {
    /// Adds an outcome's reads.
    pub(crate) fn add(&mut self, index: AccessIndex, reads: &ReadSet) {
        for read in &reads.0 {
            let readers = self.by_key.entry(read.key).or_default();
            if let Err(at) = readers.binary_search(&index) {
                readers.insert(at, index);
            }
            if let AccessKey::Slot(address, slot) = read.key {
                self.slots.entry(address).or_default().insert(slot);
            }
        }
    }

    /// Takes an outcome's reads away.
    pub(crate) fn remove(&mut self, index: AccessIndex, reads: &ReadSet) {
        for read in &reads.0 {
            let Some(readers) = self.by_key.get_mut(&read.key) else { continue };
            if let Ok(at) = readers.binary_search(&index) {
                readers.remove(at);
            }
        }
    }

    /// Adds the readers of a key above an index to `found`.
    pub(crate) fn of_key(
        &self,
        key: &AccessKey,
        above: AccessIndex,
        found: &mut BTreeSet<AccessIndex>,
    ) {
        let Some(readers) = self.by_key.get(key) else { return };
        let first = readers.partition_point(|reader| *reader <= above);
        found.extend(&readers[first..]);
    }

    /// Tells whether anybody above an index reads an account, its slots left out.
    pub(crate) fn any_of_account(&self, address: &Address, above: AccessIndex) -> bool {
        account_keys(*address).iter().any(|key| {
            let last = self.by_key.get(key).and_then(|readers| readers.last());
            last.is_some_and(|last| *last > above)
        })
    }

    /// Adds the readers of any slot of an account above an index to `found`.
    pub(crate) fn of_all_slots(
        &self,
        address: Address,
        above: AccessIndex,
        found: &mut BTreeSet<AccessIndex>,
    ) {
        for slot in self.slots.get(&address).into_iter().flatten() {
            self.of_key(&AccessKey::Slot(address, *slot), above, found);
        }
    }

    /// Adds all readers of what a Snapshot key answers to `found`.
    pub(crate) fn of_snapshot_key(&self, key: &SnapshotKey, found: &mut BTreeSet<AccessIndex>) {
        let keys = match key {
            SnapshotKey::Slot(address, slot) => vec![AccessKey::Slot(*address, *slot)],
            other => account_keys(*other.address()).to_vec(),
        };
        for key in keys {
            found.extend(self.by_key.get(&key).into_iter().flatten());
        }
    }
}

/// Returns the keys that an account answers, its slots left out.
pub(crate) const fn account_keys(address: Address) -> [AccessKey; 4] {
    [
        AccessKey::Balance(address),
        AccessKey::Nonce(address),
        AccessKey::CodeHash(address),
        AccessKey::Existence(address),
    ]
}
