//! Senders: recovered by workers in parts, or by the coordinator if they are few.

use super::{Effect, Job, Stage};
use alloy_primitives::Address;
use engine::{
    ids::{AccessIndex, WorkerId},
    task::SignedBy,
};
use proto::status::Status;
use std::{collections::BTreeMap, sync::Arc};

/// The coordinator itself, where it stands in for a worker.
pub(super) const COORDINATOR: WorkerId = WorkerId::new(u64::MAX);

/// Who signed a transaction, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// `None` where the signature is none.
    pub(super) address: Option<Address>,
    pub(super) by: WorkerId,
}

/// Senders as they come in.
#[derive(Debug)]
pub(super) struct Preparing {
    parts: BTreeMap<u32, Part>,
    senders: Vec<Option<Sender>>,
}

#[derive(Debug)]
struct Part {
    indices: Vec<AccessIndex>,
    worker: Option<WorkerId>,
    n_refusals: u32,
}

impl Preparing {
    pub(super) fn new(n_transactions: usize) -> Self {
        Self { parts: BTreeMap::new(), senders: vec![None; n_transactions] }
    }

    /// Takes the answer to a part in; false if it is not what was asked for.
    fn take(
        &mut self,
        worker: WorkerId,
        part: u32,
        senders: &[(AccessIndex, Option<Address>)],
    ) -> bool {
        let Some(asked) = self.parts.get(&part) else { return false };
        let is_complete = senders.iter().map(|(index, _)| index).eq(&asked.indices);
        if asked.worker != Some(worker) || !is_complete {
            return false;
        }
        self.parts.remove(&part);
        self.put(worker, senders);
        true
    }

    fn put(&mut self, by: WorkerId, senders: &[(AccessIndex, Option<Address>)]) {
        for (index, address) in senders {
            let place = index.transaction_offset().and_then(|at| self.senders.get_mut(at));
            if let Some(place) = place {
                *place = Some(Sender { address: *address, by });
            }
        }
    }

    pub(super) fn sender(&self, index: AccessIndex) -> Option<Sender> {
        self.senders.get(index.transaction_offset()?).copied().flatten()
    }

    /// Returns the lowest transaction without a sender.
    pub(super) fn first_without_sender(&self) -> Option<(AccessIndex, WorkerId)> {
        let nobody = |sender: &Option<Sender>| sender.is_some_and(|it| it.address.is_none());
        let offset = self.senders.iter().position(nobody)?;
        Some((AccessIndex::of_transaction(offset), self.senders[offset]?.by))
    }

    /// Takes out the transactions that nobody signed; tells of each whether somebody did.
    pub(super) fn leave_unsigned_out(&mut self) -> Vec<bool> {
        let is_signed = |sender: &Option<Sender>| sender.is_some_and(|it| it.address.is_some());
        let signed = self.senders.iter().map(is_signed).collect();
        self.senders.retain(is_signed);
        signed
    }

    /// Closes the parts of which every sender is known.
    fn close_parts(&mut self) {
        let senders = &self.senders;
        let is_missing = |index: &AccessIndex| {
            index.transaction_offset().and_then(|offset| senders.get(offset)?.as_ref()).is_none()
        };
        self.parts.retain(|_, part| part.indices.iter().any(is_missing));
    }

    fn is_complete(&self) -> bool {
        self.senders.iter().all(Option::is_some)
    }
}

impl Job {
    pub(super) fn start(&mut self) {
        if self.stage != Stage::Planned {
            self.counting.n_late += 1;
            return;
        }
        self.stage = Stage::Preparing;
        let n_transactions = self.setup.transactions.len();
        let all: Vec<_> = (0..n_transactions).map(AccessIndex::of_transaction).collect();
        if all.is_empty() {
            self.plan();
        } else if n_transactions <= self.setup.limits.local_recovery_len_max {
            self.effects.push(Effect::RecoverLocally { indices: all });
        } else {
            let n_parts = self.crew.n_present().max(1);
            for (part, indices) in (0..).zip(all.chunks(n_transactions.div_ceil(n_parts))) {
                let part_of = Part { indices: indices.to_vec(), worker: None, n_refusals: 0 };
                self.preparing.parts.insert(part, part_of);
            }
            self.assign_parts();
        }
    }

