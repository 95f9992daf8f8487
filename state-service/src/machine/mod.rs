//! What a state shard decides: Snapshots, their names and parents, staging, seals, the head.
//!
//! Pure and synchronous. A call changes the machine in one step or refuses; what has to happen
//! outside is left as [`Effect`]s, which the caller takes after each call. Heavy work is handed out
//! as a task, run elsewhere, and brought back with its ticket; the machine may have moved on by
//! then.
//!
//! ```text
//! job:  unknown ──begin_seal──▶ sealing ──finish_seal──▶ provisional ──commit──▶ committed
//!          └──────────── abort ────┴───────── abort ──────────┘
//! ```

mod configure;
mod decided;
mod gather;
mod head;
mod load;
mod seal;
mod staging;
mod tree;

pub use load::{GenesisState, GenesisStep, GenesisTask, LoadTask};
pub use seal::{ChangedTask, FoldedTask, SealStep, SealTask, Sealed, Stages, Ticket};

use crate::{
    config::Limits, error::StateError, place::Place, snapshot::Snapshot, writes::StagedWrites,
};
use decided::{Decided, DecidedJobs};
use engine::ids::{BootId, JobId, SnapshotId};
use load::Genesis;
use proto::state::{CommitRequest, ConfigureRequest, FeedMessage, Head, SealPurpose};
use seal::Sealing;
use staging::Staging;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};
use tree::{Node, NodeId, Origin, SnapshotTree};

/// What has to happen outside after a call.
#[derive(Debug)]
pub enum Effect {
    /// Reads find this Snapshot under this name from now on.
    Publish(SnapshotId, Arc<Snapshot>),
    /// Reads find nothing under this name from now on.
    Withdraw(SnapshotId),
    /// The job was sealed, or will not be: whoever waits for it asks again.
    Settle(JobId),
    /// The last writes came that the job's seal waits for: it begins again.
    Staged(JobId),
    /// Every subscriber is told this.
    Feed(FeedMessage),
    /// The shard has a place from now on.
    Place(Place),
    /// Nobody needs this any more. It may take long to free.
    Discard(Box<dyn fmt::Debug + Send>),
}

/// What a read of a name finds.
#[derive(Debug)]
pub enum Found {
    /// This Snapshot.
    Ready(Arc<Snapshot>),
    /// Nothing yet: the job may still be sealed.
    Awaited(JobId),
}

/// A state shard, without time, threads and messages.
#[derive(Debug)]
pub struct Machine {
    boot: BootId,
    limits: Limits,
    /// What gave the shard its place; `None` while it is the only one.
    configured: Option<ConfigureRequest>,
    tree: SnapshotTree,
    /// The head, and the job that became it; the genesis has none.
    head: Option<(Option<JobId>, Head)>,
    /// Kept apart from its Snapshot, which goes with time.
    genesis: Genesis,
    /// Jobs whose seal is computed elsewhere.
    sealing: BTreeMap<JobId, Sealing>,
    staging: Staging,
    decided: DecidedJobs,
    /// Numbers of loads that are computed elsewhere.
    loading: BTreeSet<u64>,
    n_tickets: u64,
    effects: Vec<Effect>,
}

impl Machine {
    /// Makes an empty shard.
    pub fn new(boot: BootId, limits: Limits) -> Self {
        let staging = Staging::new(limits.staged_bytes_max.get());
        let decided = DecidedJobs::new(limits.decided_jobs_max.get());
        Self {
            boot,
            limits,
            configured: None,
            tree: SnapshotTree::default(),
            head: None,
            genesis: Genesis::Absent,
            sealing: BTreeMap::new(),
            staging,
            decided,
            loading: BTreeSet::new(),
            n_tickets: 0,
            effects: Vec::new(),
        }
    }

    /// Returns the head; `None` while the shard is empty.
    pub fn head(&self) -> Option<Head> {
        self.head.map(|(_, head)| head)
    }

