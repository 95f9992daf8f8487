//! Faults of a whole cluster, made of the faults that a worker can have.

use crate::args::FaultArg;
use engine::{ids::AccessIndex, outcome::SliceOutcome, task::JobFrame};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use worker::fault::{Fault as WorkerFault, Lie, LyingWorker, WorkerLost, WrongOutcome};

/// Where `wrong-outcome` is wrong; a smaller block has it at its last transaction.
const WRONG_AT: AccessIndex = AccessIndex::new(2);

/// Nobody has claimed a fault that one worker can have.
const NOBODY: u64 = u64::MAX;

/// Something that is broken on purpose. All clones are one fault.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    /// The worker that has the fault, by position.
    claimed_by: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Kind {
    WorkerLost,
    LyingWorker,
    WrongOutcome(Arc<WrongOutcome>),
}

impl Fault {
    /// Makes a fault that nobody has yet.
    pub fn new(arg: FaultArg) -> Self {
        let kind = match arg {
            FaultArg::WorkerLost => Kind::WorkerLost,
            FaultArg::LyingWorker => Kind::LyingWorker,
            FaultArg::WrongOutcome => Kind::WrongOutcome(Arc::new(WrongOutcome::new(WRONG_AT))),
        };
        Self { kind, claimed_by: Arc::new(AtomicU64::new(NOBODY)) }
    }

    /// Returns the fault as the worker at a position has it. What only one worker has, the first
    /// one has that is given a slice: so it happens in every cut of a block.
    pub(super) fn of_worker(&self, position: u64) -> Arc<dyn WorkerFault> {
        let claim = Claim { claimed_by: Arc::clone(&self.claimed_by), position };
        match &self.kind {
            Kind::WorkerLost => Arc::new(FirstIsLost { claim, lost: WorkerLost::new(1) }),
            Kind::LyingWorker => {
                Arc::new(FirstLies { claim, liar: LyingWorker::new(Lie::ReceiptGas) })
            }
            Kind::WrongOutcome(wrong) => Arc::clone(wrong) as Arc<dyn WorkerFault>,
        }
    }

    /// Tells whether anything was done wrong so far.
    pub fn has_fired(&self) -> bool {
        match &self.kind {
            Kind::WorkerLost | Kind::LyingWorker => {
                self.claimed_by.load(Ordering::Relaxed) != NOBODY
            }
            Kind::WrongOutcome(wrong) => wrong.has_fired(),
        }
    }
}

/// A worker's claim to be the one with the fault.
#[derive(Debug)]
struct Claim {
    claimed_by: Arc<AtomicU64>,
    position: u64,
}

impl Claim {
    /// Claims the fault; true if this worker has it, now or since before.
    fn take(&self) -> bool {
        let order = Ordering::Relaxed;
        match self.claimed_by.compare_exchange(NOBODY, self.position, order, order) {
            Ok(_) => true,
            Err(owner) => owner == self.position,
        }
    }
}

#[derive(Debug)]
struct FirstIsLost {
    claim: Claim,
    lost: WorkerLost,
}

impl WorkerFault for FirstIsLost {
    fn is_lost_at_slice(&self) -> bool {
        self.claim.take() && self.lost.is_lost_at_slice()
    }

    fn has_fired(&self) -> bool {
        self.lost.has_fired()
    }
}

#[derive(Debug)]
struct FirstLies {
    claim: Claim,
    liar: LyingWorker,
}

impl WorkerFault for FirstLies {
    fn alter(&self, frame: &JobFrame, outcome: &mut SliceOutcome) {
        if self.claim.take() {
            self.liar.alter(frame, outcome);
        }
    }

    fn has_fired(&self) -> bool {
        self.liar.has_fired()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_worker_that_is_given_a_slice_is_lost_and_it_stays_lost() {
        let fault = Fault::new(FaultArg::WorkerLost);
        let workers: Vec<_> = (0..3).map(|position| fault.of_worker(position)).collect();
        assert!(!fault.has_fired());

        assert!(workers[1].is_lost_at_slice());
        assert!(!workers[0].is_lost_at_slice());
        assert!(!workers[2].is_lost_at_slice());
        assert!(workers[1].is_lost_at_slice());
        assert!(fault.has_fired() && workers[1].has_fired() && !workers[0].has_fired());
    }
}
