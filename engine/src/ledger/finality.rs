//! Finality: one ordered prefix of the block (rule 2), with the block's limits (rule 10).

use super::{Held, Ledger, Status};
use crate::{
    access::ReadSet,
    account::SnapshotKey,
    check,
    header::{GasLeft, LimitError},
    ids::{AccessIndex, Incarnation, WorkerId},
    invariant::Invariant,
    outcome::Verdict,
    task::JobFrame,
};
use alloy_consensus::TxEnvelope;
use std::{collections::BTreeSet, sync::Arc};

/// What the lowest index that is not final needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: every index is final.
    Done,
    /// The end of a run that is under way.
    Running,
    /// A run: it never ran, or what it produced was dropped.
    Empty,
    /// A new run: a read of its outcome differs from what lies below.
    Conflicted,
    /// Values of the Snapshot.
    Unsettled,
    /// A new run: it was parked or found no room in the block, and now all below it is final.
    Parked,
    /// A new run: it ended without an answer.
    Failed {
        /// What was caught.
        message: String,
    },
    /// Nothing helps: the Snapshot cannot answer this key.
    Unavailable {
        /// The key.
        key: SnapshotKey,
    },
    /// A confirmation: the transaction may not stand here, and all below it is final. Where
    /// invalid ones are dropped, this is what comes before or after the transactions.
    Invalid {
        /// The rule it breaks.
        reason: String,
    },
}

/// The outcome that stands at an index.
#[derive(Clone, Debug)]
pub struct FinalOutcome {
    /// Number of the run that produced it.
    pub incarnation: Incarnation,
    /// Who produced it.
    pub worker: WorkerId,
    /// What it observed.
    pub reads: Arc<ReadSet>,
    /// How it ended.
    pub verdict: Verdict,
}

impl Ledger {
    /// Returns the lowest index that is not final, and what it needs.
    pub fn next(&self) -> (AccessIndex, Next) {
        let Some(entry) = self.entries.get(self.next.position() as usize) else {
            return (self.next, Next::Done);
        };
        if let Err(limit) = self.check_limits()
            && !self.drops_invalid
        {
            return (self.next, Next::Invalid { reason: limit.to_string() });
        }
        let need = match (&entry.run, &entry.held) {
            (Some(_), _) => Next::Running,
            (None, None) => Next::Empty,
            (None, Some(held)) => need_of(held),
        };
        (self.next, need)
    }

    /// Returns the indices that need a new run now: those whose outcome is conflicted, dropped or
    /// was never there, and the lowest one that is not final if it was parked or failed (rules 7
    /// and 9: others of these wait until they are next).
    pub fn open(&self) -> Vec<AccessIndex> {
        let (next, need) = self.next();
        let runs_again = matches!(need, Next::Parked | Next::Failed { .. });
        self.rest()
            .into_iter()
            .filter(|index| {
                let entry = &self.entries[index.position() as usize];
                let is_open = entry.held.as_ref().is_none_or(|held| {
                    held.status == Status::Conflicted || (runs_again && *index == next)
                });
                entry.run.is_none() && is_open
            })
            .collect()
    }

    /// Returns all indices that are not final.
    pub fn rest(&self) -> Vec<AccessIndex> {
        let end = u32::try_from(self.entries.len()).expect("positions fit an AccessIndex");
        (self.next.position()..end).map(AccessIndex::new).collect()
    }

    /// Returns the gas that the outcome at an index used, if it ran to its end.
    pub fn gas_used(&self, index: AccessIndex) -> Option<u64> {
        self.entries.get(index.position() as usize)?.held.as_ref()?.gas_used()
    }

    /// Returns who produced the outcome that stands at an index.
    pub fn worker_of(&self, index: AccessIndex) -> Option<WorkerId> {
        let entry = self.entries.get(index.position() as usize)?;
        entry.held.as_ref().map(|held| held.worker)
    }

    /// Tells whether the state service said that the Snapshot cannot answer a key.
    pub fn is_unanswerable(&self, key: &SnapshotKey) -> bool {
        self.known.is_unanswerable(key)
    }

