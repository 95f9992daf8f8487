//! Dispatches, answers and losses while slices run.

use super::{Dispatch, Effect, Job, Stage};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::{BootId, ShardIndex, SliceId, WorkerId},
    ledger::{Breach, Next},
    outcome::SliceOutcome,
    task::{SliceKind, SliceTask, TaskItem},
};
use proto::status::Status;
use std::{collections::BTreeMap, sync::Arc};

impl Job {
    /// Gives every pending slice to a worker; without workers they wait.
    pub(super) fn assign(&mut self) {
        for id in self.open.pending() {
            let involved = &self.rounds.involved;
            let burden = |worker: WorkerId| involved.get(&worker).copied().unwrap_or(0);
            let Some(worker) = self.open.pick(id, &self.crew, burden) else { return };
            self.dispatch(id, worker);
        }
    }

    fn dispatch(&mut self, id: SliceId, worker: WorkerId) {
        let Some(slice) = self.open.get_mut(id) else { return };
        slice.worker = Some(worker);
        let (kind, attempt, indices) = (slice.kind, slice.attempt, slice.indices.clone());
        let may_keep = slice.may_keep;
        let final_below = self.ledger.final_below();
        let issued = self.ledger.issue(&indices, worker, may_keep);
        let items = issued.into_iter().map(|issued| TaskItem {
            index: issued.index,
            incarnation: issued.incarnation,
            transaction: self.signed(issued.index),
            standing: issued.standing,
        });
        let items = items.collect();
        let overlay = match kind {
            // Nothing that was there before is used.
            SliceKind::Confirmation => Vec::new(),
            SliceKind::Round | SliceKind::Whole | SliceKind::Tail => {
                let entries = self.ledger.overlay(&indices);
                self.sync.dispatch(worker, (id, attempt), &indices, entries)
            }
        };
        self.counting.dispatched(worker, kind);
        let task = SliceTask {
            frame: Arc::clone(&self.setup.frame),
            slice: id,
            attempt,
            kind,
            items,
            final_below,
            gas_left: self.setup.goal.is_build().then(|| self.ledger.gas_left()),
            overlay,
        };
        self.effects.push(Effect::Dispatch { worker, task: Box::new(task) });
    }

    pub(super) fn slice_answered(&mut self, worker: WorkerId, outcome: SliceOutcome) {
        let dispatch = (outcome.slice, outcome.attempt);
        let is_ours = self.stage == Stage::Running && outcome.job == self.setup.frame.job;
        let slice = if is_ours { self.open.take(worker, dispatch) } else { None };
        let Some(slice) = slice else {
            self.counting.n_late += 1;
            return;
        };
        self.sync.answered(worker, dispatch);
        self.counting.answered(&outcome);
        let admission = self.ledger.admit(worker, &slice.indices, outcome);
        self.counting.n_late += admission.n_refused;
        self.punish(admission.breaches);
        self.progress();
    }

    /// A worker refused a slice, or gave it up: it goes elsewhere if there is anybody.
    pub(super) fn slice_failed(&mut self, worker: WorkerId, dispatch: Dispatch, status: &Status) {
        let refusals_max = self.setup.limits.slice_refusals_max.get();
        let (id, attempt) = dispatch;
        let slice = self
            .open
            .get_mut(id)
            .filter(|slice| slice.attempt == attempt && slice.worker == Some(worker));
        let Some(slice) = slice else {
            self.counting.n_late += 1;
            return;
        };
        slice.n_refusals += 1;
        slice.avoid.insert(worker);
        if slice.n_refusals >= refusals_max {
            let n_times = slice.n_refusals;
            return self.fail(format!("slice {id} was refused {n_times} times: {status}"));
        }
        self.take_back(worker, dispatch);
        self.progress();
    }

    pub(super) fn slices_lost(&mut self, worker: WorkerId) {
        for dispatch in self.open.of_worker(worker) {
            self.take_back(worker, dispatch);
        }
        self.progress();
    }

    /// Makes a dispatch that ends without an answer pending again.
    fn take_back(&mut self, worker: WorkerId, dispatch: Dispatch) {
        self.counting.lost();
        self.sync.lost(worker, dispatch);
        let indices =
            self.open.get_mut(dispatch.0).map(|slice| slice.indices.clone()).unwrap_or_default();
        self.open.again(dispatch.0);
        let breaches = self.ledger.retract(&indices);
        self.punish(breaches);
    }

    pub(super) fn snapshot_read(
        &mut self,
        (shard, boot): (ShardIndex, BootId),
        answers: &[(SnapshotKey, SnapshotAnswer)],
    ) {
        if self.stage != Stage::Running {
            self.counting.n_late += 1;
            return;
        }
        if !self.same_boot(shard, boot) {
            return;
        }
        answers.iter().for_each(|(key, _)| self.trust.answered(key));
        let breaches = self.ledger.settle(answers);
        self.punish(breaches);
        if self.stage == Stage::Running {
            self.judge_unavailable(answers);
        }
        self.progress();
    }

    /// Who said that a key cannot be answered, and it can, broke the protocol.
    fn judge_unavailable(&mut self, answers: &[(SnapshotKey, SnapshotAnswer)]) {
        let (index, Next::Unavailable { key }) = self.ledger.next() else { return };
        let is_answered = answers.iter().any(|(answered, _)| *answered == key);
        let worker = self.ledger.worker_of(index);
        if let Some(worker) = worker.filter(|_| is_answered && !self.ledger.is_unanswerable(&key)) {
            let what = "it could have been answered, and was said to be unavailable";
            self.punish(vec![Breach { worker, index: Some(index), what }]);
        }
    }

    /// Goes on as far as it goes: to the end of the block, or of the round.
    pub(super) fn progress(&mut self) {
        if self.stage != Stage::Running {
            return;
        }
        match self.ledger.next() {
            (_, Next::Done) => return self.run_ended(None),
            (index, Next::Invalid { reason }) => return self.run_ended(Some((index, reason))),
            (index, Next::Unavailable { key }) => return self.unavailable(index, key),
            _ => {}
        }
        self.open.forget_final(self.ledger.final_below());
        if !self.open.is_empty() {
            return self.assign();
        }
        let wanted = self.ledger.take_wanted();
        if !wanted.is_empty() {
            return self.read_snapshot(wanted);
        }
        if !self.ledger.waits_for_snapshot() {
            self.next_round();
        }
    }

    /// The state service has the last word on what it cannot answer.
    fn unavailable(&mut self, index: engine::ids::AccessIndex, key: SnapshotKey) {
        if self.ledger.is_unanswerable(&key) {
            self.fail(format!("index {index} needs {key:?}, which the snapshot cannot answer"));
        } else if self.trust.asks_for(key) {
            self.read_snapshot(vec![key]);
        }
    }

    /// Asks the owners of these keys, each for its own.
    fn read_snapshot(&mut self, keys: Vec<SnapshotKey>) {
        let mut by_shard: BTreeMap<ShardIndex, Vec<SnapshotKey>> = BTreeMap::new();
        for key in keys {
            by_shard.entry(self.setup.shards.shard_of(key.address())).or_default().push(key);
        }
        for (shard, keys) in by_shard {
            self.counting.read_by_coordinator(shard);
            self.effects.push(Effect::ReadSnapshot { shard, keys });
        }
    }

    /// Gives up whatever still runs.
    pub(super) fn cancel_all(&mut self) {
        for (worker, dispatch) in self.open.clear() {
            self.sync.lost(worker, dispatch);
            self.effects.push(Effect::Cancel { worker, dispatch });
        }
    }
}
