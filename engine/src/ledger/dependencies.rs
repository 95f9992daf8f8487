//! What is known of dependencies among indices that have to run again.

use super::Ledger;
use crate::{access::AccessKey, ids::AccessIndex};
use alloy_primitives::{Address, map::HashMap};
use std::collections::BTreeMap;

impl Ledger {
    /// Groups indices that depend on each other by what they read and wrote when they last ran:
    /// one number an index, equal where one wrote what another read. An index that left no trace
    /// is a group of its own.
    pub fn dependencies(&self, indices: &[AccessIndex]) -> Vec<usize> {
        let mut groups = Groups::new(indices.len());
        let mut writer_of_account = HashMap::<Address, usize>::default();
        let mut writer_of_slot = HashMap::<AccessKey, usize>::default();
        let place: BTreeMap<AccessIndex, usize> =
            indices.iter().enumerate().map(|(place, index)| (*index, place)).collect();
        for (index, place) in &place {
            for (address, write) in self.memory.get(*index).into_iter().flat_map(|it| &it.accounts)
            {
                let changes_account = write.nonce.is_some()
                    || write.code_hash.is_some()
                    || write.wipe.is_some()
                    || write
                        .balance
                        .is_some_and(|it| matches!(it, crate::access::BalanceWrite::Set(_)));
                if changes_account {
                    let other = *writer_of_account.entry(*address).or_insert(*place);
                    groups.join(other, *place);
                }
                for (slot, _) in &write.slots {
                    let key = AccessKey::Slot(*address, *slot);
                    let other = *writer_of_slot.entry(key).or_insert(*place);
                    groups.join(other, *place);
                }
            }
        }
        for (index, place) in &place {
            let held = self.entries[index.position() as usize].held.as_ref();
            for read in held.into_iter().flat_map(|held| &held.reads.0) {
                let writer = match read.key {
                    AccessKey::Slot(..) => writer_of_slot.get(&read.key),
                    key => writer_of_account.get(key.address()),
                };
                if let Some(writer) = writer {
                    groups.join(*writer, *place);
                }
            }
        }
        (0..indices.len()).map(|place| groups.root(place)).collect()
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
