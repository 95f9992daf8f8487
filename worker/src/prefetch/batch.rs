//! Keys that leave together in one read.

use super::known::{Asked, KnownKey};
use crate::machine::RunId;
use engine::{account::SnapshotKey, ids::ShardIndex};
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
    /// What is asked; each key once.
    pub(crate) keys: Vec<SnapshotKey>,
    /// For each key the run that counts it, and why it was wanted.
    owners: Vec<(RunId, Why)>,
}

impl Batch {
    pub(super) const fn new(shard: ShardIndex) -> Self {
        Self { shard, keys: Vec::new(), owners: Vec::new() }
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

    /// Returns the run that counts the message, and whether a run had missed any of its keys.
    pub(crate) fn counted_by(&self) -> Option<(RunId, bool)> {
        let (first, _) = self.owners.first()?;
        Some((*first, self.owners.iter().any(|(_, why)| *why == Why::Missed)))
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
