//! The coordinator's view of one block while it runs: who runs what, which outcome stands at each
//! index, whether its reads hold, and how far the block is final.
//!
//! Every outcome is validated by value (rule 1): each read must equal what lies below its index,
//! the block's writes or else the Snapshot. The Snapshot is learned key by key from what workers
//! report; a read that needs a value nobody reported does not hold *yet*, and
//! [`Ledger::take_wanted`] names the keys that the coordinator has to read itself.
//!
//! **Writes stay until they are replaced.** An outcome whose reads fail is conflicted at once and
//! cannot become final, but its writes stay in the memory, as an estimate, until another outcome of
//! that index takes their place. Most conflicted transactions write the same keys again, and often
//! the same values (a nonce, a flag): taking the writes away would conflict everything above that
//! read them, the sender's whole chain first, and give the next round nothing to build on. It is
//! safe because nothing is final by who wrote it: what was read from an estimate is compared again
//! with whatever replaces it. For the same reason a guess that did not run to its end leaves what
//! was there before; if all below it was certain, it takes it away. So does the quarantine of the
//! worker that wrote it.

mod admit;
mod dependencies;
mod drops;
mod finality;
mod known;
mod overlay;
#[cfg(test)]
mod tests;
mod validate;

pub use admit::{Admission, Breach};
pub use finality::{FinalOutcome, Next};
pub use known::KnownSnapshot;
pub use overlay::OverlaySync;

use crate::{
    access::ReadSet,
    account::{SnapshotKey, TouchRule},
    check,
    header::{GasLeft, LimitError},
    ids::{AccessIndex, Incarnation, WorkerId},
    invariant::Invariant,
    memory::{BlockMemory, readers::Readers},
    outcome::Verdict,
    task::{JobFrame, OverlayEntry, Standing},
};
use alloy_consensus::TxEnvelope;
use alloy_primitives::Address;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The view of one block.
#[derive(Debug)]
pub struct Ledger {
    transactions: Arc<[Arc<TxEnvelope>]>,
    /// Who gets the fees: what is credited to it is no payment.
    beneficiary: Address,
    memory: BlockMemory,
    known: KnownSnapshot,
    readers: Readers,
    entries: Vec<Entry>,
    /// Indices whose outcome cannot fail unless this worker broke the protocol: when they were
    /// issued, all below them was final or in the same dispatch, and none of it was issued again
    /// or dropped since (rule 2).
    promises: BTreeMap<AccessIndex, WorkerId>,
    /// Indices whose outcome waits for values of the Snapshot.
    unsettled: BTreeSet<AccessIndex>,
    /// Keys that the coordinator has to read itself and has not been told of yet.
    wanted: BTreeSet<SnapshotKey>,
    /// Keys that it has been told of and has not answered yet.
    asked: BTreeSet<SnapshotKey>,
    /// The lowest index that is not final.
    next: AccessIndex,
    /// Gas that is left before each transaction whose predecessors are all final.
    gas_left: Vec<GasLeft>,
    /// Whether a transaction that is invalid is dropped (a block is built), instead of ending the
    /// block.
    drops_invalid: bool,
    /// Final indices that found no room in the block, with the limit.
    no_room: BTreeMap<AccessIndex, LimitError>,
    n_conflicts: u64,
}

/// What is known of one index.
#[derive(Debug)]
struct Entry {
    /// The last number that was given to a run of this index.
    issued: Incarnation,
    /// The run that is under way.
    run: Option<Run>,
    /// The outcome that stands.
    held: Option<Held>,
    /// Whose writes the memory holds at this index.
    written: Option<(Incarnation, WorkerId)>,
}

/// A run that is under way.
#[derive(Clone, Copy, Debug)]
struct Run {
    incarnation: Incarnation,
    worker: WorkerId,
    /// Whether the worker may answer that the standing outcome holds.
    may_keep: bool,
}

/// An outcome that stands at an index.
#[derive(Debug)]
struct Held {
    incarnation: Incarnation,
    worker: WorkerId,
    reads: Arc<ReadSet>,
    verdict: Verdict,
    status: Status,
}

impl Held {
    const fn ran_to_its_end(&self) -> bool {
        matches!(self.verdict, Verdict::Executed(_))
    }

    fn gas_used(&self) -> Option<u64> {
        match &self.verdict {
            Verdict::Executed(executed) => executed.receipt.as_ref().map(|it| it.gas.used),
            _ => None,
        }
    }
}

/// How a standing outcome's reads compare with what lies below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Every read equals it.
    Holds,
    /// A read differs.
    Conflicted,
    /// No read differs, and some need a value of the Snapshot that is not known.
    Unsettled,
    /// A read needs this key, and the Snapshot cannot answer it.
    Unanswerable(SnapshotKey),
}

/// An index with the number of its new run.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Position in the block.
    pub index: AccessIndex,
    /// Number of the run.
    pub incarnation: Incarnation,
    /// The outcome that stands so far, if the worker may keep it.
    pub standing: Option<Standing>,
}

