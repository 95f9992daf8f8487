//! What each worker already has of the overlay, so that a dispatch carries the difference only.

use crate::{
    ids::{AccessIndex, Attempt, Incarnation, SliceId, WorkerId},
    task::OverlayEntry,
};
use std::collections::{BTreeMap, BTreeSet};

/// Whose writes an index has: the incarnation's number, or nothing.
type Version = Option<Incarnation>;

/// One dispatch.
type Dispatch = (SliceId, Attempt);

/// What each worker has of a job's overlay.
///
/// Dispatches to one worker overlap and may arrive in any order. So a worker is taken to have a
/// version only when the dispatch that carried it was answered. If two versions of an index were
/// under way at once nobody knows which came last, and a dispatch that was lost may arrive at any
/// later time: such an index is sent again each time.
#[derive(Debug, Default)]
pub struct OverlaySync {
    workers: BTreeMap<WorkerId, Peer>,
}

#[derive(Debug, Default)]
struct Peer {
    has: BTreeMap<AccessIndex, Version>,
    under_way: BTreeMap<Dispatch, Vec<(AccessIndex, Version)>>,
    /// How many dispatches under way carry which version of an index.
    carried: BTreeMap<AccessIndex, Vec<(Version, u32)>>,
    /// Indices of which nobody knows any more what the worker has.
    spoilt: BTreeSet<AccessIndex>,
}

impl OverlaySync {
    /// Returns the entries of an overlay that differ from what the worker has, and takes note that
    /// they are under way. `overlay` holds what lies below the slice's last index, with the
    /// incarnation that wrote each entry; `own` are the slice's own indices, ascending.
    pub fn dispatch(
        &mut self,
        worker: WorkerId,
        dispatch: (SliceId, Attempt),
        own: &[AccessIndex],
        overlay: impl IntoIterator<Item = (OverlayEntry, Incarnation)>,
    ) -> Vec<OverlayEntry> {
        let peer = self.workers.entry(worker).or_default();
        let mut sent = Vec::new();
        let mut versions = Vec::new();
        let mut present = BTreeSet::new();
        for (entry, incarnation) in overlay {
            present.insert(entry.index);
            if peer.needs(entry.index, Some(incarnation)) {
                versions.push((entry.index, Some(incarnation)));
                sent.push(entry);
            }
        }
        let below = own.last().copied().unwrap_or_default();
        for index in peer.leftovers(below, &present) {
            if own.binary_search(&index).is_err() {
                versions.push((index, None));
                sent.push(OverlayEntry { index, writes: None });
            }
        }
        sent.sort_unstable_by_key(|entry| entry.index);
        peer.start(dispatch, versions);
        sent
    }

    /// Takes note that a dispatch was answered: the worker had what it carried.
    pub fn answered(&mut self, worker: WorkerId, dispatch: (SliceId, Attempt)) {
        let Some(peer) = self.workers.get_mut(&worker) else { return };
        for (index, version) in peer.end(dispatch) {
            if peer.is_other_under_way(index, version) {
                peer.spoilt.insert(index);
            } else {
                peer.has.insert(index, version);
            }
        }
    }

    /// Takes note that a dispatch was lost or cancelled: it may arrive later, or never.
    pub fn lost(&mut self, worker: WorkerId, dispatch: (SliceId, Attempt)) {
        let Some(peer) = self.workers.get_mut(&worker) else { return };
        let carried = peer.end(dispatch);
        peer.spoilt.extend(carried.into_iter().map(|(index, _)| index));
    }

    /// Takes note that a worker is gone: if it comes back, nobody knows what it still has.
    pub fn distrust(&mut self, worker: WorkerId) {
        let Some(peer) = self.workers.get_mut(&worker) else { return };
        let had = std::mem::take(&mut peer.has).into_keys();
        peer.spoilt.extend(had.chain(std::mem::take(&mut peer.carried).into_keys()));
        peer.under_way.clear();
    }
}

impl Peer {
    fn start(&mut self, dispatch: Dispatch, versions: Vec<(AccessIndex, Version)>) {
        for (index, version) in &versions {
            let counts = self.carried.entry(*index).or_default();
            match counts.iter_mut().find(|(other, _)| other == version) {
                Some((_, count)) => *count += 1,
                None => counts.push((*version, 1)),
            }
        }
        self.under_way.insert(dispatch, versions);
    }

    fn end(&mut self, dispatch: Dispatch) -> Vec<(AccessIndex, Version)> {
        let versions = self.under_way.remove(&dispatch).unwrap_or_default();
        for (index, version) in &versions {
            let Some(counts) = self.carried.get_mut(index) else { continue };
            for (other, count) in counts.iter_mut() {
                *count -= u32::from(other == version);
            }
            counts.retain(|(_, count)| *count > 0);
        }
        versions
    }

    fn needs(&self, index: AccessIndex, version: Version) -> bool {
        self.spoilt.contains(&index)
            || self.has.get(&index).copied().flatten() != version
            || self.is_other_under_way(index, version)
    }

