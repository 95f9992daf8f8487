//! The state below an input's first block, in the cluster.

use alloy_primitives::B256;
use engine::ids::SnapshotId;
use inputs::ParentState;
use proto::{
    coordinator::{CoordinatorService, Mode},
    state::{AccountState, LoadGenesisRequest, SnapshotContents, StateValues},
    status::{Code, Status},
};
use std::sync::Arc;

/// A state that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The genesis of the cluster's own chain: blocks on it are committed.
    Genesis {
        /// Hash of the genesis block.
        block: B256,
        /// Its state root, as the cluster found it.
        state_root: B256,
    },
    /// A Snapshot of its own: blocks on it are verified, and gone with it.
    Snapshot(SnapshotId),
}

impl Loaded {
    /// A cluster that has another genesis takes this one as a whole Snapshot of its own.
    pub(super) async fn load(
        cluster: &dyn CoordinatorService,
        parent: &ParentState,
    ) -> Result<Self, Status> {
        let contents = match parent {
            ParentState::Genesis { block_hash, block_number, state } => {
                let (block_hash, block_number) = (*block_hash, *block_number);
                let request =
                    LoadGenesisRequest { block_hash, block_number, state: values_of(state) };
                match cluster.load_genesis(request).await {
                    Ok(state_root) => return Ok(Self::Genesis { block: block_hash, state_root }),
                    Err(Status { code: Code::FailedPrecondition, .. }) => {
                        SnapshotContents::Whole(values_of(state))
                    }
                    Err(status) => return Err(status),
                }
            }
            ParentState::Values(values) => SnapshotContents::Values(values_of(values)),
            ParentState::Witness(witness) => SnapshotContents::Witness(Arc::clone(witness)),
        };
        Ok(Self::Snapshot(cluster.load_snapshot(contents).await?))
    }

    /// Returns the Snapshot below the first block.
    pub const fn parent(self) -> SnapshotId {
        match self {
            Self::Genesis { block, .. } => SnapshotId::Block(block),
            Self::Snapshot(snapshot) => snapshot,
        }
    }

    /// Returns its state root, if the cluster said it.
    pub const fn state_root(self) -> Option<B256> {
        match self {
            Self::Genesis { state_root, .. } => Some(state_root),
            Self::Snapshot(_) => None,
        }
    }

    /// Returns what is to become of blocks on it.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Genesis { .. } => Mode::VerifyAndCommit,
            Self::Snapshot(_) => Mode::Verify,
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
