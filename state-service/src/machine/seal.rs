//! Sealing: a block's final writes become a provisional Snapshot on top of its parent.

use super::{Decided, Effect, Found, Machine, Node, NodeId, Origin, gather::Gathered};
use crate::{error::StateError, snapshot::Snapshot, writes::SealOrder};
use alloy_primitives::Bytes;
use engine::{
    access::WriteSet,
    account::TouchRule,
    fold::{StateDiff, try_fold},
    ids::{AccessIndex, JobId, SnapshotId},
    trie::{ChangePart, ChangedPart, HashPart, Missing},
};
use proto::state::{FeedMessage, SealRequest, SealResponse, SealedShard};
use std::{collections::btree_map::Entry, sync::Arc};

/// What to do about a seal.
#[derive(Debug)]
pub enum SealStep {
    /// It was done before, or cannot be done with what is here: this is the answer.
    Answer(SealResponse),
    /// Wait until this job is settled, then begin again: it is the parent, or a first copy of this
    /// request is under way.
    Wait(JobId),
    /// Wait a little until this job's missing writes are staged, then begin again.
    WaitForStages(JobId),
    /// Run this on a CPU thread and bring back what it returns.
    Compute(SealTask),
}

/// Whether writes that a seal lacks may still be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stages {
    /// They may: the seal waits for them.
    MayCome,
    /// They were waited for: the answer says what is missing.
    WaitedFor,
}

/// Names one handing out of a seal: a job that is aborted meanwhile has another, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The job.
    pub job: JobId,
    number: u64,
}

/// A seal that is computed elsewhere.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) ticket: Ticket,
    pub(super) parent: NodeId,
    pub(super) request: Arc<SealRequest>,
}

/// The heavy part of a seal.
#[derive(Debug)]
pub struct SealTask {
    ticket: Ticket,
    request: Arc<SealRequest>,
    writes: Vec<(AccessIndex, Arc<WriteSet>)>,
    parent: Arc<Snapshot>,
}

/// What a [`SealTask`] returns.
#[derive(Debug)]
pub struct Sealed {
    snapshot: Arc<Snapshot>,
    diff: Arc<StateDiff>,
    root_node: Option<Bytes>,
    index_root_nodes: Vec<(AccessIndex, Bytes)>,
}

impl SealTask {
    /// Returns what names this task when its answer is brought back.
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Folds the writes over the parent.
    ///
    /// # Errors
    /// If the parent was made of a witness that lacks a node: this says nothing of the block.
    pub fn fold(self) -> Result<FoldedTask, StateError> {
        let (parent, rule) = (&self.parent, self.request.touch_rule);
        let diff = try_fold(&self.writes, rule, |address| parent.account(address))?;
        Ok(FoldedTask { diff: Arc::new(diff), task: self })
    }
}

/// A [`SealTask`] whose change of state is known.
#[derive(Debug)]
pub struct FoldedTask {
    task: SealTask,
    diff: Arc<StateDiff>,
}

impl FoldedTask {
    /// Returns what of big storage tries can be changed at once before the rest. Storage of which
    /// fewer slots change is not divided.
    ///
    /// # Errors
    /// If the parent was made of a witness that lacks a node.
    pub fn change_parts(&self, changed_keys_min: usize) -> Result<Vec<ChangePart>, StateError> {
        Ok(self.task.parent.change_parts(&self.diff, changed_keys_min)?)
    }

    /// Makes the new Snapshot, of parts that were changed and of all that was not divided.
    ///
    /// # Errors
    /// If the parent was made of a witness that lacks a node.
    pub fn change(self, changed: Vec<ChangedPart>) -> Result<ChangedTask, StateError> {
        let Self { task, diff } = self;
        let snapshot = Arc::new(task.parent.after_changed(&diff, changed)?);
        Ok(ChangedTask { task, diff, snapshot })
    }
}

/// A [`SealTask`] whose new Snapshot is there, and has no root yet.
#[derive(Debug)]
pub struct ChangedTask {
    task: SealTask,
    diff: Arc<StateDiff>,
    snapshot: Arc<Snapshot>,
}

