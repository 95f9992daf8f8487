//! A shard's place among the state shards of its cluster, and what belongs there.

use crate::error::StateError;
use alloy_primitives::Address;
use engine::{access::WriteSet, account::SnapshotKey, ids::ShardIndex, shard::ShardCount};
use proto::state::StateValues;
use std::fmt;

/// Which shard of how many this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its position.
    pub index: ShardIndex,
    /// How many there are.
    pub count: ShardCount,
}

impl Place {
    /// The only shard, which owns everything: what a shard is until it is told otherwise.
    pub const ALONE: Self = Self { index: ShardIndex::new(0), count: ShardCount::ONE };

    /// Checks that all keys belong here.
    ///
    /// # Errors
    /// If one does not; it is named.
    pub fn check_keys(self, keys: &[SnapshotKey]) -> Result<(), StateError> {
        self.check(keys.iter().map(SnapshotKey::address))
    }

    /// Checks that all accounts of a write set belong here.
    ///
    /// # Errors
    /// If one does not; it is named.
    pub fn check_writes(self, writes: &WriteSet) -> Result<(), StateError> {
        self.check(writes.accounts.iter().map(|(address, _)| address))
    }

    /// Checks that all accounts of a state belong here.
    ///
    /// # Errors
    /// If one does not; it is named.
    pub fn check_values(self, values: &StateValues) -> Result<(), StateError> {
        self.check(values.accounts.iter().map(|account| &account.address))
    }

    fn check<'a>(self, addresses: impl IntoIterator<Item = &'a Address>) -> Result<(), StateError> {
        if self.count == ShardCount::ONE {
            return Ok(());
        }
        // Keys of one account follow each other mostly, and hashing is all that this costs.
        let mut before = None;
        for address in addresses {
            if before != Some(address) && self.count.shard_of(address) != self.index {
                return Err(StateError::ForeignAddress { address: *address, place: self });
            }
            before = Some(address);
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state shard {} of {}", self.index, self.count.get())
    }
}
