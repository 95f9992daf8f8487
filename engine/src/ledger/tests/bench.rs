//! A ledger with workers that answer in any order, late, twice, or wrongly.

use super::super::{Breach, KnownSnapshot, Ledger, Next, OverlaySync};
use crate::{
    access::WriteSet,
    account::{SnapshotKey, SnapshotValue, TouchRule},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, WorkerId},
    model::{ModelBlock, Numbers, Shape},
    outcome::{Executed, SliceOutcome, Verdict},
    task::{JobFrame, SliceKind, SliceTask, TaskItem},
};
use alloy_primitives::U256;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Steps after which a run is taken to hang.
const STEPS_MAX: u32 = 5_000;

/// One dispatch whose answer is under way.
pub(super) struct UnderWay {
    worker: WorkerId,
    own: Vec<AccessIndex>,
    pub(super) outcome: SliceOutcome,
}

/// A ledger with workers that answer in any order.
pub(super) struct Bench {
    seed: u64,
    pub(super) block: ModelBlock,
    numbers: Numbers,
    frame: Arc<JobFrame>,
    pub(super) ledger: Ledger,
    sync: OverlaySync,
    overlays: BTreeMap<WorkerId, BTreeMap<AccessIndex, Arc<WriteSet>>>,
    under_way: Vec<UnderWay>,
    /// Answers that were delivered, to be delivered again.
    pub(super) old: Vec<UnderWay>,
    pub(super) workers: Vec<WorkerId>,
    pub(super) liar: Option<WorkerId>,
    pub(super) caught: BTreeSet<WorkerId>,
    n_slices: u32,
    pub(super) n_late: u64,
    pub(super) n_refused: u64,
    pub(super) n_wanted: u64,
}

impl Bench {
    pub(super) fn new(seed: u64, shape: Shape, rule: TouchRule) -> Self {
        let block = ModelBlock::new(seed, shape, rule);
        let frame = Arc::new(block.frame(JobId::default()));
        let mut numbers = Numbers::new(seed ^ 0x1ed6e5);
        let n_workers = 1 + numbers.below(4);
        Self {
            seed,
            ledger: Ledger::new(
                &frame,
                block.transactions(),
                KnownSnapshot::default(),
                Incarnation::default(),
            ),
            sync: OverlaySync::default(),
            overlays: BTreeMap::new(),
            block,
            numbers,
            frame,
            under_way: Vec::new(),
            old: Vec::new(),
            workers: (1..=n_workers).map(WorkerId::new).collect(),
            liar: None,
            caught: BTreeSet::new(),
            n_slices: 0,
            n_late: 0,
            n_refused: 0,
            n_wanted: 0,
        }
    }

    /// Runs the block to its end; returns what is final, or the invalid index.
    pub(super) fn run(&mut self) -> Result<Vec<Executed>, AccessIndex> {
        for _ in 0..STEPS_MAX {
            match self.ledger.next() {
                (_, Next::Done) => return Ok(self.finals()),
                (index, Next::Invalid { .. }) => return Err(index),
                _ => self.step(),
            }
        }
        panic!("seed {}: hangs at {:?}", self.seed, self.ledger.next());
    }

    fn finals(&mut self) -> Vec<Executed> {
        let finals = self.ledger.start_over(&Arc::clone(&self.frame));
        let executed = |verdict| match verdict {
            Verdict::Executed(executed) => *executed,
            other => panic!("{other:?} is final"),
        };
        finals.into_iter().map(|it| executed(it.expect("all are final").verdict)).collect()
    }

    pub(super) fn step(&mut self) {
        match self.numbers.below(10) {
            0..=3 => self.dispatch(),
            4..=7 => self.deliver(),
            8 => self.deliver_again(),
            _ => self.lose_or_settle(),
        }
    }

    fn dispatch(&mut self) {
        let mut open = self.ledger.open();
        if open.is_empty() && self.under_way.is_empty() && !self.ledger.waits_for_snapshot() {
            return self.dispatch_slice(self.ledger.rest(), true);
        }
        let share = [10, 50, 100][usize::try_from(self.numbers.below(3)).unwrap()];
        open.retain(|_| self.numbers.percent(share));
        if !open.is_empty() {
            self.dispatch_slice(open, false);
        } else if self.under_way.is_empty() && self.numbers.percent(30) {
            self.dispatch_slice(self.ledger.rest(), true);
        }
    }

