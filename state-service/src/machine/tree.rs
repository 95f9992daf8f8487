//! Snapshots by parent, and the names they are found by.

use crate::snapshot::Snapshot;
use alloy_primitives::Bytes;
use engine::ids::{AccessIndex, JobId, SnapshotId};
use proto::state::{Head, SealPurpose, SealRequest};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A Snapshot's place in the tree; a child's is greater than its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

/// One Snapshot and where it comes from.
#[derive(Debug)]
pub(super) struct Node {
    /// The Snapshot below; `None` for one that was loaded. It may be gone if it was committed.
    pub(super) parent: Option<NodeId>,
    pub(super) snapshot: Arc<Snapshot>,
    /// RLP of the root node, as the seal answered.
    pub(super) root_node: Option<Bytes>,
    /// The same after each index, if the seal answered them.
    pub(super) index_root_nodes: Vec<(AccessIndex, Bytes)>,
    pub(super) origin: Origin,
}

/// Where a Snapshot comes from and what became of it.
#[derive(Debug)]
pub(super) enum Origin {
    /// Loaded from values.
    Loaded,
    /// Sealed and not decided. The request, without values, is kept to know a repetition by.
    Provisional {
        seal: Arc<SealRequest>,
        /// Whether the feed speaks of it: it can be committed, and is meant to be.
        is_fed: bool,
    },
    /// A block's, or the genesis, of which there is no seal.
    Committed { head: Head, seal: Option<Arc<SealRequest>> },
}

impl Origin {
    /// Returns the block that it is, if it is committed.
    pub(super) const fn committed(&self) -> Option<Head> {
        match self {
            Self::Committed { head, .. } => Some(*head),
            Self::Loaded | Self::Provisional { .. } => None,
        }
    }

    /// Returns the request that was sealed.
    pub(super) const fn seal(&self) -> Option<&Arc<SealRequest>> {
        match self {
            Self::Loaded => None,
            Self::Provisional { seal, .. } => Some(seal),
            Self::Committed { seal, .. } => seal.as_ref(),
        }
    }
}

/// All Snapshots that are kept.
#[derive(Debug, Default)]
pub(super) struct SnapshotTree {
    nodes: BTreeMap<NodeId, Node>,
    names: BTreeMap<SnapshotId, NodeId>,
    n_made: u64,
}

impl SnapshotTree {
    /// Puts a Snapshot into the tree under a name that is free.
    pub(super) fn insert(&mut self, name: SnapshotId, node: Node) {
        let id = NodeId(self.n_made);
        self.n_made += 1;
        self.names.insert(name, id);
        self.nodes.insert(id, node);
    }

    pub(super) fn id(&self, name: &SnapshotId) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(super) fn named(&self, name: &SnapshotId) -> Option<&Node> {
        self.node(self.id(name)?)
    }

    /// Counts the Snapshots with some origin.
    pub(super) fn count(&self, is_wanted: impl Fn(&Origin) -> bool) -> usize {
        self.nodes.values().filter(|node| is_wanted(&node.origin)).count()
    }

    /// Returns the jobs that are sealed and not decided.
    pub(super) fn provisional_jobs(&self) -> impl Iterator<Item = JobId> {
        self.nodes.values().filter_map(|node| match &node.origin {
            Origin::Provisional { seal, .. } => Some(seal.job),
            Origin::Loaded | Origin::Committed { .. } => None,
        })
    }

    /// Makes a provisional Snapshot a committed one. Returns it if the block's name was free and
    /// is its name now; another job's may have it already, with the same state.
    pub(super) fn commit(&mut self, id: NodeId, head: Head) -> Option<Arc<Snapshot>> {
        let node = self.nodes.get_mut(&id)?;
        let seal = node.origin.seal().cloned();
        node.origin = Origin::Committed { head, seal };
        let name = SnapshotId::Block(head.block_hash);
        if self.names.contains_key(&name) {
            return None;
        }
        self.names.insert(name, id);
        Some(Arc::clone(&node.snapshot))
    }

    /// Tells whether the lowest Snapshot below this one was loaded.
    pub(super) fn stands_on_loaded(&self, node: &Node) -> bool {
        let mut node = node;
        loop {
            match (&node.origin, node.parent.and_then(|parent| self.node(parent))) {
                (Origin::Loaded, _) => return true,
                (Origin::Provisional { .. }, Some(parent)) => node = parent,
                _ => return false,
            }
        }
    }

    /// Tells whether a seal on this parent can become a block, and is meant to.
    pub(super) fn is_to_be_committed(&self, parent: NodeId, purpose: SealPurpose) -> bool {
        let is_fed = |node: &Node| match node.origin {
            Origin::Loaded => false,
            Origin::Provisional { is_fed, .. } => is_fed,
            Origin::Committed { .. } => true,
        };
        purpose == SealPurpose::Commit && self.node(parent).is_some_and(is_fed)
    }

    /// Returns a Snapshot and all above it, parents first.
    pub(super) fn with_descendants(&self, id: NodeId) -> Vec<NodeId> {
        let mut found = BTreeSet::from([id]);
        for (above, node) in self.nodes.range(id..) {
            if node.parent.is_some_and(|parent| found.contains(&parent)) {
                found.insert(*above);
            }
        }
        found.into_iter().collect()
    }

    /// Returns the committed Snapshots that are too many, the oldest first. The head's, parents of
    /// undecided ones and those in `in_use` are never among them.
    pub(super) fn committed_beyond(
        &self,
        max: usize,
        head: Option<Head>,
        in_use: &[NodeId],
    ) -> Vec<NodeId> {
        let n_committed = self.count(|origin| origin.committed().is_some());
        let parents: BTreeSet<NodeId> = self
            .nodes
            .values()
            .filter(|node| matches!(node.origin, Origin::Provisional { .. }))
            .filter_map(|node| node.parent)
            .collect();
        self.nodes
            .iter()
            .filter(|(_, node)| node.origin.committed().is_some_and(|block| Some(block) != head))
            .map(|(id, _)| *id)
            .filter(|id| !parents.contains(id) && !in_use.contains(id))
            .take(n_committed.saturating_sub(max))
            .collect()
    }

    /// Takes a Snapshot out of the tree, with its names.
    pub(super) fn remove(&mut self, id: NodeId) -> Option<(Node, Vec<SnapshotId>)> {
        let node = self.nodes.remove(&id)?;
        let names: Vec<_> =
            self.names.iter().filter(|(_, named)| **named == id).map(|(name, _)| *name).collect();
        for name in &names {
            self.names.remove(name);
        }
        Some((node, names))
    }
}