impl Ledger {
    /// Makes the view of a block of which nothing has run. `known` is what is known of its
    /// Snapshot; numbers of runs begin after `after`.
    pub fn new(
        frame: &JobFrame,
        transactions: Arc<[Arc<TxEnvelope>]>,
        known: KnownSnapshot,
        after: Incarnation,
    ) -> Self {
        let header = &frame.attributes.header;
        let spec = frame.chain.spec_at(header.number, header.timestamp);
        let entry = || Entry { issued: after, run: None, held: None, written: None };
        Self {
            beneficiary: header.beneficiary,
            memory: BlockMemory::new(TouchRule::of(spec)),
            known,
            readers: Readers::default(),
            entries: (0..transactions.len() + 2).map(|_| entry()).collect(),
            promises: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            wanted: BTreeSet::new(),
            asked: BTreeSet::new(),
            next: AccessIndex::PRE_BLOCK,
            gas_left: vec![GasLeft::new(&frame.chain, &frame.attributes)],
            drops_invalid: false,
            no_room: BTreeMap::new(),
            n_conflicts: 0,
            transactions,
        }
    }

    /// Gives new numbers to runs of these indices (ascending) by one worker. With `may_keep` the
    /// worker is shown the outcomes that stand and may answer that they hold (a tail).
    ///
    /// An outcome that may not be kept, or did not run to its end, stands no more.
    pub fn issue(
        &mut self,
        indices: &[AccessIndex],
        worker: WorkerId,
        may_keep: bool,
    ) -> Vec<Issued> {
        let Some(lowest) = indices.first() else { return Vec::new() };
        self.void_promises_from(*lowest);
        let mut n_below_missing = 0;
        let mut expected = self.next;
        let mut issued = Vec::with_capacity(indices.len());
        for index in indices {
            if *index >= expected {
                n_below_missing += index.position() - expected.position();
                expected = index.next();
            }
            if n_below_missing == 0 {
                self.promises.insert(*index, worker);
            }
            issued.push(self.issue_one(*index, worker, may_keep));
        }
        issued
    }

    fn issue_one(&mut self, index: AccessIndex, worker: WorkerId, may_keep: bool) -> Issued {
        let held = self.entries[index.position() as usize].held.as_ref();
        let may_keep = may_keep && held.is_some_and(Held::ran_to_its_end);
        if !may_keep {
            self.discard(index);
        }
        let entry = &mut self.entries[index.position() as usize];
        entry.issued = entry.issued.next();
        let incarnation = entry.issued;
        let is_newer = |held: &Held| held.incarnation < incarnation;
        check!(Invariant::IncarnationsGrow, entry.held.as_ref().is_none_or(is_newer));
        entry.run = Some(Run { incarnation, worker, may_keep });
        let standing = entry.held.as_ref().map(|held| Standing {
            incarnation: held.incarnation,
            reads: Arc::clone(&held.reads),
            writes: self.memory.get(index).cloned(),
            gas_used: held.gas_used().unwrap_or(0),
        });
        Issued { index, incarnation, standing }
    }

    /// Takes back the runs of these indices: their worker is lost, or they were cancelled. An
    /// outcome that the run might have kept stands again.
    pub fn retract(&mut self, indices: &[AccessIndex]) -> Vec<Breach> {
        let mut dirty = BTreeSet::new();
        for index in indices {
            if self.entries[index.position() as usize].run.take().is_some() {
                self.promises.remove(index);
                dirty.insert(*index);
            }
        }
        self.look_again(dirty)
    }

    /// Returns the highest number that was given to a run.
    pub fn last_issued(&self) -> Incarnation {
        self.entries.iter().map(|entry| entry.issued).max().unwrap_or_default()
    }

    /// Returns the keys that the coordinator has to read itself, each once until it is answered.
    pub fn take_wanted(&mut self) -> Vec<SnapshotKey> {
        let wanted = std::mem::take(&mut self.wanted);
        self.asked.extend(&wanted);
        wanted.into_iter().collect()
    }

    /// Tells whether keys were asked for that are not answered yet.
    pub fn waits_for_snapshot(&self) -> bool {
        !self.asked.is_empty() || !self.wanted.is_empty()
    }

    /// Returns what the memory holds below an index, with the number of the run that wrote it.
    /// `own` are the indices of the slice that is to be dispatched: they are left out.
    pub fn overlay(
        &self,
        own: &[AccessIndex],
    ) -> impl Iterator<Item = (OverlayEntry, Incarnation)> + use<'_> {
        let below = own.last().copied().unwrap_or_default();
        let own: BTreeSet<AccessIndex> = own.iter().copied().collect();
        let written = self.memory.writes().take_while(move |(index, _)| *index < below);
        written.filter(move |(index, _)| !own.contains(index)).map(|(index, writes)| {
            let entry = &self.entries[index.position() as usize];
            let (incarnation, _) = entry.written.expect("writes in memory have a writer");
            (OverlayEntry { index, writes: Some(Arc::clone(writes)) }, incarnation)
        })
    }

    /// Returns all below which everything is final.
    pub const fn final_below(&self) -> AccessIndex {
        self.next
    }

    /// Returns how many outcomes had a read that failed.
    pub const fn n_conflicts(&self) -> u64 {
        self.n_conflicts
    }

    fn void_promises_from(&mut self, lowest: AccessIndex) {
        drop(self.promises.split_off(&lowest));
    }

    /// Takes the outcome that stands at an index away; what it wrote stays as an estimate.
    fn discard(&mut self, index: AccessIndex) {
        if let Some(held) = self.entries[index.position() as usize].held.take() {
            self.readers.remove(index, &held.reads);
            self.unsettled.remove(&index);
        }
    }
}
