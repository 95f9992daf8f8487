//! Takes in what workers answer, and throws out what a worker should not have said.

use super::{Held, Ledger, Status, known::Learned};
use crate::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey, SnapshotValue},
    ids::{AccessIndex, WorkerId},
    memory::replace,
    outcome::{Executed, SliceOutcome, TxOutcome, Verdict},
};
use alloy_primitives::Address;
use std::{collections::BTreeSet, sync::Arc};

/// A worker broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Who.
    pub worker: WorkerId,
    /// The index whose outcome shows it, if it is one.
    pub index: Option<AccessIndex>,
    /// What it did.
    pub what: &'static str,
}

/// What taking an answer in led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Outcomes that were refused: late, repeated, or nobody asked for them.
    pub n_refused: u64,
    /// Who broke the protocol, as far as this answer shows.
    pub breaches: Vec<Breach>,
}

impl Ledger {
    /// Takes in the answer to a dispatch. `own` are the indices that were dispatched.
    ///
    /// Outcomes whose number is not that of the index's present run are refused and counted. An
    /// index without an outcome is kept if that was allowed; above an invalid transaction of the
    /// same answer, if that ends the block, it may be left out.
    pub fn admit(
        &mut self,
        worker: WorkerId,
        own: &[AccessIndex],
        outcome: SliceOutcome,
    ) -> Admission {
        let mut admission = Admission::default();
        let mut dirty = BTreeSet::new();
        for value in outcome.snapshot {
            self.learn(worker, value, &mut dirty, &mut admission.breaches);
        }
        let ends = !self.drops_invalid;
        let invalid = |it: &&TxOutcome| ends && matches!(it.verdict, Verdict::Invalid { .. });
        let ends_at = outcome.transactions.iter().find(invalid).map(|outcome| outcome.index);
        for transaction in outcome.transactions {
            self.admit_one(worker, transaction, &mut dirty, &mut admission);
        }
        for index in own {
            let is_beyond_the_end = ends_at.is_some_and(|end| *index > end);
            if !self.admit_silence(worker, *index, &mut dirty) && !is_beyond_the_end {
                let what = "an index of the slice has no outcome";
                admission.breaches.push(Breach { worker, index: Some(*index), what });
            }
        }
        let found = self.look_again(dirty);
        admission.breaches.extend(found);
        admission
    }

    /// Takes in that a transaction has no sender: whoever recovered it, `worker`, says that it may
    /// not stand in any block.
    pub fn refuse(&mut self, worker: WorkerId, index: AccessIndex, reason: &str) {
        self.discard(index);
        let entry = &mut self.entries[index.position() as usize];
        let verdict = Verdict::Invalid { reason: reason.to_owned() };
        let (incarnation, reads) = (entry.issued, Arc::default());
        entry.held = Some(Held { incarnation, worker, reads, verdict, status: Status::Holds });
    }

