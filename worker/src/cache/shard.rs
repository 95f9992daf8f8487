//! The cache of one shard: values of one committed block, its tag, and above it a chain of
//! provisional diffs. Fed by the shard's feed.
//!
//! Every message is a fact, whenever it comes: a diff says how a block's Snapshot follows from its
//! parent's, a confirmation which of them is committed. (A shard never seals a job again that was
//! aborted, so within one boot a job names one Snapshot.) So what is late, repeated or lost makes
//! the cache know less, never something that is not so.

use super::{
    base::{Base, Cached},
    chain::{Chain, Diffs, Provisional},
};
use crate::prefetch::KnownKey;
use alloy_primitives::B256;
use engine::ids::{BootId, JobId, SnapshotId};
use proto::state::FeedMessage;

/// Bounds of one shard's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of values.
    pub(crate) bytes_max: usize,
    /// Diffs in the chain.
    pub(crate) diffs_max: usize,
    /// Bytes of these diffs.
    pub(crate) diff_bytes_max: usize,
}

/// Why a cache had to forget everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// The feed began, or began anew.
    Start,
    /// Another block was confirmed than the chain's first.
    NotFirst,
    /// The chain grew beyond its bounds.
    TooLong,
    /// A message came from another boot of the shard.
    OtherBoot,
}

/// The committed block whose values are kept, under its names as far as the feed told them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    job: Option<JobId>,
    hash: B256,
}

impl Tag {
    fn is(&self, snapshot: &SnapshotId) -> bool {
        match snapshot {
            SnapshotId::Block(hash) => self.hash == *hash,
            SnapshotId::Job(job) => self.job == Some(*job),
            SnapshotId::Loaded(_) => false,
        }
    }
}

/// What is known of one shard's Snapshots.
#[derive(Debug)]
pub(crate) struct ShardCache {
    /// Whom the feed comes from; `None` while nothing of it is believed.
    boot: Option<BootId>,
    tag: Option<Tag>,
    base: Base,
    chain: Chain,
    /// Diffs that do not extend the chain. They answer nothing; one is taken when the chain comes
    /// to end at its parent: after a confirmation that was not the chain's first.
    aside: Diffs,
}

