//! A slice runs on a CPU thread as far as it can; one that is done is made ready to leave there.

use crate::fault::Fault;
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey},
    ids::{AccessIndex, Incarnation, ShardIndex},
    outcome::{SliceOutcome, TxOutcome},
    shard::ShardCount,
    slice::{SliceRun, Step},
};
use std::{collections::BTreeMap, sync::Arc};

/// Writes of one incarnation at one shard.
pub(crate) type StagedWrites = (AccessIndex, Incarnation, Arc<WriteSet>);

/// What happens to an outcome before it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    /// In a Confirmation: what becomes of the first transaction that nobody signed.
    pub(crate) no_sender: Option<TxOutcome>,
    pub(crate) fault: Arc<dyn Fault>,
    /// The shards to stage at; `None` if nothing is staged.
    pub(crate) stages_at: Option<ShardCount>,
}

/// How far a slice came.
#[derive(Debug)]
pub(crate) enum Advanced {
    /// It needs these keys.
    Missing(Vec<SnapshotKey>),
    /// It ran to its end.
    Done(Box<Finished>),
    /// Its flag was raised.
    Cancelled,
}

/// An outcome, and what it wrote at each shard.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) outcome: SliceOutcome,
    pub(crate) stages: BTreeMap<ShardIndex, Vec<StagedWrites>>,
}

/// Runs a slice on.
pub(crate) fn advance(
    slice: &mut SliceRun,
    answers: Vec<(SnapshotKey, SnapshotAnswer)>,
    finish: Finish,
) -> Advanced {
    for (key, answer) in answers {
        slice.provide(key, answer);
    }
    match slice.advance() {
        Step::Missing(keys) => Advanced::Missing(keys),
        Step::Cancelled => Advanced::Cancelled,
        Step::Done(outcome) => Advanced::Done(Box::new(finish.finish(slice, *outcome))),
    }
}

impl Finish {
    fn finish(self, slice: &SliceRun, mut outcome: SliceOutcome) -> Finished {
        outcome.transactions.extend(self.no_sender);
        self.fault.alter(&slice.task().frame, &mut outcome);
        let stages = self.stages_at.map_or_else(BTreeMap::new, |count| by_shard(&outcome, count));
        Finished { outcome, stages }
    }
}

/// Cuts what a slice wrote into the shards' parts. Shards that own none of it are left out.
fn by_shard(outcome: &SliceOutcome, count: ShardCount) -> BTreeMap<ShardIndex, Vec<StagedWrites>> {
    let mut stages = BTreeMap::<_, Vec<_>>::new();
    for transaction in &outcome.transactions {
        let Some(executed) = transaction.executed() else { continue };
        for (shard, part) in count.split(&executed.writes) {
            let staged = (transaction.index, transaction.incarnation, part);
            stages.entry(shard).or_default().push(staged);
        }
    }
    stages
}