    /// Begins the block again from nothing and returns what stood at each index. What is known of
    /// the Snapshot stays known, and no number of a run is given again.
    pub fn start_over(&mut self, frame: &JobFrame) -> Vec<Option<FinalOutcome>> {
        let transactions = Arc::clone(&self.transactions);
        let known = std::mem::take(&mut self.known);
        let (n_conflicts, drops_invalid) = (self.n_conflicts, self.drops_invalid);
        let fresh = Self::new(frame, transactions, known, self.last_issued());
        let before = std::mem::replace(self, Self { n_conflicts, drops_invalid, ..fresh });
        let standing = before.entries.into_iter().map(|entry| {
            let Held { incarnation, worker, reads, verdict, .. } = entry.held?;
            Some(FinalOutcome { incarnation, worker, reads, verdict })
        });
        standing.collect()
    }

    /// Moves finality on as far as outcomes hold. Returns indices that have to be looked at before it
    /// goes on: their reads may have changed by a drop, or their payments do not fit.
    pub(super) fn advance(&mut self) -> BTreeSet<AccessIndex> {
        while let Some(entry) = self.entries.get(self.next.position() as usize) {
            if entry.run.is_some() {
                break;
            }
            if self.is_dropped_next() {
                let shaken = self.drop_next();
                if !shaken.is_empty() {
                    return shaken;
                }
                continue;
            }
            let Some(held) = &entry.held else { break };
            let Verdict::Executed(_) = &held.verdict else { break };
            if held.status != Status::Holds || self.check_limits().is_err() {
                break;
            }
            if self.payments_fit(self.next) != Ok(true) {
                return BTreeSet::from([self.next]);
            }
            check!(
                Invariant::FinalHolds,
                entry.written.is_some_and(|(by, _)| by == held.incarnation)
            );
            self.spend(held.gas_used());
        }
        BTreeSet::new()
    }

    /// Makes the next index final: its transaction used so much gas, or none if it is dropped.
    pub(super) fn spend(&mut self, gas_used: Option<u64>) {
        if let Some(transaction) = self.transaction(self.next) {
            let mut left = self.gas_left();
            if let Some(gas_used) = gas_used {
                left.spend(transaction, gas_used);
            }
            self.gas_left.push(left);
        }
        self.next = self.next.next();
        let n_spent = self.next.position().saturating_sub(1).min(self.n_transactions());
        check!(Invariant::FinalInOrder, self.gas_left.len() == n_spent as usize + 1);
    }

    /// Takes finality back to an index. What found no room above it may find some now.
    pub(super) fn roll_back_to(&mut self, index: AccessIndex) {
        if index < self.next {
            self.next = index;
            let n_transactions_below = index.position().saturating_sub(1) as usize;
            self.gas_left.truncate(n_transactions_below + 1);
            drop(self.no_room.split_off(&index));
        }
    }

    pub(super) fn check_limits(&self) -> Result<(), LimitError> {
        let Some(transaction) = self.transaction(self.next) else { return Ok(()) };
        self.gas_left().admit(transaction)
    }

    /// Returns what is left of the block's gas when all that is final has run.
    pub fn gas_left(&self) -> GasLeft {
        *self.gas_left.last().expect("begins with the block's limits")
    }

    fn n_transactions(&self) -> u32 {
        u32::try_from(self.transactions.len()).expect("positions fit an AccessIndex")
    }

    pub(super) fn transaction(&self, index: AccessIndex) -> Option<&TxEnvelope> {
        self.transactions.get(index.transaction_offset()?).map(AsRef::as_ref)
    }
}

fn need_of(held: &Held) -> Next {
    match held.status {
        Status::Conflicted => return Next::Conflicted,
        Status::Unsettled => return Next::Unsettled,
        Status::Unanswerable(key) => return Next::Unavailable { key },
        Status::Holds => {}
    }
    match &held.verdict {
        // An outcome that ran to its end and holds is final as soon as it is next.
        Verdict::Executed(_) => Next::Running,
        Verdict::Invalid { reason } => Next::Invalid { reason: reason.clone() },
        // Whoever saw no room saw other outcomes below it than those that are final now.
        Verdict::Parked | Verdict::NoRoom => Next::Parked,
        Verdict::Unavailable { key } => Next::Unavailable { key: *key },
        Verdict::Failed { message } => Next::Failed { message: message.clone() },
    }
}
