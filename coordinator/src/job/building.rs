//! Building: transactions that are left out, and the gaps that close when the block is sealed.
//!
//! While the block runs an index is a transaction's place among the candidates that somebody
//! signed. What is dropped keeps its index and writes nothing; only what is told of the block
//! afterwards counts without it.

use super::{Job, JobSetup};
use alloy_consensus::TxEnvelope;
use engine::{
    access::WriteSet,
    build::Dropped,
    ids::{AccessIndex, Incarnation},
    ledger::{FinalOutcome, KnownSnapshot, Ledger},
    outcome::{FinalWrite, Verdict},
};
use std::sync::Arc;

/// What is known of the candidates of a block that is built.
#[derive(Clone, Debug, Default)]
pub struct Building {
    /// Offset of each transaction of the job among the candidates.
    pub offsets: Vec<usize>,
    /// Candidates that are left out so far.
    pub dropped: Vec<Dropped>,
}

/// The body of a block that was built.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltBody {
    /// The transactions that are in it.
    pub transactions: Vec<Arc<TxEnvelope>>,
    /// The candidates that are not, in order.
    pub dropped: Vec<Dropped>,
}

/// Makes the view of a job's block of which nothing has run.
pub(super) fn new_ledger(setup: &JobSetup) -> Ledger {
    let transactions = Arc::clone(&setup.transactions);
    let (known, after) = (KnownSnapshot::default(), Incarnation::default());
    let ledger = Ledger::new(&setup.frame, transactions, known, after);
    if setup.goal.is_build() { ledger.dropping_invalid() } else { ledger }
}

impl Job {
    /// Before anything runs: a candidate that nobody signed gets no index.
    pub(super) fn leave_unsigned_out(&mut self) {
        let is_signed = self.preparing.leave_unsigned_out();
        if is_signed.iter().all(|is_signed| *is_signed) {
            return;
        }
        let transactions = self.setup.transactions.iter().zip(&is_signed).enumerate();
        let (mut kept, mut unsigned) = (Vec::new(), Vec::new());
        for (place, (transaction, is_signed)) in transactions {
            if *is_signed {
                kept.push((place, Arc::clone(transaction)));
            } else {
                unsigned.push((place, "the signature has no sender".to_owned()));
            }
        }
        self.note_dropped(unsigned);
        if let Some(building) = self.setup.goal.building() {
            building.offsets = kept.iter().map(|(place, _)| building.offsets[*place]).collect();
        }
        self.setup.transactions = kept.into_iter().map(|(_, transaction)| transaction).collect();
        self.ledger = new_ledger(&self.setup);
    }

    /// Notes transactions that are left out, by their offset in the job, and why.
    pub(super) fn note_dropped(&mut self, dropped: Vec<(usize, String)>) {
        let transactions = &self.setup.transactions;
        let Some(building) = self.setup.goal.building() else { return };
        for (offset, reason) in dropped {
            let hash = *transactions[offset].tx_hash();
            let candidate = building.offsets[offset];
            building.dropped.push(Dropped { candidate, hash, reason });
        }
    }

    /// Returns the body of the block that was built of these outcomes.
    pub(super) fn built_body(&mut self, outcomes: &[Option<FinalOutcome>]) -> Option<BuiltBody> {
        let transactions = self.kept(outcomes);
        let building = self.setup.goal.building()?;
        let mut dropped = std::mem::take(&mut building.dropped);
        dropped.sort_unstable_by_key(|dropped| dropped.candidate);
        Some(BuiltBody { transactions, dropped })
    }

    /// Returns the transactions that are in the block.
    pub(super) fn kept(&self, outcomes: &[Option<FinalOutcome>]) -> Vec<Arc<TxEnvelope>> {
        let offsets = kept_offsets(outcomes, self.setup.transactions.len());
        offsets.map(|offset| Arc::clone(&self.setup.transactions[offset])).collect()
    }

    /// Returns what belongs to transactions that are in the block, of one item for each candidate.
    pub(super) fn of_kept<T: Copy>(&self, items: &[T]) -> Vec<T> {
        let outcomes = self.candidates.last().map_or(&[][..], |last| &last.outcomes);
        let offsets = kept_offsets(outcomes, self.setup.transactions.len());
        offsets.filter_map(|offset| items.get(offset).copied()).collect()
    }
}

/// Returns the offsets of the transactions that ran to their end.
fn kept_offsets(
    outcomes: &[Option<FinalOutcome>],
    n_transactions: usize,
) -> impl Iterator<Item = usize> + use<'_> {
    let ran = |outcome: &Option<FinalOutcome>| {
        matches!(outcome.as_ref().map(|it| &it.verdict), Some(Verdict::Executed(_)))
    };
    let transactions = outcomes.iter().skip(1).take(n_transactions).enumerate();
    transactions.filter(move |(_, outcome)| ran(outcome)).map(|(offset, _)| offset)
}

/// Gives the writes of a block (index 0, transactions, after the last) the indices that they have
/// without gaps.
pub(super) fn close_gaps(writes: Vec<FinalWrite>) -> Vec<(AccessIndex, Arc<WriteSet>)> {
    let places = (0..).map(AccessIndex::new);
    places.zip(writes).map(|(index, write)| (index, write.writes)).collect()
}