impl ShardCache {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let Bounds { bytes_max, diffs_max, diff_bytes_max } = bounds;
        Self {
            boot: None,
            tag: None,
            base: Base::new(bytes_max),
            chain: Chain::new(diffs_max, diff_bytes_max),
            aside: Diffs::new(diffs_max, diff_bytes_max),
        }
    }

    /// Takes a message of the feed in. Says if everything was forgotten for it.
    pub(crate) fn hear(&mut self, message: FeedMessage) -> Option<Emptied> {
        match message {
            // Also in the middle: a genesis was loaded, which is the tag from now on.
            FeedMessage::Start { boot, head } => {
                self.forget();
                self.boot = Some(boot);
                self.tag = head.map(|(job, hash)| Tag { job, hash });
                Some(Emptied::Start)
            }
            // Nothing is believed before the feed starts.
            _ if self.boot.is_none() => None,
            FeedMessage::Sealed { boot, .. } if self.boot != Some(boot) => {
                self.break_off();
                Some(Emptied::OtherBoot)
            }
            FeedMessage::Sealed { job, parent, diff, .. } => {
                self.sealed(Provisional::new(job, parent, diff))
            }
            FeedMessage::Committed { job, block_hash } => self.committed(job, block_hash),
            FeedMessage::Dropped { job } => self.dropped(job),
        }
    }

    /// The feed broke: nothing is known until it starts again.
    pub(crate) fn break_off(&mut self) {
        self.forget();
        self.boot = None;
    }

    /// Returns the boot of the shard that the values are from.
    pub(crate) const fn boot(&self) -> Option<BootId> {
        self.boot
    }

    /// Returns a value of a Snapshot, if it is known.
    pub(crate) fn get(&mut self, snapshot: &SnapshotId, key: &KnownKey) -> Option<Cached> {
        let depth = self.depth(snapshot)?;
        self.chain.value(depth, key).or_else(|| self.base.get(key))
    }

    /// Keeps values that the shard answered, if they are the tag's as well: its Snapshot is the
    /// tag or in the chain, and no diff up to it changed or wiped the key.
    pub(crate) fn fill(
        &mut self,
        snapshot: &SnapshotId,
        boot: BootId,
        values: impl Iterator<Item = (KnownKey, Cached)>,
    ) {
        let Some(depth) = self.depth(snapshot).filter(|_| self.boot == Some(boot)) else { return };
        for (key, value) in values {
            if self.chain.value(depth, &key).is_none() {
                self.base.put(key, value);
            }
        }
    }

    /// Returns the bytes of the values, and those of the diffs.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.base.bytes(), self.chain.diffs.bytes() + self.aside.bytes())
    }

    /// Returns how many diffs lie between the tag and a Snapshot; `None` if it is neither the tag
    /// nor in the chain.
    fn depth(&self, snapshot: &SnapshotId) -> Option<usize> {
        if self.tag?.is(snapshot) {
            return Some(0);
        }
        match snapshot {
            SnapshotId::Job(job) => Some(self.chain.diffs.position(*job)? + 1),
            // A block that is not decided has no other name yet.
            SnapshotId::Block(_) | SnapshotId::Loaded(_) => None,
        }
    }

    fn sealed(&mut self, diff: Provisional) -> Option<Emptied> {
        let job = diff.job;
        let is_tag = self.tag.is_some_and(|tag| tag.job == Some(job));
        if is_tag || self.chain.diffs.position(job).is_some() || self.aside.position(job).is_some()
        {
            return None;
        }
        self.aside.push(diff);
        self.extend();
        self.bound()
    }

    fn committed(&mut self, job: JobId, hash: B256) -> Option<Emptied> {
        let tag = Tag { job: Some(job), hash };
        if self.tag == Some(tag) {
            return None;
        }
        let emptied = match self.chain.take_first(job) {
            Some(first) if self.tag.is_some() => {
                self.base.apply(&first.diff);
                None
            }
            _ => {
                self.set_aside();
                self.base.clear();
                Some(Emptied::NotFirst)
            }
        };
        self.tag = Some(tag);
        if let Some(position) = self.aside.position(job) {
            self.aside.remove(position);
        }
        self.extend();
        self.bound().or(emptied)
    }

    fn dropped(&mut self, job: JobId) -> Option<Emptied> {
        if let Some(position) = self.chain.diffs.position(job) {
            self.chain.truncate(position);
        }
        let mut gone = vec![job];
        while let Some(job) = gone.pop() {
            if let Some(position) = self.aside.position(job) {
                self.aside.remove(position);
            }
            let parent = SnapshotId::Job(job);
            gone.extend(self.aside.iter().filter(|it| it.parent == parent).map(|it| it.job));
        }
        self.extend();
        self.bound()
    }

    /// Takes the diffs set aside that extend the chain.
    fn extend(&mut self) {
        while let Some(position) = self.next_aside() {
            if let Some(next) = self.aside.remove(position) {
                self.chain.push(next);
            }
        }
    }

    fn next_aside(&self) -> Option<usize> {
        let tag = self.tag?;
        let last = self.chain.diffs.iter().next_back();
        self.aside.iter().position(|diff| match last {
            Some(last) => diff.parent == SnapshotId::Job(last.job),
            None => tag.is(&diff.parent),
        })
    }

    /// Takes the chain apart; its diffs may extend another.
    fn set_aside(&mut self) {
        for diff in self.chain.diffs.iter() {
            self.aside.push(diff.clone());
        }
        self.chain.clear();
    }

    fn bound(&mut self) -> Option<Emptied> {
        while self.aside.is_over() {
            self.aside.remove(0);
        }
        if !self.chain.diffs.is_over() {
            return None;
        }
        self.forget();
        Some(Emptied::TooLong)
    }

    fn forget(&mut self) {
        self.tag = None;
        self.base.clear();
        self.chain.clear();
        self.aside.clear();
    }
}

#[cfg(test)]
mod tests;
