//! The state shards as a worker sees them: who owns an address, and whom to ask.

use alloy_primitives::Address;
use engine::ids::ShardIndex;
use proto::state::StateService;
use std::sync::Arc;

/// The shards of the cluster. There is one, which owns every address; what asks goes by
/// [`Self::shard_of`] already.
#[derive(Clone, Debug)]
pub(crate) struct StateShards {
    only: Arc<dyn StateService>,
}

impl StateShards {
    /// The one shard's index.
    const ONLY: ShardIndex = ShardIndex::new(0);

    /// Makes a cluster of one shard.
    pub(crate) fn one(shard: Arc<dyn StateService>) -> Self {
        Self { only: shard }
    }

    /// Returns the shard that owns an account.
    pub(crate) const fn shard_of(_address: &Address) -> ShardIndex {
        Self::ONLY
    }

    /// Returns the handle of a shard that [`Self::shard_of`] named.
    pub(crate) fn get(&self, _shard: ShardIndex) -> &Arc<dyn StateService> {
        &self.only
    }
}
