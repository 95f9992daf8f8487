//! The state below an input's first block, in the cluster.

use alloy_primitives::B256;
use engine::ids::SnapshotId;
use inputs::ParentState;
use proto::{
    coordinator::{CoordinatorService, Mode},
    state::{AccountState, LoadGenesisRequest, SnapshotContents, StateValues},
    status::Status,
};
use std::sync::Arc;

/// A state that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The genesis of the cluster's own chain: blocks on it are committed.
    Genesis(B256),
    /// A Snapshot of its own: blocks on it are verified, and gone with it.
    Values(SnapshotId),
}

impl Loaded {
    pub(super) async fn load(
        cluster: &dyn CoordinatorService,
        parent: &ParentState,
    ) -> Result<Self, Status> {
        match parent {
            ParentState::Genesis { block_hash, block_number, state } => {
                let (block_hash, block_number) = (*block_hash, *block_number);
                let state = values_of(state);
                let request = LoadGenesisRequest { block_hash, block_number, state };
                cluster.load_genesis(request).await?;
                Ok(Self::Genesis(block_hash))
            }
            ParentState::Values(values) => {
                let contents = SnapshotContents::Values(values_of(values));
                Ok(Self::Values(cluster.load_snapshot(contents).await?))
            }
            ParentState::Witness(witness) => {
                let contents = SnapshotContents::Witness(Arc::clone(witness));
                Ok(Self::Values(cluster.load_snapshot(contents).await?))
            }
        }
    }

    /// Returns the Snapshot below the first block.
    pub const fn parent(self) -> SnapshotId {
        match self {
            Self::Genesis(block_hash) => SnapshotId::Block(block_hash),
            Self::Values(snapshot) => snapshot,
        }
    }

    /// Returns what is to become of blocks on it.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Genesis(_) => Mode::VerifyAndCommit,
            Self::Values(_) => Mode::Verify,
        }
    }
}

fn values_of(values: &inputs::StateValues) -> StateValues {
    let accounts = values.accounts.iter().map(|values| AccountState {
        address: values.address,
        account: values.account,
        storage: values.storage.clone(),
    });
    StateValues { accounts: accounts.collect(), codes: values.codes.clone() }
}
