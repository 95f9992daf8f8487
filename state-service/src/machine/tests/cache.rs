//! A worker's cache as simply as it can be said: a copy of the state for every name that the feed
//! told of.

use crate::tests::plain::Plain;
use engine::ids::{JobId, SnapshotId};
use proto::state::FeedMessage;
use std::collections::BTreeMap;

/// States by name, from the genesis and the feed alone.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) states: BTreeMap<SnapshotId, Plain>,
    /// Which Snapshot each job stands on.
    parents: BTreeMap<JobId, SnapshotId>,
}

impl Cache {
    pub(super) fn new(genesis: SnapshotId, state: Plain) -> Self {
        Self { states: BTreeMap::from([(genesis, state)]), parents: BTreeMap::new() }
    }

    /// Takes a message; fails if it speaks of what was never told.
    pub(super) fn hear(&mut self, message: &FeedMessage, context: &str) {
        match message {
            FeedMessage::Start { .. } => panic!("{context}: a second start"),
            FeedMessage::Sealed { job, parent, diff, .. } => {
                let below = self.states.get(parent);
                let below = below.unwrap_or_else(|| panic!("{context}: {parent} was never told"));
                let after = below.after_diff(diff);
                self.states.insert(SnapshotId::Job(*job), after);
                self.parents.insert(*job, *parent);
            }
            FeedMessage::Committed { job, block_hash } => {
                let state = self.states[&SnapshotId::Job(*job)].clone();
                self.states.insert(SnapshotId::Block(*block_hash), state);
            }
            FeedMessage::Dropped { job } => self.drop_with_all_above(*job, context),
        }
    }

    fn drop_with_all_above(&mut self, job: JobId, context: &str) {
        let name = SnapshotId::Job(job);
        assert!(self.states.remove(&name).is_some(), "{context}: {job} was never told");
        self.parents.remove(&job);
        let above = self.parents.iter().filter(|(_, parent)| **parent == name);
        for job in above.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.drop_with_all_above(job, context);
        }
    }
}
