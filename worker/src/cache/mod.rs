//! What a worker keeps across jobs.

mod base;
mod chain;
mod code;
mod lru;
mod owners;
mod shard;

pub(crate) use base::Cached;
pub(crate) use shard::Emptied;

use crate::{
    config::{Limits, Switch, WorkerConfig},
    prefetch::KnownKey,
};
use code::CodeCache;
use engine::{
    ids::{BootId, ShardIndex, SnapshotId},
    shard::ShardCount,
};
use owners::Owners;
use proto::state::FeedMessage;
use shard::{Bounds, ShardCache};

/// Everything that outlives a job. It belongs to the worker's actor alone: no lock anywhere.
#[derive(Debug)]
pub(crate) struct Caches {
    /// Code by hash, which never changes and needs no tag.
    pub(crate) codes: CodeCache,
    /// Which shard owns an account.
    pub(crate) owners: Owners,
    /// Values of each shard's Snapshots; none if caches are off.
    shards: Vec<ShardCache>,
}

impl Caches {
    pub(crate) fn new(count: ShardCount, config: &WorkerConfig) -> Self {
        let limits = &config.limits;
        let shards = match config.cache {
            Switch::On => count.indices().map(|_| ShardCache::new(bounds(count, limits))).collect(),
            Switch::Off => Vec::new(),
        };
        Self {
            codes: CodeCache::new(
                limits.code_cache_bytes_max.get(),
                limits.code_cache_accounts_max.get(),
            ),
            owners: Owners::new(count, limits.owners_max.get()),
            shards,
        }
    }

    /// Returns a value of a Snapshot and the boot of the shard that it is from, if it is known.
    pub(crate) fn value(
        &mut self,
        snapshot: &SnapshotId,
        key: &KnownKey,
    ) -> Option<(ShardIndex, BootId, Cached)> {
        let (KnownKey::Account(address) | KnownKey::Slot(address, _)) = key else { return None };
        if self.shards.is_empty() {
            return None;
        }
        let shard = self.owners.owner(address);
        let cache = self.shards.get_mut(usize::from(shard.get()))?;
        let value = cache.get(snapshot, key)?;
        Some((shard, cache.boot()?, value))
    }

    /// Keeps what a shard answered of a Snapshot, as far as it may be kept.
    pub(crate) fn fill(
        &mut self,
        shard: ShardIndex,
        (snapshot, boot): (&SnapshotId, BootId),
        values: impl Iterator<Item = (KnownKey, Cached)>,
    ) {
        if let Some(cache) = self.shards.get_mut(usize::from(shard.get())) {
            cache.fill(snapshot, boot, values);
        }
    }

    /// Takes a message of a shard's feed in. Says if its cache forgot everything for it.
    pub(crate) fn hear(&mut self, shard: ShardIndex, message: FeedMessage) -> Option<Emptied> {
        let cache = self.shards.get_mut(usize::from(shard.get()))?;
        if let FeedMessage::Sealed { diff, .. } = &message {
            for (hash, code) in &diff.codes {
                self.codes.insert(*hash, code.clone());
            }
        }
        cache.hear(message)
    }

    /// A shard's feed broke.
    pub(crate) fn break_off(&mut self, shard: ShardIndex) {
        if let Some(cache) = self.shards.get_mut(usize::from(shard.get())) {
            cache.break_off();
        }
    }

    /// Returns the bytes of all values, and those of all diffs.
    pub(crate) fn state_bytes(&self) -> (usize, usize) {
        let bytes = self.shards.iter().map(ShardCache::bytes);
        bytes.fold((0, 0), |sum, bytes| (sum.0 + bytes.0, sum.1 + bytes.1))
    }
}

/// Returns one shard's part of the bounds.
fn bounds(count: ShardCount, limits: &Limits) -> Bounds {
    let n_shards = usize::from(count.get());
    Bounds {
        bytes_max: limits.state_cache_bytes_max.get() / n_shards,
        diffs_max: limits.feed_diffs_max.get(),
        diff_bytes_max: limits.feed_diff_bytes_max.get() / n_shards,
    }
}
