//! Transactions that are left out of a block that is built (rules 7 and 10).
//!
//! An invalid transaction whose reads hold when all below it is final is dropped, and so is one
//! whose gas finds no room: it writes nothing, uses no gas, and the block goes on. What an earlier
//! run of it wrote is taken away, so that whatever read it is conflicted; such a conflict is
//! nobody's fault (rule 2).

use super::{Ledger, Status};
use crate::{ids::AccessIndex, outcome::Verdict};
use std::collections::BTreeSet;

impl Ledger {
    /// Drops transactions that are invalid, instead of ending the block there.
    #[must_use]
    pub fn dropping_invalid(self) -> Self {
        Self { drops_invalid: true, ..self }
    }

    /// Returns the final transactions that are dropped, ascending, with the rule that each broke.
    pub fn dropped(&self) -> Vec<(AccessIndex, String)> {
        if !self.drops_invalid {
            return Vec::new();
        }
        let entries = self.entries.iter().take(self.next.position() as usize);
        let dropped = (0..).map(AccessIndex::new).zip(entries).filter_map(|(index, entry)| {
            if let Some(limit) = self.no_room.get(&index) {
                return Some((index, limit.to_string()));
            }
            match &entry.held.as_ref()?.verdict {
                Verdict::Invalid { reason } => Some((index, reason.clone())),
                _ => None,
            }
        });
        dropped.collect()
    }

    /// Tells whether the next index is a transaction that is left out.
    pub(super) fn is_dropped_next(&self) -> bool {
        if !self.drops_invalid || self.transaction(self.next).is_none() {
            return false;
        }
        let held = self.entries[self.next.position() as usize].held.as_ref();
        let is_invalid = held.is_some_and(|held| {
            held.status == Status::Holds && matches!(held.verdict, Verdict::Invalid { .. })
        });
        is_invalid || self.check_limits().is_err()
    }

    /// Makes the next index final without writes; returns indices above that may have read some.
    pub(super) fn drop_next(&mut self) -> BTreeSet<AccessIndex> {
        let index = self.next;
        if let Err(limit) = self.check_limits() {
            self.discard(index);
            self.no_room.insert(index, limit);
        }
        let mut shaken = BTreeSet::new();
        if self.entries[index.position() as usize].written.take().is_some() {
            self.void_promises_from(index);
            self.write(index, None, &mut shaken);
        }
        self.spend(None);
        shaken
    }
}