impl ChangedTask {
    /// Returns what can be hashed at once before the rest: first the first list, then the second.
    /// A trie with fewer changed keys is not divided.
    pub fn hash_parts(&self, changed_keys_min: usize) -> [Vec<HashPart>; 2] {
        self.snapshot.hash_parts(changed_keys_min)
    }

    /// Computes the root node, of what is not hashed yet.
    ///
    /// # Errors
    /// If a root between two indices needs a node that a witness lacks.
    pub fn root(self) -> Result<Sealed, StateError> {
        let Self { task: SealTask { request, writes, parent, .. }, diff, snapshot } = self;
        let by_index = request.roots_by_index;
        let by_index = by_index.then(|| roots_by_index(&writes, request.touch_rule, &parent));
        let index_root_nodes = by_index.transpose()?.unwrap_or_default();
        Ok(Sealed { root_node: snapshot.root_node(), snapshot, diff, index_root_nodes })
    }
}

/// Returns the root node after index 0, written or not, and after each later index that wrote;
/// nothing where there is no trie.
fn roots_by_index(
    writes: &[(AccessIndex, Arc<WriteSet>)],
    rule: TouchRule,
    parent: &Arc<Snapshot>,
) -> Result<Vec<(AccessIndex, Bytes)>, Missing> {
    let mut state = Arc::clone(parent);
    let mut roots = Vec::with_capacity(writes.len() + 1);
    if writes.first().is_none_or(|(index, _)| *index != AccessIndex::PRE_BLOCK) {
        roots.extend(state.root_node().map(|node| (AccessIndex::PRE_BLOCK, node)));
    }
    for one in writes {
        let diff = try_fold(std::slice::from_ref(one), rule, |address| state.account(address))?;
        state = Arc::new(state.after(&diff)?);
        roots.extend(state.root_node().map(|node| (one.0, node)));
    }
    Ok(roots)
}

impl Machine {
    /// Begins a seal, or finds that it was done.
    ///
    /// # Errors
    /// If the job was aborted or sealed otherwise, the parent is not there, or too many Snapshots
    /// are undecided.
    pub fn begin_seal(
        &mut self,
        order: &SealOrder,
        stages: Stages,
    ) -> Result<SealStep, StateError> {
        let request = &order.request;
        if let Some(step) = self.sealed_before(request)? {
            return Ok(step);
        }
        let unknown = StateError::UnknownSnapshot { snapshot: request.parent };
        let parent = match self.find(&request.parent)? {
            Found::Ready(parent) => parent,
            Found::Awaited(job) if self.is_being_sealed(&job) => return Ok(SealStep::Wait(job)),
            Found::Awaited(_) => return Err(unknown),
        };
        let max = self.limits.provisional_snapshots_max.get();
        if self.n_undecided_beside(&request.job) >= max {
            return Err(StateError::TooManyProvisional { max });
        }
        let writes = match self.gather(order, stages) {
            Gathered::All(writes) => writes,
            Gathered::Missing => return Ok(SealStep::WaitForStages(request.job)),
            Gathered::Differs(digests) => {
                return Ok(SealStep::Answer(SealResponse::Differs { boot: self.boot, digests }));
            }
        };
        self.n_tickets += 1;
        let ticket = Ticket { job: request.job, number: self.n_tickets };
        let parent_id = self.tree.id(&request.parent).ok_or(unknown)?;
        let sealing = Sealing { ticket, parent: parent_id, request: Arc::clone(request) };
        self.sealing.insert(request.job, sealing);
        let request = Arc::clone(request);
        Ok(SealStep::Compute(SealTask { ticket, request, writes, parent }))
    }

    /// Tells whether a job's seal is computed, or waits for writes.
    fn is_being_sealed(&self, job: &JobId) -> bool {
        self.sealing.contains_key(job) || self.staging.is_awaited(job)
    }

    /// Counts the Snapshots, other than one job's, that are sealed or about to be and undecided.
    fn n_undecided_beside(&self, job: &JobId) -> usize {
        let n_provisional = self.tree.count(|origin| matches!(origin, Origin::Provisional { .. }));
        n_provisional + self.sealing.len() + self.staging.n_awaited_beside(job)
    }

