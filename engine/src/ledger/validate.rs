//! Compares reads with what lies below them, by value.

use super::{Breach, Ledger, Status};
use crate::{
    access::{AccessKey, Read},
    account::SnapshotKey,
    ids::AccessIndex,
    outcome::Verdict,
};
use alloy_primitives::Address;
use std::collections::BTreeSet;

impl Ledger {
    /// Looks at the outcomes of these indices again, then moves finality: back to the lowest final
    /// one whose reads do not hold any more, or on as far as it goes.
    pub(super) fn look_again(&mut self, mut indices: BTreeSet<AccessIndex>) -> Vec<Breach> {
        let mut breaches = Vec::new();
        loop {
            self.judge_all(indices, &mut breaches);
            indices = self.advance();
            if indices.is_empty() {
                return breaches;
            }
        }
    }

    fn judge_all(&mut self, indices: BTreeSet<AccessIndex>, breaches: &mut Vec<Breach>) {
        for index in indices {
            let status = self.judge(index);
            self.unsettled.remove(&index);
            let entry = &mut self.entries[index.position() as usize];
            let is_running = entry.run.is_some();
            let Some(held) = &mut entry.held else { continue };
            let before = std::mem::replace(&mut held.status, status);
            match status {
                Status::Holds => {}
                Status::Unsettled | Status::Unanswerable(_) => {
                    self.unsettled.insert(index);
                }
                Status::Conflicted => {
                    self.n_conflicts += u64::from(before != Status::Conflicted);
                    if !is_running && let Some(worker) = self.promises.remove(&index) {
                        let what = "a read differs from what lies below";
                        breaches.push(Breach { worker, index: Some(index), what });
                    }
                }
            }
            if status != Status::Holds && index < self.next {
                self.roll_back_to(index);
            }
        }
    }

    /// Judges the outcome at an index, and notes the keys that it needs and nobody reported.
    fn judge(&mut self, index: AccessIndex) -> Status {
        let Some(held) = &self.entries[index.position() as usize].held else {
            return Status::Unsettled;
        };
        let mut needed = Vec::new();
        for read in &held.reads.0 {
            match self.compare(read, index) {
                Ok(true) => {}
                Ok(false) => return Status::Conflicted,
                Err(key) => needed.push(key),
            }
        }
        if index == self.next {
            match self.payments_fit(index) {
                Ok(true) => {}
                Ok(false) => return Status::Conflicted,
                Err(key) => needed.push(key),
            }
        }
        if needed.is_empty() {
            return Status::Holds;
        }
        let unanswerable = needed.iter().find(|key| self.known.is_unanswerable(key)).copied();
        let (asked, known) = (&self.asked, &self.known);
        needed.retain(|key| !asked.contains(key) && !known.is_unanswerable(key));
        self.wanted.extend(needed);
        unanswerable.map_or(Status::Unsettled, Status::Unanswerable)
    }

    /// Tells whether the payments of the outcome at an index fit what all below it left; fails with
    /// the key of the Snapshot that this depends on and that is not known.
    pub(super) fn payments_fit(&self, index: AccessIndex) -> Result<bool, SnapshotKey> {
        let held = self.entries[index.position() as usize].held.as_ref();
        let Some(Verdict::Executed(executed)) = held.map(|held| &held.verdict) else {
            return Ok(true);
        };
        if self.transaction(index).is_none() {
            return Ok(true);
        }
        let base = |address: &Address| self.known.account(address);
        self.memory
            .payments_fit(index, &executed.writes, &self.beneficiary, base)
            .map_err(SnapshotKey::Account)
    }

    /// Tells whether a read equals what lies below an index; fails with the key of the Snapshot
    /// that this depends on and that is not known.
    fn compare(&self, read: &Read, index: AccessIndex) -> Result<bool, SnapshotKey> {
        let address = read.key.address();
        let slot = match &read.key {
            AccessKey::Slot(_, slot) => Some(slot),
            _ => None,
        };
        let value = self.memory.value(
            &read.key,
            index,
            || self.known.account(address),
            || slot.and_then(|slot| self.known.slot(address, slot)),
        );
        match (value, slot) {
            (Some(value), _) => Ok(value == read.value),
            (None, Some(slot)) => Err(SnapshotKey::Slot(*address, *slot)),
            (None, None) => Err(SnapshotKey::Account(*address)),
        }
    }
}