    fn dispatch_slice(&mut self, own: Vec<AccessIndex>, is_tail: bool) {
        let place = self.numbers.below(self.workers.len() as u64);
        let worker = self.workers[usize::try_from(place).unwrap()];
        self.n_slices += 1;
        let (slice, attempt) = (SliceId::new(self.n_slices), Attempt::new(1));
        let final_below = self.ledger.final_below();
        let issued = self.ledger.issue(&own, worker, is_tail);
        let items = issued.into_iter().map(|issued| TaskItem {
            index: issued.index,
            incarnation: issued.incarnation,
            transaction: None,
            standing: issued.standing,
        });
        let items = items.collect();
        let entries = self.ledger.overlay(&own);
        let overlay = self.sync.dispatch(worker, (slice, attempt), &own, entries);
        let kind = if is_tail { SliceKind::Tail } else { SliceKind::Round };
        let frame = Arc::clone(&self.frame);
        let gas_left = None;
        let task = SliceTask { frame, slice, attempt, kind, items, final_below, gas_left, overlay };
        for entry in &task.overlay {
            let is_below = Some(&entry.index) < own.last();
            assert!(is_below && !own.contains(&entry.index), "seed {}: {entry:?}", self.seed);
        }
        let mine = self.overlays.entry(worker).or_default();
        for entry in &task.overlay {
            match &entry.writes {
                Some(writes) => drop(mine.insert(entry.index, Arc::clone(writes))),
                None => drop(mine.remove(&entry.index)),
            }
        }
        let mut outcome = self.block.run_slice(&task, mine, |_, _| {});
        self.spoil(worker, &mut outcome);
        self.under_way.push(UnderWay { worker, own, outcome });
    }

    /// Leaves reports of the Snapshot out, so that the coordinator has to read; a liar alters some.
    fn spoil(&mut self, worker: WorkerId, outcome: &mut SliceOutcome) {
        let numbers = &mut self.numbers;
        if self.liar.is_none() {
            outcome.snapshot.retain(|_| numbers.percent(80));
        }
        if self.liar == Some(worker) {
            for value in &mut outcome.snapshot {
                *value = match *value {
                    SnapshotValue::Account(address, account) if numbers.percent(30) => {
                        let mut altered = account.unwrap_or_default();
                        altered.balance += U256::from(1);
                        SnapshotValue::Account(address, Some(altered))
                    }
                    other => other,
                };
            }
        }
    }

    fn deliver(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let place = self.numbers.below(self.under_way.len() as u64);
        let answer = self.under_way.swap_remove(usize::try_from(place).unwrap());
        let (slice, attempt) = (answer.outcome.slice, answer.outcome.attempt);
        self.sync.answered(answer.worker, (slice, attempt));
        let admission = self.ledger.admit(answer.worker, &answer.own, answer.outcome.clone());
        assert_eq!(admission.n_refused, 0, "seed {}: a timely answer is refused", self.seed);
        self.punish(admission.breaches);
        self.old.push(answer);
    }

    /// Delivers an answer that was delivered or lost before: all of it must be refused.
    fn deliver_again(&mut self) {
        if self.old.is_empty() {
            return;
        }
        let place = self.numbers.below(self.old.len() as u64);
        let UnderWay { worker, mut outcome, .. } =
            self.old.swap_remove(usize::try_from(place).unwrap());
        outcome.snapshot.clear();
        self.n_late += outcome.transactions.len() as u64;
        let admission = self.ledger.admit(worker, &[], outcome);
        self.n_refused += admission.n_refused;
        assert_eq!(admission.breaches, [], "seed {}", self.seed);
    }

    fn lose_or_settle(&mut self) {
        if self.numbers.percent(20) && !self.under_way.is_empty() {
            let lost = self.under_way.swap_remove(0);
            let (slice, attempt) = (lost.outcome.slice, lost.outcome.attempt);
            self.sync.lost(lost.worker, (slice, attempt));
            let breaches = self.ledger.retract(&lost.own);
            self.old.push(lost);
            return self.punish(breaches);
        }
        let wanted: Vec<SnapshotKey> = self.ledger.take_wanted();
        self.n_wanted += wanted.len() as u64;
        let answers: Vec<_> =
            wanted.into_iter().map(|key| (key, self.block.base.answer(&key))).collect();
        let breaches = self.ledger.settle(&answers);
        self.punish(breaches);
    }

    fn punish(&mut self, mut breaches: Vec<Breach>) {
        while let Some(breach) = breaches.pop() {
            let worker = breach.worker;
            assert_eq!(Some(worker), self.liar, "seed {}: {breach:?}", self.seed);
            if !self.caught.insert(worker) {
                continue;
            }
            breaches.extend(self.ledger.drop_worker(worker));
            self.workers.retain(|other| *other != worker);
            self.sync.distrust(worker);
            let (lost, rest) =
                std::mem::take(&mut self.under_way).into_iter().partition(|it| it.worker == worker);
            self.under_way = rest;
            self.old.extend::<Vec<_>>(lost);
            if self.workers.is_empty() {
                self.workers.push(WorkerId::new(99));
            }
        }
    }
}
