//! Runs a block over the ledger with slices cut at random and answered in any order.

use super::blocks::ChaosBlock;
use engine::{
    access::WriteSet,
    execute::{CancelFlag, RunLimits},
    ids::{AccessIndex, Attempt, Incarnation, SliceId, WorkerId},
    ledger::{KnownSnapshot, Ledger, Next},
    model::Numbers,
    outcome::{Executed, SliceOutcome, Verdict},
    slice::{SliceRun, Step},
    task::{SliceKind, SliceTask, TaskItem},
};
use std::{collections::BTreeMap, sync::Arc};

/// Dispatches after which a run is taken to hang.
const DISPATCHES_MAX: u32 = 2_000;

/// How a block ended.
#[derive(Debug)]
pub(super) enum End {
    Final(Vec<(AccessIndex, Executed)>),
    /// The lowest index that may not stand, as a transaction's offset, and why.
    Invalid(Option<usize>, String),
}

/// What a run met on its way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunCounts {
    pub(super) n_conflicts: u64,
    pub(super) n_parked: u64,
}

/// An answer that is under way.
struct UnderWay {
    worker: WorkerId,
    own: Vec<AccessIndex>,
    outcome: SliceOutcome,
}

pub(super) struct Driver<'a> {
    block: &'a ChaosBlock,
    seed: u64,
    numbers: Numbers,
    ledger: Ledger,
    under_way: Vec<UnderWay>,
    n_dispatches: u32,
    n_parked: u64,
}

impl<'a> Driver<'a> {
    pub(super) fn new(seed: u64, block: &'a ChaosBlock) -> Self {
        let transactions = block.prepared.block.transactions.clone().into();
        let known = KnownSnapshot::default();
        Self {
            ledger: Ledger::new(&block.frame, transactions, known, Incarnation::default()),
            block,
            seed,
            numbers: Numbers::new(seed ^ 0xd21f),
            under_way: Vec::new(),
            n_dispatches: 0,
            n_parked: 0,
        }
    }

    pub(super) fn run(mut self) -> (End, RunCounts) {
        let end = self.run_to_the_end();
        let (n_conflicts, n_parked) = (self.ledger.n_conflicts(), self.n_parked);
        (end, RunCounts { n_conflicts, n_parked })
    }

    fn run_to_the_end(&mut self) -> End {
        loop {
            let wanted = self.ledger.take_wanted();
            if !wanted.is_empty() {
                let answers: Vec<_> =
                    wanted.into_iter().map(|key| (key, self.block.answer(&key))).collect();
                self.ledger.settle(&answers);
                continue;
            }
            match self.ledger.next() {
                (_, Next::Done) => return End::Final(self.finish()),
                (index, Next::Invalid { reason }) => {
                    let n = self.block.prepared.block.transactions.len();
                    let offset = index.transaction_offset().filter(|offset| *offset < n);
                    return End::Invalid(offset, reason);
                }
                (_, Next::Unavailable { key }) => panic!("seed {}: {key:?}", self.seed),
                (_, Next::Failed { message }) => panic!("seed {}: {message}", self.seed),
                _ => {}
            }
            let open = self.ledger.open();
            if !open.is_empty() && (self.under_way.is_empty() || self.numbers.percent(40)) {
                self.dispatch(&open);
            } else {
                self.deliver();
            }
        }
    }

    /// Sends some of the open indices to a worker, as a slice, or all as a tail.
    fn dispatch(&mut self, open: &[AccessIndex]) {
        self.n_dispatches += 1;
        assert!(self.n_dispatches < DISPATCHES_MAX, "seed {}: it never ends", self.seed);
        let is_tail = self.under_way.is_empty() && self.numbers.percent(20);
        let own: Vec<_> = if is_tail {
            self.ledger.rest()
        } else {
            let share = 10 + self.numbers.below(90);
            let some: Vec<_> =
                open.iter().copied().filter(|_| self.numbers.percent(share)).collect();
            if some.is_empty() { open.to_vec() } else { some }
        };
        let worker = WorkerId::new(1 + self.numbers.below(3));
        let kind = if is_tail { SliceKind::Tail } else { SliceKind::Round };
        let final_below = self.ledger.final_below();
        let overlay: BTreeMap<AccessIndex, Arc<WriteSet>> = self
            .ledger
            .overlay(&own)
            .filter_map(|(entry, _)| Some((entry.index, entry.writes?)))
            .collect();
        let n_transactions = self.block.prepared.block.transactions.len();
        let items = self.ledger.issue(&own, worker, is_tail).into_iter().map(|issued| TaskItem {
            index: issued.index,
            incarnation: issued.incarnation,
            transaction: issued
                .index
                .transaction_offset()
                .filter(|offset| *offset < n_transactions)
                .map(|offset| self.block.signed(offset)),
            standing: issued.standing,
        });
        let task = SliceTask {
            frame: Arc::clone(&self.block.frame),
            slice: SliceId::new(self.n_dispatches),
            attempt: Attempt::default(),
            kind,
            items: items.collect(),
            final_below,
            gas_left: None,
            overlay: Vec::new(),
        };
        let outcome = self.execute(task, &overlay);
        self.under_way.push(UnderWay { worker, own, outcome });
    }

    fn execute(
        &mut self,
        task: SliceTask,
        overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
    ) -> SliceOutcome {
        let speculative_gas = if self.numbers.percent(30) { 30_000 } else { 60_000_000 };
        let limits = RunLimits { speculative_gas, ..RunLimits::default() };
        let mut run = SliceRun::new(task, overlay, limits, CancelFlag::default());
        let mut keys = run.predicted_keys();
        loop {
            for key in keys {
                run.provide(key, self.block.answer(&key));
            }
            match run.advance() {
                Step::Missing(missing) => keys = missing,
                Step::Done(outcome) => return *outcome,
                Step::Cancelled => panic!("nobody cancelled"),
            }
        }
    }

    /// Delivers any of the answers under way.
    fn deliver(&mut self) {
        assert!(!self.under_way.is_empty(), "seed {}: nothing runs, nothing is open", self.seed);
        let at = usize::try_from(self.numbers.below(self.under_way.len() as u64)).unwrap();
        let UnderWay { worker, own, outcome } = self.under_way.swap_remove(at);
        let parked = outcome.transactions.iter().filter(|it| it.verdict == Verdict::Parked);
        self.n_parked += parked.count() as u64;
        let admission = self.ledger.admit(worker, &own, outcome);
        assert_eq!(admission.breaches, [], "seed {}: an honest worker is blamed", self.seed);
        assert_eq!(admission.n_refused, 0, "seed {}: nothing was late", self.seed);
    }

    fn finish(&mut self) -> Vec<(AccessIndex, Executed)> {
        let standing = self.ledger.start_over(&self.block.frame);
        let executed = standing.into_iter().zip(0_u32..).map(|(outcome, position)| {
            let Some(Verdict::Executed(executed)) = outcome.map(|outcome| outcome.verdict) else {
                panic!("index {position} is final and has no outcome")
            };
            (AccessIndex::new(position), *executed)
        });
        executed.collect()
    }
}
