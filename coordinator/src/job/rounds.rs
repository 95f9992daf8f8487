//! Plan, rounds and tail (rule 8).

use super::{Job, Stage, prepare::COORDINATOR};
use engine::{
    ids::{AccessIndex, WorkerId},
    ledger::Next,
    plan::{self, CutShape, Piecework, Plan},
    task::{SignedBy, SliceKind},
};
use proto::coordinator::PlanWish;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

/// How far the present run of the block is.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Rounds dispatched.
    n_rounds: u32,
    /// Kind of what was dispatched last.
    kind: Option<SliceKind>,
    /// How much each worker had to do with earlier runs: those with the least confirm.
    pub(super) involved: BTreeMap<WorkerId, usize>,
}

impl Rounds {
    /// Begins a confirmation.
    pub(super) const fn confirm(involved: BTreeMap<WorkerId, usize>) -> Self {
        Self { n_rounds: 0, kind: Some(SliceKind::Confirmation), involved }
    }
}

impl Job {
    /// Cuts the block and dispatches the first round. What is at or above a transaction without a
    /// sender is not run: the block ends there. One that is built goes on without it.
    pub(super) fn plan(&mut self) {
        if self.setup.goal.is_build() {
            self.leave_unsigned_out();
        }
        let n_transactions = self.setup.transactions.len();
        let _span = tracing::info_span!("plan", n_transactions).entered();
        self.stage = Stage::Running;
        let end = self.preparing.first_without_sender();
        let n_transactions = match end {
            Some((index, _)) => index.transaction_offset().unwrap_or(0),
            None => n_transactions,
        };
        let signed: Vec<SignedBy> = (0..n_transactions)
            .filter_map(|offset| self.signed(AccessIndex::of_transaction(offset)))
            .collect();
        let plan = self.first_cut(&signed);
        let mut slices = plan.slices().to_vec();
        if let Some((index, by)) = end {
            self.ledger.refuse(by, index, "the signature has no sender");
            slices.iter_mut().for_each(|slice| slice.retain(|other| *other < index));
            slices.retain(|slice| !slice.is_empty());
        }
        self.summary.slices = u32::try_from(slices.len()).unwrap_or(u32::MAX);
        self.summary.whole = slices.len() == 1;
        let kind = if self.summary.whole { SliceKind::Whole } else { SliceKind::Round };
        self.dispatch_round(slices, kind, &BTreeSet::new());
        self.progress();
    }

    fn first_cut(&self, signed: &[SignedBy]) -> Plan {
        let gas: u64 = signed.iter().map(|it| plan::predicted_gas(&it.transaction)).sum();
        let is_small = gas < self.setup.limits.auto_split_gas_min;
        match self.setup.plan {
            PlanWish::Whole => Plan::whole(signed.len()),
            PlanWish::Auto if is_small => Plan::whole(signed.len()),
            PlanWish::Auto | PlanWish::Split => Plan::split(signed, self.shape()),
        }
    }

    fn shape(&self) -> CutShape {
        let n_workers = u32::try_from(self.crew.n_present()).unwrap_or(u32::MAX);
        let slices = n_workers.saturating_mul(self.setup.limits.slices_per_worker.get());
        CutShape {
            slices_min: NonZeroU32::new(slices).unwrap_or(NonZeroU32::MIN),
            slice_gas: self.setup.slice_gas,
            seed: self.setup.seed,
        }
    }

    fn dispatch_round(
        &mut self,
        slices: Vec<Vec<AccessIndex>>,
        kind: SliceKind,
        avoid: &BTreeSet<WorkerId>,
    ) {
        self.counting.round(slices.len());
        self.rounds.kind = Some(kind);
        match kind {
            SliceKind::Round | SliceKind::Whole => {
                self.rounds.n_rounds += 1;
                self.summary.rounds += 1;
            }
            SliceKind::Tail => self.summary.tail = true,
            SliceKind::Confirmation => {}
        }
        // After the first round a worker is shown what stands: most of what may change does not.
        let may_keep = match kind {
            SliceKind::Round => self.rounds.n_rounds > 1,
            SliceKind::Tail => true,
            SliceKind::Whole | SliceKind::Confirmation => false,
        };
        for indices in slices {
            self.open.add((kind, may_keep), indices, avoid.clone());
        }
        self.assign();
    }