    /// Returns the message with which a feed begins now: the first of a new one, or the first that
    /// counts of one that listened to an empty shard.
    pub fn feed_start(&self) -> FeedMessage {
        let head = self.head.map(|(job, head)| (job, head.block_hash));
        FeedMessage::Start { boot: self.boot, head }
    }

    /// Takes what has to happen outside, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Looks a Snapshot up.
    ///
    /// # Errors
    /// If there is none, and none will be.
    pub fn find(&self, snapshot: &SnapshotId) -> Result<Found, StateError> {
        if let Some(node) = self.tree.named(snapshot) {
            return Ok(Found::Ready(Arc::clone(&node.snapshot)));
        }
        let SnapshotId::Job(job) = *snapshot else {
            return Err(StateError::UnknownSnapshot { snapshot: *snapshot });
        };
        match self.decided.get(&job) {
            None => Ok(Found::Awaited(job)),
            Some(Decided::Aborted) => Err(StateError::JobAborted { job }),
            Some(Decided::Committed(_)) => Err(StateError::UnknownSnapshot { snapshot: *snapshot }),
        }
    }

    /// Keeps writes until their job is sealed or aborted; write-once.
    ///
    /// # Errors
    /// If the job is decided or being sealed, other writes are there, or there is no room. Then
    /// nothing of the request is kept.
    pub fn stage(&mut self, staged: StagedWrites) -> Result<(), StateError> {
        let job = staged.job;
        if self.decided.get(&job) == Some(Decided::Aborted) {
            return Err(StateError::JobAborted { job });
        }
        let is_sealed = self.tree.id(&SnapshotId::Job(job)).is_some();
        if is_sealed || self.sealing.contains_key(&job) || self.committed_as(&job).is_some() {
            return Err(StateError::JobDecided { job });
        }
        if self.staging.put(staged)? {
            self.effects.push(Effect::Staged(job));
        }
        Ok(())
    }

    /// Names a sealed Snapshot by its block's hash, and moves the head if its parent is the head.
    /// Its job's name stays.
    ///
    /// # Errors
    /// If the job is not sealed, its parent is not committed, or it was committed otherwise.
    pub fn commit(&mut self, request: CommitRequest) -> Result<(), StateError> {
        let CommitRequest { job, block_hash, block_number } = request;
        let head = Head { block_hash, block_number };
        if let Some(present) = self.committed_as(&job) {
            let hash = present.block_hash;
            let same = present == head;
            return if same { Ok(()) } else { Err(StateError::CommittedOtherwise { job, hash }) };
        }
        let parent = self.check_commit(&request)?;
        let id = self.tree.id(&SnapshotId::Job(job)).ok_or(StateError::NotSealed { job })?;
        if self.head() == Some(parent) {
            self.head = Some((Some(job), head));
        }
        self.decided.put(job, Decided::Committed(head));
        self.publish_committed(id, head);
        self.effects.push(Effect::Feed(FeedMessage::Committed { job, block_hash }));
        self.forget_old_blocks();
        Ok(())
    }

    /// Checks that a job can be committed, and returns the block that is its parent.
    fn check_commit(&self, request: &CommitRequest) -> Result<Head, StateError> {
        let CommitRequest { job, block_hash, block_number } = *request;
        let node = self.tree.named(&SnapshotId::Job(job)).ok_or(StateError::NotSealed { job })?;
        let Origin::Provisional { seal, .. } = &node.origin else {
            return Err(StateError::NotSealed { job });
        };
        if self.tree.stands_on_loaded(node) {
            return Err(StateError::OnLoaded { job });
        }
        if seal.purpose == SealPurpose::Verify {
            return Err(StateError::OnlyVerified { job });
        }
        if seal.block_number != block_number {
            let sealed = seal.block_number;
            return Err(StateError::OtherNumber { job, sealed, given: block_number });
        }
        let parent = node
            .parent
            .and_then(|parent| self.tree.node(parent)?.origin.committed())
            .ok_or(StateError::ParentUndecided { job, parent: seal.parent })?;
        match self.tree.named(&SnapshotId::Block(block_hash)) {
            Some(present) if present.root_node != node.root_node => {
                Err(StateError::OtherState { hash: block_hash, job })
            }
            _ => Ok(parent),
        }
    }

