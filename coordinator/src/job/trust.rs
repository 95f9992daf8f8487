//! Who is believed: failures, broken promises, quarantine (rules 1, 2 and 7).

use super::{Effect, Job, Stage};
use engine::{
    account::SnapshotKey,
    ids::{AccessIndex, WorkerId},
    ledger::Breach,
};
use std::collections::{BTreeMap, BTreeSet};

/// A job fails at the second failure of the same kind.
const FAILURES_MAX: u32 = 2;

/// What spoke against indices and workers so far.
#[derive(Debug, Default)]
pub(super) struct Trust {
    failures: BTreeMap<AccessIndex, u32>,
    breaches: BTreeMap<AccessIndex, u32>,
    /// Breaches of a worker that is alone, and so is used all the same.
    strikes: BTreeMap<WorkerId, u32>,
    /// Keys that a worker called unavailable, while the state service is asked.
    asked: BTreeSet<SnapshotKey>,
}

impl Trust {
    /// Counts a failure of an index; true if it is one too many.
    pub(super) fn failed_again(&mut self, index: AccessIndex) -> bool {
        one_more(self.failures.entry(index).or_default())
    }

    /// Notes that a key is asked for; false if it is already.
    pub(super) fn asks_for(&mut self, key: SnapshotKey) -> bool {
        self.asked.insert(key)
    }

    pub(super) fn answered(&mut self, key: &SnapshotKey) {
        self.asked.remove(key);
    }
}

const fn one_more(count: &mut u32) -> bool {
    *count += 1;
    *count >= FAILURES_MAX
}

impl Job {
    /// Drops what these workers said, and quarantines them, unless there is nobody else.
    pub(super) fn punish(&mut self, mut breaches: Vec<Breach>) {
        let mut dropped = BTreeSet::new();
        while let Some(breach) = breaches.pop() {
            if self.stage == Stage::Ended {
                return;
            }
            let Breach { worker, index, what } = breach;
            if !dropped.insert(worker) {
                continue;
            }
            let is_second =
                index.is_some_and(|index| one_more(self.trust.breaches.entry(index).or_default()));
            let is_alone = self.crew.is_alone(worker);
            let is_striker = is_alone && one_more(self.trust.strikes.entry(worker).or_default());
            if is_second || is_striker {
                let index = index.map_or_else(String::new, |index| format!(" at index {index}"));
                return self.fail(format!("worker {worker} broke the protocol{index}: {what}"));
            }
            if !is_alone {
                self.quarantine(worker, what);
            }
            self.take_back_all(worker);
            breaches.extend(self.ledger.drop_worker(worker));
            self.candidates.distrust(worker);
        }
    }

    pub(super) fn quarantine(&mut self, worker: WorkerId, reason: &str) {
        self.crew.quarantine(worker);
        let quarantined = &mut self.counting.counts().quarantined;
        if !quarantined.contains(&worker) {
            quarantined.push(worker);
            self.effects.push(Effect::Quarantine { worker, reason: reason.to_owned() });
        }
    }

    /// What a worker that is not believed still runs goes elsewhere.
    fn take_back_all(&mut self, worker: WorkerId) {
        for dispatch in self.open.of_worker(worker) {
            self.counting.lost();
            self.sync.lost(worker, dispatch);
            self.effects.push(Effect::Cancel { worker, dispatch });
            self.open.again(dispatch.0);
        }
    }
}
