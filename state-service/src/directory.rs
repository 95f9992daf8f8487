//! What calls need to know of the machine, read from any thread: its place, and Snapshots by name.
//! Written by the actor's steps alone.

use crate::{place::Place, snapshot::Snapshot};
use engine::ids::SnapshotId;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

/// What reads find. Reads that have their Snapshot go on with it whatever becomes of its name.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    snapshots: RwLock<BTreeMap<SnapshotId, Arc<Snapshot>>>,
    /// Set once, when the shard is configured.
    place: OnceLock<Place>,
}

impl Directory {
    pub(crate) fn place(&self) -> Place {
        self.place.get().copied().unwrap_or(Place::ALONE)
    }

    pub(crate) fn set_place(&self, place: Place) {
        // A place is given once; the machine refuses another.
        let _ = self.place.set(place);
    }

    pub(crate) fn get(&self, name: &SnapshotId) -> Option<Arc<Snapshot>> {
        // Nothing panics half way through a change of the map.
        self.snapshots.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn publish(&self, name: SnapshotId, snapshot: Arc<Snapshot>) {
        self.snapshots.write().unwrap_or_else(PoisonError::into_inner).insert(name, snapshot);
    }

    pub(crate) fn withdraw(&self, name: &SnapshotId) {
        self.snapshots.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
