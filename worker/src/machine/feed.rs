//! What the shards' feeds tell.

use super::Machine;
use crate::cache::Emptied;
use engine::ids::ShardIndex;
use proto::state::FeedMessage;
use tracing::{debug, warn};

impl Machine {
    /// A shard's feed told something.
    pub(crate) fn heard(&mut self, shard: ShardIndex, message: FeedMessage) {
        let metrics = &self.metrics;
        let counter = match &message {
            FeedMessage::Start { .. } => &metrics.feed_starts,
            FeedMessage::Sealed { .. } => &metrics.feed_sealed,
            FeedMessage::Committed { .. } => &metrics.feed_committed,
            FeedMessage::Dropped { .. } => &metrics.feed_dropped,
        };
        counter.increment();
        if let Some(emptied) = self.caches.hear(shard, message) {
            debug!(%shard, ?emptied, "a cache was emptied");
            let counter = match emptied {
                Emptied::Start => &metrics.caches_emptied_start,
                Emptied::NotFirst => &metrics.caches_emptied_not_first,
                Emptied::TooLong => &metrics.caches_emptied_too_long,
                Emptied::OtherBoot => &metrics.caches_emptied_other_boot,
            };
            counter.increment();
        }
        self.gauge_caches();
    }

    /// A shard's feed ended, or could not be subscribed to.
    pub(crate) fn feed_broke(&mut self, shard: ShardIndex, reason: &str) {
        self.metrics.feed_breaks.increment();
        warn!(%shard, reason, "a feed broke");
        self.caches.break_off(shard);
        self.gauge_caches();
    }

    pub(super) fn gauge_caches(&self) {
        let (values, diffs) = self.caches.state_bytes();
        self.metrics.state_cache_bytes.set(values);
        self.metrics.feed_diff_bytes.set(diffs);
    }
}
