//! Loading: a genesis into an empty shard, and Snapshots from values.

use super::{Effect, Machine, Node, Origin};
use crate::{
    error::StateError,
    place::Place,
    snapshot::{Completeness, Snapshot},
};
use alloy_primitives::{B256, Bytes};
use engine::ids::SnapshotId;
use proto::state::{
    Head, LoadGenesisRequest, LoadSnapshotRequest, SealedShard, SnapshotContents, StateValues,
};
use std::sync::Arc;

/// Which genesis the shard holds.
#[derive(Debug)]
pub(super) enum Genesis {
    /// None: the shard is empty.
    Absent,
    /// None yet: it is being made.
    Loading,
    /// This block, with this root node.
    Loaded { block_hash: B256, root_node: Option<Bytes> },
}

/// What to do about a genesis.
#[derive(Debug)]
pub enum GenesisStep {
    /// It is there: this is the answer.
    Answer(SealedShard),
    /// Run this on a CPU thread and bring back what it returns.
    Compute(GenesisTask),
}

/// The heavy part of loading a genesis.
#[derive(Debug)]
pub struct GenesisTask {
    request: LoadGenesisRequest,
    place: Place,
}

/// A genesis that was made.
#[derive(Debug)]
pub struct GenesisState {
    head: Head,
    snapshot: Arc<Snapshot>,
    root_node: Option<Bytes>,
}

/// The heavy part of loading a Snapshot.
#[derive(Debug)]
pub struct LoadTask {
    request: LoadSnapshotRequest,
    place: Place,
}

impl GenesisTask {
    /// Makes the Snapshot and its root.
    ///
    /// # Errors
    /// If the values contradict each other, are not whole or belong elsewhere.
    pub fn run(self) -> Result<GenesisState, StateError> {
        let Self { request: LoadGenesisRequest { block_hash, block_number, state }, place } = self;
        place.check_values(&state)?;
        let snapshot = Arc::new(Snapshot::from_values(&state, Completeness::Whole)?);
        let root_node = snapshot.root_node();
        Ok(GenesisState { head: Head { block_hash, block_number }, snapshot, root_node })
    }
}

impl LoadTask {
    /// Returns the number that names the Snapshot when it is brought back.
    pub const fn number(&self) -> u64 {
        self.request.number
    }

    /// Makes the Snapshot.
    ///
    /// # Errors
    /// If the values contradict each other or belong elsewhere, or the witness is none.
    pub fn run(self) -> Result<Snapshot, StateError> {
        let (values, complete) = match &self.request.contents {
            SnapshotContents::Values(values) => (values, Completeness::Part),
            SnapshotContents::Whole(values) => (values, Completeness::Whole),
            SnapshotContents::Witness(witness) => {
                return Snapshot::from_witness(witness, self.place);
            }
        };
        self.place.check_values(values)?;
        let snapshot = Snapshot::from_values(values, complete)?;
        // Computed here, on a CPU thread: it is kept, and costs nothing when it is asked for.
        snapshot.root_node();
        Ok(snapshot)
    }
}

impl Machine {
    /// Begins to load a genesis, or finds that it is there.
    ///
    /// # Errors
    /// If there is another, one is being loaded, or it is too large.
    pub fn begin_genesis(
        &mut self,
        request: LoadGenesisRequest,
    ) -> Result<GenesisStep, StateError> {
        match &self.genesis {
            Genesis::Loading => Err(StateError::GenesisUnderWay),
            Genesis::Loaded { block_hash, root_node } if *block_hash == request.block_hash => {
                Ok(GenesisStep::Answer(self.sealed_shard(root_node.clone())))
            }
            Genesis::Loaded { block_hash: present, .. } => {
                Err(StateError::OtherGenesis { present: *present, given: request.block_hash })
            }
            Genesis::Absent => {
                self.check_size(&request.state)?;
                self.genesis = Genesis::Loading;
                Ok(GenesisStep::Compute(GenesisTask { request, place: self.place() }))
            }
        }
    }

    /// Takes a genesis in, and makes it the head. Whoever listened to the empty shard hears that its
    /// feed starts anew, at this head.
    ///
    /// # Errors
    /// Those of the task; the shard is empty as before then.
    pub fn finish_genesis(
        &mut self,
        made: Result<GenesisState, StateError>,
    ) -> Result<SealedShard, StateError> {
        self.genesis = Genesis::Absent;
        let GenesisState { head, snapshot, root_node } = made?;
        let block_hash = head.block_hash;
        self.genesis = Genesis::Loaded { block_hash, root_node: root_node.clone() };
        self.head = Some((None, head));
        let origin = Origin::Committed { head, seal: None };
        self.publish_root(SnapshotId::Block(block_hash), snapshot, root_node.clone(), origin);
        self.effects.push(Effect::Feed(self.feed_start()));
        Ok(self.sealed_shard(root_node))
    }

    /// Begins to load a Snapshot.
    ///
    /// # Errors
    /// If its number is taken, as many are loaded as may be, or it is too large.
    pub fn begin_load(&mut self, request: LoadSnapshotRequest) -> Result<LoadTask, StateError> {
        let number = request.number;
        let is_loaded = self.tree.id(&SnapshotId::Loaded(number)).is_some();
        if is_loaded || self.loading.contains(&number) {
            return Err(StateError::NumberTaken { number });
        }
        let max = self.limits.loaded_snapshots_max.get();
        let n_loaded = self.tree.count(|origin| matches!(origin, Origin::Loaded));
        if n_loaded + self.loading.len() >= max {
            return Err(StateError::TooManyLoaded { max });
        }
        match &request.contents {
            SnapshotContents::Values(values) | SnapshotContents::Whole(values) => {
                self.check_size(values)?;
            }
            SnapshotContents::Witness(witness) => {
                self.check_n_values(witness.nodes.len() + witness.codes.len())?;
            }
        }
        self.loading.insert(number);
        Ok(LoadTask { request, place: self.place() })
    }

    /// Takes a loaded Snapshot in under its number.
    ///
    /// # Errors
    /// Those of the task; the number is free then.
    pub fn finish_load(
        &mut self,
        number: u64,
        loaded: Result<Snapshot, StateError>,
    ) -> Result<(), StateError> {
        self.loading.remove(&number);
        let snapshot = Arc::new(loaded?);
        let root_node = snapshot.root_node();
        self.publish_root(SnapshotId::Loaded(number), snapshot, root_node, Origin::Loaded);
        Ok(())
    }

    /// Puts a Snapshot without a parent into the tree.
    fn publish_root(
        &mut self,
        name: SnapshotId,
        snapshot: Arc<Snapshot>,
        root_node: Option<Bytes>,
        origin: Origin,
    ) {
        let index_root_nodes = Vec::new();
        let node = Node {
            parent: None,
            snapshot: Arc::clone(&snapshot),
            root_node,
            index_root_nodes,
            origin,
        };
        self.tree.insert(name, node);
        self.effects.push(Effect::Publish(name, snapshot));
    }

    fn check_size(&self, values: &StateValues) -> Result<(), StateError> {
        let n_slots: usize = values.accounts.iter().map(|account| account.storage.len()).sum();
        self.check_n_values(values.accounts.len() + n_slots)
    }

    const fn check_n_values(&self, given: usize) -> Result<(), StateError> {
        let load_values_max = self.limits.load_values_max.get();
        if given > load_values_max {
            return Err(StateError::TooManyValues { given, load_values_max });
        }
        Ok(())
    }
}
