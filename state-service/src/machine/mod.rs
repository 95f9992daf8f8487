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

mod decided;
mod load;
mod seal;
mod staging;
mod tree;

pub use load::{GenesisState, GenesisStep, GenesisTask, LoadTask};
pub use seal::{SealStep, SealTask, Sealed, Ticket};

use crate::{config::Limits, error::StateError, snapshot::Snapshot};
use decided::{Decided, DecidedJobs};
use engine::ids::{BootId, JobId, SnapshotId};
use load::Genesis;
use proto::state::{CommitRequest, Head, StageRequest};
use seal::Sealing;
use staging::Staging;
use std::{collections::BTreeMap, fmt, sync::Arc};
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
    tree: SnapshotTree,
    head: Option<Head>,
    /// Kept apart from its Snapshot, which goes with time.
    genesis: Genesis,
    /// Jobs whose seal is computed elsewhere.
    sealing: BTreeMap<JobId, Sealing>,
    staging: Staging,
    decided: DecidedJobs,
    /// Loads that are computed elsewhere.
    n_loading: usize,
    n_loaded: u64,
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
            tree: SnapshotTree::default(),
            head: None,
            genesis: Genesis::Absent,
            sealing: BTreeMap::new(),
            staging,
            decided,
            n_loading: 0,
            n_loaded: 0,
            n_tickets: 0,
            effects: Vec::new(),
        }
    }

    /// Returns the head; `None` while the shard is empty.
    pub const fn head(&self) -> Option<Head> {
        self.head
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
    pub fn stage(&mut self, request: StageRequest) -> Result<(), StateError> {
        let StageRequest { job, writes } = request;
        if self.decided.get(&job) == Some(Decided::Aborted) {
            return Err(StateError::JobAborted { job });
        }
        let is_sealed = self.tree.id(&SnapshotId::Job(job)).is_some();
        if is_sealed || self.sealing.contains_key(&job) || self.committed_as(&job).is_some() {
            return Err(StateError::JobDecided { job });
        }
        self.staging.put(job, writes)
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
        if self.head == Some(parent) {
            self.head = Some(head);
        }
        self.decided.put(job, Decided::Committed(head));
        let id = self.tree.id(&SnapshotId::Job(job)).ok_or(StateError::NotSealed { job })?;
        self.publish_committed(id, head);
        self.forget_old_blocks();
        Ok(())
    }

    /// Checks that a job can be committed, and returns the block that is its parent.
    fn check_commit(&self, request: &CommitRequest) -> Result<Head, StateError> {
        let CommitRequest { job, block_hash, block_number } = *request;
        let node = self.tree.named(&SnapshotId::Job(job)).ok_or(StateError::NotSealed { job })?;
        let Origin::Provisional { seal } = &node.origin else {
            return Err(StateError::NotSealed { job });
        };
        if self.tree.stands_on_loaded(node) {
            return Err(StateError::OnLoaded { job });
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
        let old = self.tree.committed_beyond(max, self.head, &in_use);
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
        let dropped = match self.tree.id(&SnapshotId::Job(job)) {
            Some(id) => self.tree.with_descendants(id),
            None => Vec::new(),
        };
        self.drop_nodes(&dropped);
        self.end(job);
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
            if let Origin::Provisional { seal } = &node.origin {
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
