//! A worker that runs slices of a model block.

use super::ModelBlock;
use crate::{
    access::{ReadSet, WriteSet},
    account::SnapshotValue,
    ids::AccessIndex,
    outcome::{ReadStats, SliceOutcome, TxOutcome, Verdict},
    task::{SliceTask, TaskItem},
};
use std::{collections::BTreeMap, sync::Arc};

impl ModelBlock {
    /// Runs a slice over the overlay that its worker has, by the rules that workers keep. `fault`
    /// may change how an index ends before those above it see what it wrote.
    pub fn run_slice(
        &self,
        task: &SliceTask,
        overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
        mut fault: impl FnMut(&TaskItem, &mut TxOutcome),
    ) -> SliceOutcome {
        let own = |index| task.items.binary_search_by_key(&index, |item| item.index).is_ok();
        let mut overlay = overlay.iter().filter(|(index, _)| !own(**index)).peekable();
        let mut state = self.base.clone();
        let mut snapshot = BTreeMap::new();
        let mut transactions = Vec::new();
        let mut left = task.gas_left;
        for (place, item) in task.items.iter().enumerate() {
            while let Some((_, writes)) = overlay.next_if(|(index, _)| **index < item.index) {
                state.apply(writes);
            }
            let signed = item.transaction.as_ref().filter(|_| is_certain(task, place));
            let room = left.as_mut().zip(signed.map(|signed| &signed.transaction));
            if let Some((left, transaction)) = &room
                && left.admit(transaction).is_err()
            {
                let (index, incarnation) = (item.index, item.incarnation);
                let (reads, verdict) = (ReadSet::default(), Verdict::NoRoom);
                transactions.push(TxOutcome { index, incarnation, reads, verdict });
                continue;
            }
            if let Some(standing) = item.standing.as_ref().filter(|standing| {
                standing.reads.0.iter().all(|read| state.read(&read.key) == read.value)
            }) {
                self.report(&standing.reads.0, &mut snapshot);
                if let Some(writes) = &standing.writes {
                    state.apply(writes);
                }
                if let Some((left, transaction)) = room {
                    left.spend(transaction, standing.gas_used);
                }
                continue;
            }
            let mut outcome = self.run(item.index, item.incarnation, &state);
            if self.is_heavy(item.index) && !is_certain(task, place) {
                outcome.verdict = Verdict::Parked;
            }
            fault(item, &mut outcome);
            self.report(&outcome.reads.0, &mut snapshot);
            if let Some(executed) = outcome.executed() {
                state.apply(&executed.writes);
                if let Some((left, transaction)) = room {
                    left.spend(transaction, executed.receipt.as_ref().map_or(0, |it| it.gas.used));
                }
            }
            transactions.push(outcome);
        }
        SliceOutcome {
            job: task.frame.job,
            slice: task.slice,
            attempt: task.attempt,
            n_executions: transactions.len() as u64,
            transactions,
            snapshot: snapshot.into_values().collect(),
            reads: ReadStats::default(),
            n_stages: 0,
            cpu_us: 0,
        }
    }

    fn report(
        &self,
        reads: &[crate::access::Read],
        snapshot: &mut BTreeMap<crate::account::SnapshotKey, SnapshotValue>,
    ) {
        for value in reads.iter().map(|read| self.base.report(&read.key)) {
            snapshot.insert(value.key(), value);
        }
    }
}

/// Tells whether everything below an item is final or in the slice.
fn is_certain(task: &SliceTask, place: usize) -> bool {
    let here = |index| task.items[..place].iter().any(|item: &TaskItem| item.index == index);
    let below = task.final_below.position()..task.items[place].index.position();
    below.map(AccessIndex::new).all(here)
}
