//! From the end of a run to a verdict: receipts and roots, seal, comparison, confirmation.

use super::{
    Assembled, Effect, Job, Stage, UnassembledReceipts,
    candidates::{Candidate, Decision, Ending},
    prepare::COORDINATOR,
    rounds::Rounds,
};
use alloy_primitives::{Address, B256, Bytes};
use engine::{
    check,
    header::has_state_roots,
    ids::{AccessIndex, BootId, ShardIndex, WorkerId},
    invariant::Invariant,
    ledger::FinalOutcome,
    outcome::{Executed, FinalWrite, TxReceipt, Verdict},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a seal waits for.
#[derive(Debug, Default)]
pub(super) struct Sealing {
    assembled: Option<Result<Box<Assembled>, String>>,
    /// The answer to the seal: the state root, if there is a trie.
    root: Option<Option<B256>>,
    /// Before Byzantium: receipts that wait for the state roots which the seal answers.
    unassembled: Option<UnassembledReceipts>,
    /// Whether something is sealed, or about to be.
    pub(super) is_sealed: bool,
    /// Who is suspected where: first difference to the verdict that counts.
    suspects: Vec<(AccessIndex, WorkerId)>,
}

impl Job {
    /// A run has come to its end: all is final, or the lowest index that is not is invalid.
    pub(super) fn run_ended(&mut self, invalid: Option<(AccessIndex, String)>) {
        self.cancel_all();
        self.counting.counts().conflicts = self.ledger.n_conflicts();
        let dropped = self.ledger.dropped().into_iter();
        let dropped = dropped.filter_map(|(index, why)| Some((index.transaction_offset()?, why)));
        self.note_dropped(dropped.collect());
        let outcomes = self.ledger.start_over(&self.setup.frame);
        let ending = match invalid {
            Some((index, reason)) => Ending::Invalid { index: Some(index), reason },
            None => Ending::Executed,
        };
        let is_invalid = matches!(ending, Ending::Invalid { .. });
        self.candidates.push(Candidate::new(ending, outcomes));
        if is_invalid || self.candidates.adopt() {
            self.decide();
        } else if self.sealing.is_sealed {
            self.stage = Stage::Aborting;
            self.counting.sent_to_shards();
            self.effects.push(Effect::Abort);
        } else {
            self.seal();
        }
    }

    pub(super) fn aborted(&mut self) {
        if self.stage == Stage::Aborting {
            self.sealing.is_sealed = false;
            self.seal();
        }
    }

    fn seal(&mut self) {
        let Some(candidate) = self.candidates.last() else { return };
        let n_missing = candidate.outcomes.iter().filter(|outcome| outcome.is_none()).count();
        let is_final = n_missing == 0 || self.setup.goal.is_build();
        check!(Invariant::SealedWhenFinal, is_final);
        let Parts { writes, receipts, requests } = parts(&candidate.outcomes);
        let transactions = self.kept(&candidate.outcomes);
        let unassembled = UnassembledReceipts { transactions, receipts, requests, roots: None };
        self.stage = Stage::Sealing;
        self.sealing = Sealing { is_sealed: true, ..Sealing::default() };
        self.counting.sealed(self.setup.commits);
        let frame = &self.setup.frame;
        if has_state_roots(&frame.chain, frame.attributes.header.number) {
            self.sealing.unassembled = Some(unassembled);
        } else {
            self.effects.push(Effect::Assemble(unassembled));
        }
        self.effects.push(Effect::Seal { writes });
    }

    pub(super) fn assembled(&mut self, assembled: Result<Box<Assembled>, String>) {
        if self.stage != Stage::Sealing || self.sealing.assembled.is_some() {
            self.counting.n_late += 1;
            return;
        }
        self.sealing.assembled = Some(assembled);
        self.compare();
    }

    pub(super) fn sealed(
        &mut self,
        boots: &[(ShardIndex, BootId)],
        n_repeated: u64,
        (state_root, tx_roots): (Option<B256>, Option<Vec<B256>>),
    ) {
        if self.stage != Stage::Sealing || self.sealing.root.is_some() {
            self.counting.n_late += 1;
            return;
        }
        self.counting.seals_repeated(n_repeated);
        if boots.iter().all(|(shard, boot)| self.same_boot(*shard, *boot)) {
            self.sealing.root = Some(state_root);
            if let Some(unassembled) = self.sealing.unassembled.take() {
                let roots = tx_roots.map(|roots| self.of_kept(&roots));
                let unassembled = UnassembledReceipts { roots, ..unassembled };
                self.effects.push(Effect::Assemble(unassembled));
            }
            self.compare();
        }
    }

    /// The one place where the header is looked at: everything is final, assembled and sealed.
    fn compare(&mut self) {
        let Some(state_root) = self.sealing.root else { return };
        let Some(assembled) = self.sealing.assembled.take() else { return };
        let ending = match assembled {
            Ok(mut assembled) => {
                assembled.results.state_root = state_root;
                let fields = self.setup.goal.compare(&assembled.results);
                Ending::Compared { assembled, fields }
            }
            Err(reason) => Ending::Invalid { index: None, reason },
        };
        if let Some(candidate) = self.candidates.last_mut() {
            candidate.ending = ending;
        }
        self.decide();
    }

    fn decide(&mut self) {
        // Nobody said what a block that is built has to be: there is nothing to confirm.
        if self.setup.goal.is_build() {
            return self.conclude();
        }
        match self.candidates.decide(self.crew.n_present() <= 1) {
            Decision::Last => self.blame(),
            Decision::RunAgain => self.confirm(),
            Decision::Undecided => self.fail("no two runs of the block agree".to_owned()),
        }
    }

    /// Runs the whole block again: a verdict is never one run's word.
    fn confirm(&mut self) {
        let mut involved = BTreeMap::new();
        for worker in self.candidates.workers() {
            *involved.entry(worker).or_insert(0) += 1;
        }
        self.counting.confirmation();
        self.rounds = Rounds::confirm(involved);
        self.stage = Stage::Running;
        self.dispatch_confirmation(&BTreeSet::new());
    }

    /// Finds out who was wrong in the runs that do not count, then ends the job.
    fn blame(&mut self) {
        let suspects = self.candidates.refuted();
        let hearsay: Vec<_> = suspects
            .iter()
            .map(|(index, _)| *index)
            .filter(|index| self.sender_is_hearsay(*index))
            .collect();
        self.sealing.suspects = suspects;
        if hearsay.is_empty() {
            return self.blame_with(&[]);
        }
        self.stage = Stage::Blaming;
        self.effects.push(Effect::RecoverLocally { indices: hearsay });
    }

    /// Whoever gave a wrong sender is to blame for what came of it; else whoever ran the index.
    pub(super) fn blame_with(&mut self, recovered: &[(AccessIndex, Option<Address>)]) {
        for (index, worker) in std::mem::take(&mut self.sealing.suspects) {
            let truth = recovered.iter().find(|(other, _)| *other == index);
            let sender = self.preparing.sender(index);
            let liar = match (truth, sender) {
                (Some((_, address)), Some(sender)) if sender.address != *address => sender.by,
                _ => worker,
            };
            if liar != COORDINATOR && !self.crew.is_alone(liar) {
                self.quarantine(liar, "its outcome was refuted by another run");
            }
        }
        self.conclude();
    }
}

/// What a run's outcomes are made of.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) writes: Vec<FinalWrite>,
    receipts: Vec<TxReceipt>,
    requests: Vec<Bytes>,
}

/// Takes the outcomes of a run apart, in order.
pub(super) fn parts(outcomes: &[Option<FinalOutcome>]) -> Parts {
    let mut parts = Parts::default();
    for (position, outcome) in (0..).zip(outcomes) {
        let Some(outcome) = outcome else { continue };
        let Verdict::Executed(executed) = &outcome.verdict else { continue };
        let Executed { writes, receipt, requests } = executed.as_ref();
        parts.writes.push(FinalWrite {
            index: AccessIndex::new(position),
            incarnation: outcome.incarnation,
            writes: Arc::clone(writes),
        });
        parts.receipts.extend(receipt.clone());
        parts.requests.extend(requests.iter().cloned());
    }
    parts
}
