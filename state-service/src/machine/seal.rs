//! Sealing: a block's final writes become a provisional Snapshot on top of its parent.

use super::{Decided, Effect, Found, Machine, Node, NodeId, Origin};
use crate::{error::StateError, snapshot::Snapshot};
use alloy_primitives::Bytes;
use engine::{
    access::WriteSet,
    fold::fold,
    ids::{AccessIndex, JobId, SnapshotId},
};
use proto::state::{SealRequest, SealResponse};
use std::{collections::btree_map::Entry, sync::Arc};
use tracing::info_span;

/// What to do about a seal.
#[derive(Debug)]
pub enum SealStep {
    /// It was done before: this is the answer.
    Answer(SealResponse),
    /// Wait until this job is settled, then begin again: it is the parent, or a first copy of this
    /// request is under way.
    Wait(JobId),
    /// Run this on a CPU thread and bring back what it returns.
    Compute(SealTask),
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
    parent: Arc<Snapshot>,
}

/// What a [`SealTask`] returns.
#[derive(Debug)]
pub struct Sealed {
    snapshot: Arc<Snapshot>,
    root_node: Option<Bytes>,
}

impl SealTask {
    /// Returns what names this task when its answer is brought back.
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Folds the writes over the parent and computes the new root node.
    pub fn run(self) -> Sealed {
        let Self { ticket: _, request, parent } = self;
        let SealRequest { job, touch_rule, writes, .. } = &*request;
        let snapshot = info_span!("fold", %job).in_scope(|| {
            let diff = fold(writes, *touch_rule, |address| parent.account(address));
            Arc::new(parent.after(&diff))
        });
        let root_node = info_span!("root", %job).in_scope(|| snapshot.root_node());
        Sealed { snapshot, root_node }
    }
}

impl Machine {
    /// Begins a seal, or finds that it was done.
    ///
    /// # Errors
    /// If the job was aborted or sealed otherwise, the parent is not there, the writes are out of
    /// order, or too many Snapshots are undecided.
    pub fn begin_seal(&mut self, request: &Arc<SealRequest>) -> Result<SealStep, StateError> {
        if let Some(step) = self.sealed_before(request)? {
            return Ok(step);
        }
        let parent = match self.find(&request.parent)? {
            Found::Ready(parent) => parent,
            Found::Awaited(job) if self.sealing.contains_key(&job) => {
                return Ok(SealStep::Wait(job));
            }
            Found::Awaited(_) => {
                return Err(StateError::UnknownSnapshot { snapshot: request.parent });
            }
        };
        in_order(request.job, &request.writes)?;
        let max = self.limits.provisional_snapshots_max.get();
        let n_provisional = self.tree.count(|origin| matches!(origin, Origin::Provisional { .. }));
        if n_provisional + self.sealing.len() >= max {
            return Err(StateError::TooManyProvisional { max });
        }
        self.n_tickets += 1;
        let ticket = Ticket { job: request.job, number: self.n_tickets };
        let parent_id = self
            .tree
            .id(&request.parent)
            .ok_or(StateError::UnknownSnapshot { snapshot: request.parent })?;
        let sealing = Sealing { ticket, parent: parent_id, request: Arc::clone(request) };
        self.sealing.insert(request.job, sealing);
        Ok(SealStep::Compute(SealTask { ticket, request: Arc::clone(request), parent }))
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
            return Ok(Some(SealStep::Answer(self.seal_response(node.root_node.clone()))));
        }
        match self.decided.get(&job) {
            Some(Decided::Aborted) => Err(StateError::JobAborted { job }),
            Some(Decided::Committed(_)) => Err(StateError::JobDecided { job }),
            None => Ok(None),
        }
    }

    /// Checks that two requests for one job say the same. The parent may have another name by now.
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
            && request.writes == sealed.writes;
        if same { Ok(()) } else { Err(StateError::SealedOtherwise { job: request.job }) }
    }

    /// Takes a computed seal in: its Snapshot can be read from now on.
    ///
    /// # Errors
    /// Those of whoever ran the task; then the job can be sealed again. `JobAborted` if the job was
    /// aborted meanwhile.
    pub fn finish_seal(
        &mut self,
        ticket: Ticket,
        sealed: Result<Sealed, StateError>,
    ) -> Result<SealResponse, StateError> {
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

    fn add_provisional(&mut self, sealing: Sealing, sealed: Sealed) -> SealResponse {
        let Sealing { parent, request, .. } = sealing;
        let Sealed { snapshot, root_node } = sealed;
        let job = request.job;
        let name = SnapshotId::Job(job);
        let node = Node {
            parent: Some(parent),
            snapshot: Arc::clone(&snapshot),
            root_node: root_node.clone(),
            origin: Origin::Provisional { seal: request },
        };
        self.tree.insert(name, node);
        self.effects.push(Effect::Publish(name, snapshot));
        self.discard_staged(&job);
        self.seal_response(root_node)
    }

    pub(super) const fn seal_response(&self, root_node: Option<Bytes>) -> SealResponse {
        SealResponse { boot: self.boot, root_node }
    }
}

/// Checks that each index comes after the one before it.
fn in_order(job: JobId, writes: &[(AccessIndex, Arc<WriteSet>)]) -> Result<(), StateError> {
    match writes.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        Some(pair) => Err(StateError::WritesOutOfOrder { job, index: pair[1].0 }),
        None => Ok(()),
    }
}
