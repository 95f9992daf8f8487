//! Diffs of sealed blocks that are not decided: those that follow the tag one on another, and
//! those that do not, or not yet.

use crate::prefetch::KnownKey;
use alloy_primitives::{Address, U256, map::HashMap};
use engine::{
    fold::{AccountDiff, StateDiff},
    ids::{JobId, SnapshotId},
};
use std::{collections::VecDeque, sync::Arc};

use super::base::Cached;

/// What one sealed block changed.
#[derive(Clone, Debug)]
pub(super) struct Provisional {
    pub(super) job: JobId,
    pub(super) parent: SnapshotId,
    pub(super) diff: Arc<StateDiff>,
    pub(super) n_bytes: usize,
}

impl Provisional {
    pub(super) fn new(job: JobId, parent: SnapshotId, diff: Arc<StateDiff>) -> Self {
        let n_bytes = bytes_of(&diff);
        Self { job, parent, diff, n_bytes }
    }
}

/// Bytes of a diff in memory, roughly.
fn bytes_of(diff: &StateDiff) -> usize {
    let accounts = diff.accounts.len() * size_of::<(Address, AccountDiff)>();
    let slots: usize = diff.accounts.values().map(|account| account.slots.len()).sum();
    let codes: usize = diff.codes.values().map(|code| code.len()).sum();
    size_of::<Provisional>() + accounts + slots * size_of::<(U256, U256)>() + codes
}

/// Diffs in order, bounded by number and bytes.
#[derive(Debug)]
pub(super) struct Diffs {
    diffs: VecDeque<Provisional>,
    n_bytes: usize,
    len_max: usize,
    bytes_max: usize,
}

impl Diffs {
    pub(super) const fn new(len_max: usize, bytes_max: usize) -> Self {
        Self { diffs: VecDeque::new(), n_bytes: 0, len_max, bytes_max }
    }

    pub(super) fn push(&mut self, diff: Provisional) {
        self.n_bytes += diff.n_bytes;
        self.diffs.push_back(diff);
    }

    pub(super) fn remove(&mut self, position: usize) -> Option<Provisional> {
        let removed = self.diffs.remove(position)?;
        self.n_bytes -= removed.n_bytes;
        Some(removed)
    }

    pub(super) fn position(&self, job: JobId) -> Option<usize> {
        self.diffs.iter().position(|diff| diff.job == job)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Provisional> {
        self.diffs.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.diffs.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.n_bytes
    }

    pub(super) fn is_over(&self) -> bool {
        self.diffs.len() > self.len_max || self.n_bytes > self.bytes_max
    }

    pub(super) fn clear(&mut self) {
        self.diffs.clear();
        self.n_bytes = 0;
    }
}

/// Diffs of which each is the child of the one before, the first of the tag.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) diffs: Diffs,
    /// How many of the diffs have an entry of the account: most keys are in none.
    touched: HashMap<Address, usize>,
}

impl Chain {
    pub(super) fn new(len_max: usize, bytes_max: usize) -> Self {
        Self { diffs: Diffs::new(len_max, bytes_max), touched: HashMap::default() }
    }

    pub(super) fn push(&mut self, diff: Provisional) {
        for address in diff.diff.accounts.keys() {
            *self.touched.entry(*address).or_default() += 1;
        }
        self.diffs.push(diff);
    }

    /// Takes the first diff out, if it is this job's.
    pub(super) fn take_first(&mut self, job: JobId) -> Option<Provisional> {
        self.diffs.iter().next().filter(|first| first.job == job)?;
        self.take(0)
    }

    /// Drops a diff and all above it.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.diffs.len() > len {
            self.take(self.diffs.len() - 1);
        }
    }

    pub(super) fn clear(&mut self) {
        self.diffs.clear();
        self.touched.clear();
    }

    fn take(&mut self, position: usize) -> Option<Provisional> {
        let taken = self.diffs.remove(position)?;
        for address in taken.diff.accounts.keys() {
            if let Some(n_diffs) = self.touched.get_mut(address) {
                *n_diffs -= 1;
                if *n_diffs == 0 {
                    self.touched.remove(address);
                }
            }
        }
        Some(taken)
    }

    /// Returns what the first `depth` diffs make of a key; `None` if they leave it as it is.
    pub(super) fn value(&self, depth: usize, key: &KnownKey) -> Option<Cached> {
        let (KnownKey::Account(address) | KnownKey::Slot(address, _)) = key else { return None };
        if depth == 0 || !self.touched.contains_key(address) {
            return None;
        }
        let diffs = self.diffs.diffs.range(..depth).rev();
        diffs.filter_map(|diff| diff.diff.accounts.get(address)).find_map(|diff| made_of(key, diff))
    }
}

/// Returns what one diff makes of a key of its account.
fn made_of(key: &KnownKey, diff: &AccountDiff) -> Option<Cached> {
    match key {
        KnownKey::Account(_) => Some(Cached::Account(diff.account)),
        KnownKey::Slot(_, slot) => {
            let written = diff.slots.get(slot).copied();
            written.or_else(|| diff.wiped.then_some(U256::ZERO)).map(Cached::Slot)
        }
        KnownKey::Code(_) => None,
    }
}
