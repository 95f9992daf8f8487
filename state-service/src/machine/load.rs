//! Loading: a genesis into an empty shard, and Snapshots from values.

use super::{Effect, Machine, Node, Origin};
use crate::{
    error::StateError,
    snapshot::{Completeness, Snapshot},
};
use alloy_primitives::{B256, Bytes};
use engine::ids::SnapshotId;
use proto::state::{Head, LoadGenesisRequest, SealResponse, StateValues};
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
    Answer(SealResponse),
    /// Run this on a CPU thread and bring back what it returns.
    Compute(GenesisTask),
}

/// The heavy part of loading a genesis.
#[derive(Debug)]
pub struct GenesisTask(LoadGenesisRequest);

/// A genesis that was made.
#[derive(Debug)]
pub struct GenesisState {
    head: Head,
    snapshot: Arc<Snapshot>,
    root_node: Option<Bytes>,
}

/// The heavy part of loading a Snapshot.
#[derive(Debug)]
pub struct LoadTask(StateValues);

impl GenesisTask {
    /// Makes the Snapshot and its root.
    ///
    /// # Errors
    /// If the values contradict each other or are not whole.
    pub fn run(self) -> Result<GenesisState, StateError> {
        let LoadGenesisRequest { block_hash, block_number, state } = self.0;
        let snapshot = Arc::new(Snapshot::from_values(&state, Completeness::Whole)?);
        let root_node = snapshot.root_node();
        Ok(GenesisState { head: Head { block_hash, block_number }, snapshot, root_node })
    }
}

impl LoadTask {
    /// Makes the Snapshot.
    ///
    /// # Errors
    /// If the values contradict each other.
    pub fn run(self) -> Result<Snapshot, StateError> {
        Snapshot::from_values(&self.0, Completeness::Part)
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
                Ok(GenesisStep::Answer(self.seal_response(root_node.clone())))
            }
            Genesis::Loaded { block_hash: present, .. } => {
                Err(StateError::OtherGenesis { present: *present, given: request.block_hash })
            }
            Genesis::Absent => {
                self.check_size(&request.state)?;
                self.genesis = Genesis::Loading;
                Ok(GenesisStep::Compute(GenesisTask(request)))
            }
        }
    }

    /// Takes a genesis in, and makes it the head.
    ///
    /// # Errors
    /// Those of the task; the shard is empty as before then.
    pub fn finish_genesis(
        &mut self,
        made: Result<GenesisState, StateError>,
    ) -> Result<SealResponse, StateError> {
        self.genesis = Genesis::Absent;
        let GenesisState { head, snapshot, root_node } = made?;
        let block_hash = head.block_hash;
        self.genesis = Genesis::Loaded { block_hash, root_node: root_node.clone() };
        self.head = Some(head);
        let origin = Origin::Committed { head, seal: None };
        self.publish_root(SnapshotId::Block(block_hash), snapshot, root_node.clone(), origin);
        Ok(self.seal_response(root_node))
    }

    /// Begins to load a Snapshot.
    ///
    /// # Errors
    /// If as many are loaded as may be, or it is too large.
    pub fn begin_load(&mut self, values: StateValues) -> Result<LoadTask, StateError> {
        let max = self.limits.loaded_snapshots_max.get();
        let n_loaded = self.tree.count(|origin| matches!(origin, Origin::Loaded));
        if n_loaded + self.n_loading >= max {
            return Err(StateError::TooManyLoaded { max });
        }
        self.check_size(&values)?;
        self.n_loading += 1;
        Ok(LoadTask(values))
    }

    /// Takes a loaded Snapshot in, and names it by a number of its own.
    ///
    /// # Errors
    /// Those of the task.
    pub fn finish_load(
        &mut self,
        loaded: Result<Snapshot, StateError>,
    ) -> Result<SnapshotId, StateError> {
        self.n_loading -= 1;
        let snapshot = Arc::new(loaded?);
        self.n_loaded += 1;
        let name = SnapshotId::Loaded(self.n_loaded);
        self.publish_root(name, snapshot, None, Origin::Loaded);
        Ok(name)
    }

    /// Puts a Snapshot without a parent into the tree.
    fn publish_root(
        &mut self,
        name: SnapshotId,
        snapshot: Arc<Snapshot>,
        root_node: Option<Bytes>,
        origin: Origin,
    ) {
        let node = Node { parent: None, snapshot: Arc::clone(&snapshot), root_node, origin };
        self.tree.insert(name, node);
        self.effects.push(Effect::Publish(name, snapshot));
    }

    fn check_size(&self, values: &StateValues) -> Result<(), StateError> {
        let n_slots: usize = values.accounts.iter().map(|account| account.storage.len()).sum();
        let (given, load_values_max) =
            (values.accounts.len() + n_slots, self.limits.load_values_max.get());
        if given > load_values_max {
            return Err(StateError::TooManyValues { given, load_values_max });
        }
        Ok(())
    }
}