    fn publish_committed(&mut self, id: NodeId, head: Head) {
        let name = SnapshotId::Block(head.block_hash);
        if let Some(snapshot) = self.tree.commit(id, head) {
            self.effects.push(Effect::Publish(name, snapshot));
        }
    }

    /// Drops committed Snapshots beyond the bound, the oldest first.
    fn forget_old_blocks(&mut self) {
        let max = self.limits.committed_snapshots_max.get();
        let in_use: Vec<NodeId> = self.sealing.values().map(|sealing| sealing.parent).collect();
        let old = self.tree.committed_beyond(max, self.head(), &in_use);
        self.drop_nodes(&old);
    }

    /// Drops a sealed, undecided job with all above it, or makes sure that a job never is sealed.
    ///
    /// # Errors
    /// If the job was committed.
    pub fn abort(&mut self, job: JobId) -> Result<(), StateError> {
        if let Some(head) = self.committed_as(&job) {
            return Err(StateError::Committed { job, hash: head.block_hash });
        }
        let id = self.tree.id(&SnapshotId::Job(job));
        let is_fed = id.is_some_and(|id| self.tree.is_to_be_committed(id, SealPurpose::Commit));
        let dropped = id.map_or_else(Vec::new, |id| self.tree.with_descendants(id));
        self.drop_nodes(&dropped);
        self.end(job);
        if is_fed {
            self.effects.push(Effect::Feed(FeedMessage::Dropped { job }));
        }
        Ok(())
    }

    /// Drops a loaded Snapshot with all above it.
    ///
    /// # Errors
    /// If there is none of that name, or it was not loaded.
    pub fn drop_snapshot(&mut self, snapshot: SnapshotId) -> Result<(), StateError> {
        if !matches!(snapshot, SnapshotId::Loaded(_)) {
            return Err(StateError::NotLoaded { snapshot });
        }
        let id = self.tree.id(&snapshot).ok_or(StateError::UnknownSnapshot { snapshot })?;
        let dropped = self.tree.with_descendants(id);
        self.drop_nodes(&dropped);
        Ok(())
    }

    /// Drops nodes, ends the provisional jobs among them and seals that were to stand on them.
    fn drop_nodes(&mut self, ids: &[NodeId]) {
        for id in ids {
            let Some((node, names)) = self.tree.remove(*id) else { continue };
            self.effects.extend(names.into_iter().map(Effect::Withdraw));
            if let Origin::Provisional { seal, .. } = &node.origin {
                self.end(seal.job);
            }
            self.effects.push(Effect::Discard(Box::new(node)));
        }
        let orphans = self.sealing.iter().filter(|(_, sealing)| ids.contains(&sealing.parent));
        for job in orphans.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.end(job);
        }
    }

    /// Remembers a job as aborted, and forgets all else about it.
    fn end(&mut self, job: JobId) {
        self.sealing.remove(&job);
        self.discard_staged(&job);
        self.decided.put(job, Decided::Aborted);
        self.effects.push(Effect::Settle(job));
    }

    fn discard_staged(&mut self, job: &JobId) {
        if let Some(staged) = self.staging.take(job) {
            self.effects.push(Effect::Discard(Box::new(staged)));
        }
    }

    /// Returns the block that a job became, as far back as that is known.
    fn committed_as(&self, job: &JobId) -> Option<Head> {
        if let Some(Decided::Committed(head)) = self.decided.get(job) {
            return Some(head);
        }
        self.tree.named(&SnapshotId::Job(*job))?.origin.committed()
    }
}

#[cfg(test)]
mod tests;