    /// Returns the indices of which the worker has or may have something, and that hold nothing.
    fn leftovers(&self, below: AccessIndex, present: &BTreeSet<AccessIndex>) -> Vec<AccessIndex> {
        let mut suspects: BTreeSet<AccessIndex> = self.has.keys().copied().collect();
        suspects.extend(self.carried.keys());
        suspects.extend(&self.spoilt);
        let is_left = |index: &AccessIndex| {
            *index < below && !present.contains(index) && self.needs(*index, None)
        };
        suspects.into_iter().filter(is_left).collect()
    }

    fn is_other_under_way(&self, index: AccessIndex, version: Version) -> bool {
        let carried = self.carried.get(&index).map_or(&[][..], Vec::as_slice);
        carried.iter().any(|(other, _)| *other != version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::WriteSet;
    use std::sync::Arc;

    const WORKER: WorkerId = WorkerId::new(1);

    fn index(position: u32) -> AccessIndex {
        AccessIndex::new(position)
    }

    fn dispatch(
        sync: &mut OverlaySync,
        slice: u32,
        overlay: &[(u32, u32)],
        own: u32,
    ) -> Vec<(u32, bool)> {
        let entries = overlay.iter().map(|(position, incarnation)| {
            let writes = Some(Arc::new(WriteSet::default()));
            (OverlayEntry { index: index(*position), writes }, Incarnation::new(*incarnation))
        });
        let id = (SliceId::new(slice), Attempt::new(1));
        let sent = sync.dispatch(WORKER, id, &[index(own)], entries);
        sent.iter().map(|entry| (entry.index.position(), entry.writes.is_some())).collect()
    }

    fn answered(sync: &mut OverlaySync, slice: u32) {
        sync.answered(WORKER, (SliceId::new(slice), Attempt::new(1)));
    }

    #[test]
    fn an_answered_dispatch_need_not_be_sent_again_and_a_new_version_must() {
        let mut sync = OverlaySync::default();
        assert_eq!(dispatch(&mut sync, 1, &[(1, 1), (2, 1)], 9), [(1, true), (2, true)]);
        answered(&mut sync, 1);
        assert_eq!(dispatch(&mut sync, 2, &[(1, 1), (2, 2), (3, 1)], 9), [(2, true), (3, true)]);
    }

    #[test]
    fn what_is_gone_is_taken_back_once() {
        let mut sync = OverlaySync::default();
        dispatch(&mut sync, 1, &[(1, 1)], 9);
        answered(&mut sync, 1);
        assert_eq!(dispatch(&mut sync, 2, &[], 9), [(1, false)]);
        answered(&mut sync, 2);
        assert_eq!(dispatch(&mut sync, 3, &[], 9), []);
    }

    #[test]
    fn dispatches_under_way_do_not_count_as_received() {
        let mut sync = OverlaySync::default();
        dispatch(&mut sync, 1, &[(1, 1)], 9);
        assert_eq!(dispatch(&mut sync, 2, &[(1, 1)], 9), [(1, true)]);
    }

    #[test]
    fn of_two_versions_under_way_at_once_nobody_knows_which_came_last() {
        for order in [[1, 2], [2, 1]] {
            let mut sync = OverlaySync::default();
            dispatch(&mut sync, 1, &[(1, 1)], 9);
            dispatch(&mut sync, 2, &[(1, 2)], 9);
            order.into_iter().for_each(|slice| answered(&mut sync, slice));
            for (slice, version) in [(3, 2), (4, 1)] {
                let sent = dispatch(&mut sync, slice, &[(1, version)], 9);
                assert_eq!(sent, [(1, true)], "answered in order {order:?}, version {version}");
            }
        }
    }

    #[test]
    fn a_lost_dispatch_is_never_relied_on() {
        let mut sync = OverlaySync::default();
        dispatch(&mut sync, 1, &[(1, 1)], 9);
        sync.lost(WORKER, (SliceId::new(1), Attempt::new(1)));
        for slice in 2..4 {
            assert_eq!(dispatch(&mut sync, slice, &[(1, 1)], 9), [(1, true)]);
            answered(&mut sync, slice);
        }
        assert_eq!(dispatch(&mut sync, 4, &[], 9), [(1, false)]);
    }

    #[test]
    fn a_worker_that_was_gone_is_sent_everything_again_and_told_what_is_gone() {
        let mut sync = OverlaySync::default();
        dispatch(&mut sync, 1, &[(1, 1), (2, 1)], 9);
        answered(&mut sync, 1);
        sync.distrust(WORKER);
        assert_eq!(dispatch(&mut sync, 2, &[(1, 1)], 9), [(1, true), (2, false)]);
    }

    #[test]
    fn indices_of_the_slice_itself_are_not_taken_back() {
        let mut sync = OverlaySync::default();
        dispatch(&mut sync, 1, &[(1, 1)], 9);
        answered(&mut sync, 1);
        let own = [index(1), index(9)];
        let id = (SliceId::new(2), Attempt::new(1));
        assert!(sync.dispatch(WORKER, id, &own, []).is_empty());
    }
}
