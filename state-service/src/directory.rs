//! Snapshots by name, for reads: written by the actor's steps alone, read from any thread.

use crate::snapshot::Snapshot;
use engine::ids::SnapshotId;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// What reads find. Reads that have their Snapshot go on with it whatever becomes of its name.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<BTreeMap<SnapshotId, Arc<Snapshot>>>);

impl Directory {
    pub(crate) fn get(&self, name: &SnapshotId) -> Option<Arc<Snapshot>> {
        // Nothing panics half way through a change of the map.
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn publish(&self, name: SnapshotId, snapshot: Arc<Snapshot>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, snapshot);
    }

    pub(crate) fn withdraw(&self, name: &SnapshotId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