    /// Takes in the state service's own answers to keys that were wanted, or that are disputed.
    /// Returns the workers that had reported something else.
    pub fn settle(&mut self, answers: &[(SnapshotKey, SnapshotAnswer)]) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut dirty = BTreeSet::new();
        for (key, answer) in answers {
            self.asked.remove(key);
            self.wanted.remove(key);
            let liars = self.known.settle(*key, answer);
            breaches.extend(liars.into_iter().map(lied_about_the_snapshot));
            self.readers.of_snapshot_key(key, &mut dirty);
        }
        dirty.extend(&self.unsettled);
        breaches.extend(self.look_again(dirty));
        breaches
    }

    /// Drops everything that a worker said: its outcomes, final ones too, their writes, its runs,
    /// its reports of the Snapshot.
    pub fn drop_worker(&mut self, worker: WorkerId) -> Vec<Breach> {
        let mut dirty = BTreeSet::new();
        let mut lowest = None;
        for position in 0..self.entries.len() {
            let entry = &mut self.entries[position];
            let index = AccessIndex::new(u32::try_from(position).expect("fits an AccessIndex"));
            if entry.run.is_some_and(|run| run.worker == worker) {
                entry.run = None;
                self.promises.remove(&index);
                dirty.insert(index);
            }
            let wrote = entry.written.is_some_and(|(_, writer)| writer == worker);
            if !wrote && entry.held.as_ref().is_none_or(|held| held.worker != worker) {
                continue;
            }
            lowest = lowest.or(Some(index));
            self.discard(index);
            if wrote {
                self.entries[position].written = None;
                self.write(index, None, &mut dirty);
            }
        }
        if let Some(lowest) = lowest {
            self.void_promises_from(lowest);
            self.roll_back_to(lowest);
        }
        for key in self.known.forget(worker) {
            self.readers.of_snapshot_key(&key, &mut dirty);
        }
        self.look_again(dirty)
    }

    fn learn(
        &mut self,
        worker: WorkerId,
        value: SnapshotValue,
        dirty: &mut BTreeSet<AccessIndex>,
        breaches: &mut Vec<Breach>,
    ) {
        let key = value.key();
        match self.known.learn(worker, value) {
            Learned::Same => {}
            Learned::New => dirty.extend(&self.unsettled),
            Learned::Lie => breaches.push(lied_about_the_snapshot(worker)),
            Learned::Disputed => {
                if !self.asked.contains(&key) {
                    self.wanted.insert(key);
                }
                self.readers.of_snapshot_key(&key, dirty);
            }
        }
    }

    fn admit_one(
        &mut self,
        worker: WorkerId,
        outcome: TxOutcome,
        dirty: &mut BTreeSet<AccessIndex>,
        admission: &mut Admission,
    ) {
        let TxOutcome { index, incarnation, reads, verdict } = outcome;
        let position = index.position() as usize;
        let run = self.entries.get(position).and_then(|entry| entry.run);
        if run.is_none_or(|run| run.worker != worker || run.incarnation != incarnation) {
            admission.n_refused += 1;
            return;
        }
        let is_sorted = reads.0.is_sorted_by(|one, other| one.key < other.key);
        if !is_sorted || !self.is_well_formed(index, &verdict) {
            let what = "an outcome is not in canonical form";
            admission.breaches.push(Breach { worker, index: Some(index), what });
        }
        // Who may keep what stands and does not has found a read that fails.
        let stood = self.entries[position].held.as_ref();
        self.n_conflicts += u64::from(stood.is_some_and(|it| it.status != Status::Conflicted));
        self.discard(index);
        self.readers.add(index, &reads);
        let executed = match &verdict {
            Verdict::Executed(executed) => Some(Arc::clone(&executed.writes)),
            _ => None,
        };
        let entry = &mut self.entries[position];
        entry.run = None;
        let reads = Arc::new(reads);
        let status = Status::Unsettled;
        entry.held = Some(Held { incarnation, worker, reads, verdict, status });
        dirty.insert(index);
        let is_certain = self.promises.contains_key(&index);
        if executed.is_some() || is_certain {
            entry.written = executed.as_ref().map(|_| (incarnation, worker));
            self.write(index, executed, dirty);
        }
    }

    /// An index that was dispatched and has no outcome was kept; false if that was not allowed.
    fn admit_silence(
        &mut self,
        worker: WorkerId,
        index: AccessIndex,
        dirty: &mut BTreeSet<AccessIndex>,
    ) -> bool {
        let entry = &mut self.entries[index.position() as usize];
        let Some(run) = entry.run.filter(|run| run.worker == worker) else { return true };
        entry.run = None;
        dirty.insert(index);
        run.may_keep
    }

    fn is_well_formed(&self, index: AccessIndex, verdict: &Verdict) -> bool {
        let Verdict::Executed(executed) = verdict else { return true };
        let Executed { writes, receipt, requests } = executed.as_ref();
        let n_transactions = self.transactions.len();
        let is_last = index == AccessIndex::post_block(n_transactions);
        let is_transaction = index != AccessIndex::PRE_BLOCK && !is_last;
        let is_sorted = writes.accounts.is_sorted_by(|one, other| one.0 < other.0)
            && (writes.accounts.iter())
                .all(|(_, write)| write.slots.is_sorted_by(|one, other| one.0 < other.0));
        is_sorted && receipt.is_some() == is_transaction && (is_last || requests.is_empty())
    }

    /// Replaces what an index wrote, and collects the outcomes above whose reads may have changed.
    pub(super) fn write(
        &mut self,
        index: AccessIndex,
        writes: Option<Arc<WriteSet>>,
        dirty: &mut BTreeSet<AccessIndex>,
    ) {
        let known = &self.known;
        let base = |address: &Address| known.account(address);
        replace(&mut self.memory, &self.readers, (index, writes), base, dirty);
    }
}

const fn lied_about_the_snapshot(worker: WorkerId) -> Breach {
    Breach { worker, index: None, what: "a value of the snapshot was reported wrongly" }
}