    /// Gives each part that nobody has to the worker with the fewest.
    pub(super) fn assign_parts(&mut self) {
        let parts: Vec<_> = self.preparing.parts.keys().copied().collect();
        for number in parts {
            let held: Vec<_> =
                self.preparing.parts.values().filter_map(|part| part.worker).collect();
            let n_of = |worker: WorkerId| held.iter().filter(|other| **other == worker).count();
            let Some(worker) = self.crew.present().min_by_key(|worker| n_of(*worker)) else {
                return;
            };
            let Some(part) = self.preparing.parts.get_mut(&number) else { continue };
            if part.worker.is_some() {
                continue;
            }
            part.worker = Some(worker);
            let indices = part.indices.clone();
            self.effects.push(Effect::Prepare { worker, part: number, indices });
            self.counting.sent_to(worker);
        }
    }

    pub(super) fn prepared(
        &mut self,
        worker: WorkerId,
        part: u32,
        senders: Vec<(AccessIndex, Option<Address>)>,
        cpu_us: u64,
    ) {
        if self.stage != Stage::Preparing || !self.preparing.take(worker, part, &senders) {
            self.counting.n_late += 1;
            return;
        }
        self.counting.prepared(cpu_us);
        self.plan_if_complete();
    }

    /// A part goes to another worker; one that nobody wants is done here.
    pub(super) fn prepare_failed(&mut self, worker: WorkerId, number: u32, status: &Status) {
        let refusals_max = self.setup.limits.slice_refusals_max.get();
        let part = self.preparing.parts.get_mut(&number);
        let Some(part) = part.filter(|part| part.worker == Some(worker)) else {
            self.counting.n_late += 1;
            return;
        };
        part.worker = None;
        part.n_refusals += 1;
        self.counting.lost();
        tracing::debug!(%worker, number, %status, "senders were not recovered");
        if part.n_refusals >= refusals_max {
            let indices = part.indices.clone();
            part.worker = Some(COORDINATOR);
            self.effects.push(Effect::RecoverLocally { indices });
        } else {
            self.assign_parts();
        }
    }

    pub(super) fn part_lost(&mut self, worker: WorkerId) {
        let of_worker = |part: &&mut Part| part.worker == Some(worker);
        let mut n_lost = 0;
        for part in self.preparing.parts.values_mut().filter(of_worker) {
            part.worker = None;
            n_lost += 1;
        }
        (0..n_lost).for_each(|_| self.counting.lost());
        self.assign_parts();
    }

    pub(super) fn recovered(&mut self, senders: Vec<(AccessIndex, Option<Address>)>) {
        match self.stage {
            Stage::Preparing => {
                self.preparing.put(COORDINATOR, &senders);
                self.preparing.close_parts();
                self.plan_if_complete();
            }
            Stage::Blaming => self.blame_with(&senders),
            _ => self.counting.n_late += 1,
        }
    }

    fn plan_if_complete(&mut self) {
        if self.preparing.is_complete() {
            self.plan();
        }
    }

    /// Returns a transaction with its sender; one without a sender has nobody's address, and only
    /// a confirmation, which recovers again, is given it.
    pub(super) fn signed(&self, index: AccessIndex) -> Option<SignedBy> {
        let transaction = self.setup.transactions.get(index.transaction_offset()?)?;
        let sender = self.preparing.sender(index).and_then(|sender| sender.address);
        Some(SignedBy {
            transaction: Arc::clone(transaction),
            sender: sender.unwrap_or(Address::ZERO),
        })
    }
}
