//! The state shards of a cluster as their callers see them: who owns an address, and whom to ask.

use crate::state::{StateService, StateValues};
use alloy_primitives::Address;
use engine::{
    ids::ShardIndex,
    shard::{ShardCount, ShardCountInvalid},
};
use std::{collections::BTreeSet, sync::Arc};

/// All state shards of a cluster, by index. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StateShards {
    count: ShardCount,
    services: Arc<[Arc<dyn StateService>]>,
}

impl StateShards {
    /// Makes a cluster of one shard.
    pub fn one(shard: Arc<dyn StateService>) -> Self {
        Self { count: ShardCount::ONE, services: Arc::new([shard]) }
    }

    /// Makes a cluster of these shards, in the order of their indices.
    ///
    /// # Errors
    /// If there are not 1, 2, 4, 8 or 16.
    pub fn new(services: Vec<Arc<dyn StateService>>) -> Result<Self, ShardCountInvalid> {
        Ok(Self { count: ShardCount::new(services.len())?, services: services.into() })
    }

    /// Returns how many shards there are.
    pub const fn count(&self) -> ShardCount {
        self.count
    }

    /// Returns the shard that owns an account.
    pub fn shard_of(&self, address: &Address) -> ShardIndex {
        self.count.shard_of(address)
    }

    /// Returns a shard's service.
    ///
    /// # Panics
    /// If the index is not one of [`Self::iter`] or [`Self::shard_of`].
    pub fn get(&self, shard: ShardIndex) -> &Arc<dyn StateService> {
        &self.services[usize::from(shard.get())]
    }

    /// Returns all shards, ascending by index.
    pub fn iter(&self) -> impl Iterator<Item = (ShardIndex, &Arc<dyn StateService>)> {
        self.count.indices().zip(self.services.iter())
    }
}

/// Cuts a state into the shards' parts, one a shard, ascending; some may be empty. A code goes
/// wherever an account has it.
pub fn split_values(count: ShardCount, values: StateValues) -> Vec<StateValues> {
    if count == ShardCount::ONE {
        return vec![values];
    }
    let mut parts = vec![StateValues::default(); usize::from(count.get())];
    for account in values.accounts {
        parts[usize::from(count.shard_of(&account.address).get())].accounts.push(account);
    }
    for part in &mut parts {
        let used: BTreeSet<_> =
            part.accounts.iter().map(|account| account.account.code_hash).collect();
        let codes = values.codes.iter().filter(|code| used.contains(&code.hash));
        part.codes = codes.cloned().collect();
    }
    parts
}