    /// A round has ended and the block is not final: the next one, or the tail.
    pub(super) fn next_round(&mut self) {
        let (index, next) = self.ledger.next();
        let mut avoid = BTreeSet::new();
        if let Some(fault) = self.fault_of(&next) {
            avoid.extend(self.ledger.worker_of(index));
            if self.trust.failed_again(index) {
                return self.fail(format!("index {index} failed twice: {fault}"));
            }
        }
        let slices = match self.rounds.kind {
            Some(SliceKind::Confirmation) | None => return self.dispatch_confirmation(&avoid),
            Some(SliceKind::Round) => self.next_cut(),
            Some(SliceKind::Whole | SliceKind::Tail) => None,
        };
        match slices {
            Some(slices) => self.dispatch_round(slices, SliceKind::Round, &avoid),
            None => self.dispatch_round(vec![self.ledger.rest()], SliceKind::Tail, &avoid),
        }
    }

    /// Runs the whole block again, on a worker that had as little as possible to do with it.
    pub(super) fn dispatch_confirmation(&mut self, avoid: &BTreeSet<WorkerId>) {
        let all = Plan::whole(self.setup.transactions.len()).slices().to_vec();
        self.dispatch_round(all, SliceKind::Confirmation, avoid);
    }

    /// What makes the next index count as failed: it ended without an answer, or it was parked
    /// where nothing may be parked.
    fn fault_of(&self, next: &Next) -> Option<String> {
        match next {
            Next::Failed { message } => Some(message.clone()),
            Next::Parked if self.rounds.kind != Some(SliceKind::Round) => {
                Some("it was parked where all below it was certain".to_owned())
            }
            _ => None,
        }
    }

    /// Cuts what has to run again, with what that will most likely change, by its dependencies. Or
    /// decides for a tail: after the last round, after a first round of which more than half the
    /// gas conflicted, and where one slice would hold it all.
    fn next_cut(&self) -> Option<Vec<Vec<AccessIndex>>> {
        if self.rounds.n_rounds >= self.setup.limits.max_rounds.get() {
            return None;
        }
        let again = self.ledger.shaken(&self.ledger.open());
        let gas = |index: &AccessIndex| self.gas_of(*index).max(1);
        let all: u64 = (0..self.setup.transactions.len())
            .map(|offset| gas(&AccessIndex::of_transaction(offset)))
            .sum();
        let gas_again: u64 = again.iter().map(gas).sum();
        if self.rounds.n_rounds == 1 && gas_again.saturating_mul(2) > all {
            return None;
        }
        let groups = self.ledger.dependencies(&again);
        let work: Vec<_> = again
            .iter()
            .zip(groups)
            .map(|(index, group)| Piecework { index: *index, gas: gas(index), group })
            .collect();
        Some(plan::cut_by_groups(&work, self.shape())).filter(|slices| slices.len() > 1)
    }

    /// Returns the gas that an index used when it last ran, or is predicted to use.
    fn gas_of(&self, index: AccessIndex) -> u64 {
        let transaction =
            index.transaction_offset().and_then(|offset| self.setup.transactions.get(offset));
        transaction.map_or(plan::BLOCK_STEP_GAS, |transaction| {
            self.ledger.gas_used(index).unwrap_or_else(|| plan::predicted_gas(transaction))
        })
    }

    /// Tells whether a transaction's sender is only a worker's word.
    pub(super) fn sender_is_hearsay(&self, index: AccessIndex) -> bool {
        self.preparing.sender(index).is_some_and(|sender| sender.by != COORDINATOR)
    }
}
