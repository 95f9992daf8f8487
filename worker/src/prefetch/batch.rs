//! Keys that leave together in one read.

use super::known::{Asked, KnownKey};
use crate::machine::RunId;
use engine::{
    account::SnapshotKey,
    ids::{ShardIndex, SnapshotId},
};
use std::{collections::VecDeque, ops::Range};

/// Why a key is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The block says that it will be read.
    Predicted,
    /// A run came to it and did not have it.
    Missed,
}

/// One read of one shard.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Who is asked.
    pub(crate) shard: ShardIndex,
    /// Whose values are wanted.
    pub(crate) snapshot: SnapshotId,
    /// What is asked; each key once.
    pub(crate) keys: Vec<SnapshotKey>,
    /// For each key the run that counts it, and why it was wanted.
    owners: Vec<(RunId, Why)>,
}

impl Batch {
    /// Makes a read of the first of its keys.
    pub(super) fn new(
        shard: ShardIndex,
        snapshot: SnapshotId,
        first: &Asked,
        owner: RunId,
    ) -> Self {
        Self { shard, snapshot, keys: vec![first.key], owners: vec![(owner, first.why)] }
    }

    pub(super) fn push(&mut self, asked: &Asked, owner: RunId) {
        self.keys.push(asked.key);
        self.owners.push((owner, asked.why));
    }

    /// Returns the stretches of keys that one run counts for one reason.
    pub(crate) fn by_owner(&self) -> impl Iterator<Item = ((RunId, Why), Range<usize>)> {
        self.owners.chunk_by(PartialEq::eq).scan(0, |end, owned| {
            let start = *end;
            *end += owned.len();
            Some((owned[0], start..*end))
        })
    }

    /// Returns a run that waits for it.
    pub(crate) fn owner(&self) -> RunId {
        self.owners[0].0
    }

    /// Tells whether a run had missed any of its keys.
    pub(crate) fn is_missed(&self) -> bool {
        self.owners.iter().any(|(_, why)| *why == Why::Missed)
    }
}

/// What waits to be asked of one shard. Bounded by the keys that slices want.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<KnownKey>,
    pub(super) n_in_flight: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, key: KnownKey) {
        self.waiting.push_back(key);
    }

    pub(super) fn pop(&mut self) -> Option<KnownKey> {
        self.waiting.pop_front()
    }
}