    /// Finds an earlier copy of a request, done or under way.
    fn sealed_before(&self, request: &SealRequest) -> Result<Option<SealStep>, StateError> {
        let job = request.job;
        if let Some(sealing) = self.sealing.get(&job) {
            self.same(request, &sealing.request, Some(sealing.parent))?;
            return Ok(Some(SealStep::Wait(job)));
        }
        let node = self.tree.named(&SnapshotId::Job(job));
        if let Some(node) = node
            && let Some(sealed) = node.origin.seal()
        {
            self.same(request, sealed, node.parent)?;
            let answer = SealResponse::Sealed(SealedShard {
                index_root_nodes: node.index_root_nodes.clone(),
                ..self.sealed_shard(node.root_node.clone())
            });
            return Ok(Some(SealStep::Answer(answer)));
        }
        match self.decided.get(&job) {
            Some(Decided::Aborted) => Err(StateError::JobAborted { job }),
            Some(Decided::Committed(_)) => Err(StateError::JobDecided { job }),
            None => Ok(None),
        }
    }

    /// Checks that two requests for one job say the same. The parent may have another name by now;
    /// the digest stands for the writes.
    fn same(
        &self,
        request: &SealRequest,
        sealed: &SealRequest,
        parent: Option<NodeId>,
    ) -> Result<(), StateError> {
        let same_parent =
            request.parent == sealed.parent || self.tree.id(&request.parent) == parent;
        let same = same_parent
            && request.block_number == sealed.block_number
            && request.touch_rule == sealed.touch_rule
            && request.purpose == sealed.purpose
            && request.order == sealed.order
            && request.digest == sealed.digest
            && request.roots_by_index == sealed.roots_by_index;
        if same { Ok(()) } else { Err(StateError::SealedOtherwise { job: request.job }) }
    }

    /// Takes a computed seal in: its Snapshot can be read from now on, and the feed has its diff.
    ///
    /// # Errors
    /// Those of whoever ran the task; then the job can be sealed again. `JobAborted` if the job was
    /// aborted meanwhile.
    pub fn finish_seal(
        &mut self,
        ticket: Ticket,
        sealed: Result<Sealed, StateError>,
    ) -> Result<SealedShard, StateError> {
        let job = ticket.job;
        let sealing = match self.sealing.entry(job) {
            Entry::Occupied(sealing) if sealing.get().ticket == ticket => sealing.remove(),
            Entry::Occupied(_) | Entry::Vacant(_) => {
                self.effects.push(Effect::Discard(Box::new(sealed)));
                return Err(StateError::JobAborted { job });
            }
        };
        let answer = sealed.map(|sealed| self.add_provisional(sealing, sealed));
        self.effects.push(Effect::Settle(job));
        answer
    }

    fn add_provisional(&mut self, sealing: Sealing, sealed: Sealed) -> SealedShard {
        let Sealing { parent, request, .. } = sealing;
        let Sealed { snapshot, diff, root_node, index_root_nodes } = sealed;
        let (job, named_parent) = (request.job, request.parent);
        let name = SnapshotId::Job(job);
        let is_fed = self.tree.is_to_be_committed(parent, request.purpose);
        let node = Node {
            parent: Some(parent),
            snapshot: Arc::clone(&snapshot),
            root_node: root_node.clone(),
            index_root_nodes: index_root_nodes.clone(),
            origin: Origin::Provisional { seal: request, is_fed },
        };
        self.tree.insert(name, node);
        self.effects.push(Effect::Publish(name, snapshot));
        self.effects.push(if is_fed {
            Effect::Feed(FeedMessage::Sealed { boot: self.boot, job, parent: named_parent, diff })
        } else {
            Effect::Discard(Box::new(diff))
        });
        self.discard_staged(&job);
        SealedShard { index_root_nodes, ..self.sealed_shard(root_node) }
    }

    pub(super) const fn sealed_shard(&self, root_node: Option<Bytes>) -> SealedShard {
        SealedShard { boot: self.boot, root_node, index_root_nodes: Vec::new() }
    }
}
