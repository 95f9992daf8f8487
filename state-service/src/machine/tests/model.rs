//! The shard as simply as it can be said: full copies, lists, and codes instead of reasons.

use crate::{
    machine::Stages,
    tests::plain::{Plain, Writes},
};
use alloy_primitives::B256;
use engine::{
    access::WriteSet,
    digest,
    ids::{AccessIndex, Incarnation, JobId, SnapshotId},
};
use proto::{
    state::{CommitRequest, Head, SealPurpose, SealRequest, StageRequest},
    status::Code,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What became of a Snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Loaded,
    /// Its seal is computed elsewhere.
    Sealing,
    Provisional,
    Committed(Head),
    Gone,
}

/// One Snapshot that there was at some time.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) state: Plain,
    pub(super) parent: Option<usize>,
    pub(super) fate: Fate,
    pub(super) request: Option<SealRequest>,
    pub(super) is_whole: bool,
    /// Whether the feed speaks of it.
    pub(super) is_fed: bool,
}

/// What a seal has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Answer with the state of this copy.
    Answer(usize),
    Wait(JobId),
    /// Wait for writes.
    WaitForStages,
    /// Answer with these digests.
    Differ(Vec<(AccessIndex, Option<B256>)>),
    Compute,
    Refuse(Code),
}

/// What the feed has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Sealed(JobId, SnapshotId),
    Committed(JobId, B256),
    Dropped(JobId),
}

type At = (AccessIndex, Incarnation);
type Places = BTreeMap<At, Arc<WriteSet>>;
/// What is there of an order.
type Effective = Vec<(At, Option<Arc<WriteSet>>)>;

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) copies: Vec<Copy>,
    pub(super) names: BTreeMap<SnapshotId, usize>,
    pub(super) aborted: BTreeSet<JobId>,
    pub(super) committed: BTreeMap<JobId, Head>,
    pub(super) head: Option<Head>,
    pub(super) committed_max: usize,
    /// Copies in the order in which they could first be read.
    pub(super) taken_in: Vec<usize>,
    pub(super) staged: BTreeMap<JobId, Places>,
    /// What the seals that wait lack.
    pub(super) awaited: BTreeMap<JobId, BTreeSet<At>>,
    /// What the feed has to say since somebody looked.
    pub(super) told: Vec<Told>,
}

impl Model {
    /// Returns the copy that a name stands for, if it can be read.
    pub(super) fn readable(&self, name: &SnapshotId) -> Option<usize> {
        let at = *self.names.get(name)?;
        (!matches!(self.copies[at].fate, Fate::Gone | Fate::Sealing)).then_some(at)
    }

    pub(super) fn readable_names(&self) -> Vec<SnapshotId> {
        self.names.keys().copied().filter(|name| self.readable(name).is_some()).collect()
    }

    pub(super) fn add_root(&mut self, name: SnapshotId, state: Plain, fate: Fate) {
        let is_whole = fate != Fate::Loaded;
        self.names.insert(name, self.copies.len());
        self.taken_in.push(self.copies.len());
        let (parent, request) = (None, None);
        self.copies.push(Copy { state, parent, fate, request, is_whole, is_fed: is_whole });
    }

    /// Says what a seal has to do, and takes note of it if it has to be computed.
    pub(super) fn seal(&mut self, request: &SealRequest, stages: Stages) -> Expected {
        let job = request.job;
        if self.aborted.contains(&job) {
            return Expected::Refuse(Code::Cancelled);
        }
        if let Some(expected) = self.sealed_before(request) {
            return expected;
        }
        let Some(parent) = self.readable(&request.parent) else {
            return self.without_parent(&request.parent);
        };
        let found = self.effective(request);
        let missing = found.iter().filter(|(_, set)| set.is_none()).map(|(at, _)| *at);
        let missing: BTreeSet<_> = missing.collect();
        if !missing.is_empty() && stages == Stages::MayCome {
            self.awaited.insert(job, missing);
            return Expected::WaitForStages;
        }
        self.awaited.remove(&job);
        let digests =
            found.iter().map(|(at, set)| (at.0, set.as_deref().map(digest::of_write_set)));
        let digests: Vec<_> = digests.collect();
        let all = digests.iter().filter_map(|(index, digest)| Some((*index, (*digest)?)));
        if !missing.is_empty() || digest::of_writes(all) != request.digest {
            return Expected::Differ(digests);
        }
        let writes = found.into_iter().filter_map(|(at, set)| Some((at.0, set?)));
        self.begin(parent, request, &writes.collect());
        Expected::Compute
    }

    /// Compares with a copy of the request that was sealed, or is being sealed.
    fn sealed_before(&self, request: &SealRequest) -> Option<Expected> {
        let job = request.job;
        let at = *self.names.get(&SnapshotId::Job(job))?;
        let copy = &self.copies[at];
        if copy.fate == Fate::Gone {
            return Some(Expected::Refuse(Code::FailedPrecondition));
        }
        let before = copy.request.as_ref().expect("it was sealed");
        let parent = self.readable(&request.parent);
        let same_parent = parent.is_some_and(|parent| Some(parent) == copy.parent)
            || request.parent == before.parent;
        let facts = |request: &SealRequest| {
            (request.block_number, request.purpose, request.digest, request.order.clone())
        };
        Some(match (same_parent && facts(request) == facts(before), &copy.fate) {
            (false, _) => Expected::Refuse(Code::FailedPrecondition),
            (true, Fate::Sealing) => Expected::Wait(job),
            (true, _) => Expected::Answer(at),
        })
    }

    /// Returns what is there of an order, values before what was staged.
    fn effective(&self, request: &SealRequest) -> Effective {
        let staged = self.staged.get(&request.job);
        let find = |at: &At| {
            let value = request.values.iter().find(|(index, _)| *index == at.0);
            value.map(|(_, set)| set).or_else(|| staged?.get(at)).cloned()
        };
        request.order.iter().map(|at| (*at, find(at))).collect()
    }

    fn begin(&mut self, parent: usize, request: &SealRequest, writes: &Writes) {
        let below = &self.copies[parent];
        let copy = Copy {
            state: below.state.after(writes, request.touch_rule),
            parent: Some(parent),
            fate: Fate::Sealing,
            request: Some(request.clone()),
            is_whole: below.is_whole,
            is_fed: below.is_fed && request.purpose == SealPurpose::Commit,
        };
        self.names.insert(SnapshotId::Job(request.job), self.copies.len());
        self.copies.push(copy);
    }

    /// Takes writes in; tells whether a seal waited for the last of them.
    pub(super) fn stage(&mut self, request: &StageRequest) -> Result<bool, Code> {
        let job = request.job;
        if self.aborted.contains(&job) {
            return Err(Code::Cancelled);
        }
        if self.fate_of(&job).is_some() {
            return Err(Code::FailedPrecondition);
        }
        let mut places = self.staged.get(&job).cloned().unwrap_or_default();
        for (index, incarnation, set) in &request.writes {
            let at = (*index, *incarnation);
            if places.entry(at).or_insert_with(|| Arc::clone(set)) != set {
                return Err(Code::FailedPrecondition);
            }
        }
        self.staged.insert(job, places);
        let Some(missing) = self.awaited.get_mut(&job) else { return Ok(false) };
        for (index, incarnation, _) in &request.writes {
            missing.remove(&(*index, *incarnation));
        }
        let is_last = missing.is_empty();
        if is_last {
            self.awaited.remove(&job);
        }
        Ok(is_last)
    }

    fn without_parent(&self, parent: &SnapshotId) -> Expected {
        match parent {
            SnapshotId::Job(job) if self.aborted.contains(job) => Expected::Refuse(Code::Cancelled),
            SnapshotId::Job(job)
                if self.fate_of(job) == Some(&Fate::Sealing) || self.awaited.contains_key(job) =>
            {
                Expected::Wait(*job)
            }
            _ => Expected::Refuse(Code::NotFound),
        }
    }

    pub(super) fn fate_of(&self, job: &JobId) -> Option<&Fate> {
        Some(&self.copies[*self.names.get(&SnapshotId::Job(*job))?].fate)
    }

    /// Takes note of a computed seal; tells whether it still counts.
    pub(super) fn finish(&mut self, job: JobId, is_success: bool) -> bool {
        let at = self.names[&SnapshotId::Job(job)];
        if self.copies[at].fate != Fate::Sealing {
            return false;
        }
        if is_success {
            self.copies[at].fate = Fate::Provisional;
            self.taken_in.push(at);
            self.staged.remove(&job);
            let parent = self.copies[at].request.as_ref().expect("it was sealed").parent;
            self.told.extend(self.copies[at].is_fed.then_some(Told::Sealed(job, parent)));
        } else {
            self.names.remove(&SnapshotId::Job(job));
            self.copies[at].fate = Fate::Gone;
        }
        true
    }

    pub(super) fn commit(&mut self, request: &CommitRequest) -> Result<(), Code> {
        let CommitRequest { job, block_hash, block_number } = *request;
        let head = Head { block_hash, block_number };
        if let Some(present) = self.committed.get(&job) {
            return if *present == head { Ok(()) } else { Err(Code::FailedPrecondition) };
        }
        let Some(at) = self.readable(&SnapshotId::Job(job)) else { return Err(Code::NotFound) };
        let copy = &self.copies[at];
        let number = copy.request.as_ref().map(|request| request.block_number);
        if copy.request.as_ref().map(|request| request.purpose) == Some(SealPurpose::Verify) {
            return Err(Code::FailedPrecondition);
        }
        let parent = copy.parent.map(|parent| self.copies[parent].fate.clone());
        let Some(Fate::Committed(parent)) = parent else { return Err(Code::FailedPrecondition) };
        let name = SnapshotId::Block(block_hash);
        let same_block = self.readable(&name);
        if number != Some(block_number)
            || same_block.is_some_and(|other| self.copies[other].state.root() != copy.state.root())
        {
            return Err(Code::FailedPrecondition);
        }
        if same_block.is_none() {
            self.names.insert(name, at);
        }
        self.copies[at].fate = Fate::Committed(head);
        self.committed.insert(job, head);
        if self.head == Some(parent) {
            self.head = Some(head);
        }
        self.told.push(Told::Committed(job, block_hash));
        self.forget();
        Ok(())
    }

    /// Forgets the oldest blocks beyond the bound, but for the head and parents of undecided ones.
    fn forget(&mut self) {
        let is_committed = |copy: &Copy| matches!(copy.fate, Fate::Committed(_));
        let mut n_too_many = self.copies.iter().filter(|copy| is_committed(copy)).count();
        n_too_many = n_too_many.saturating_sub(self.committed_max);
        for at in self.taken_in.clone() {
            let Fate::Committed(head) = self.copies[at].fate else { continue };
            let is_parent = self.copies.iter().any(|copy| {
                copy.parent == Some(at) && matches!(copy.fate, Fate::Sealing | Fate::Provisional)
            });
            if n_too_many > 0 && !is_parent && self.head != Some(head) {
                self.copies[at].fate = Fate::Gone;
                n_too_many -= 1;
            }
        }
    }

    pub(super) fn abort(&mut self, job: JobId) -> Result<(), Code> {
        if self.committed.contains_key(&job) {
            return Err(Code::FailedPrecondition);
        }
        self.end(job);
        if let Some(at) = self.names.get(&SnapshotId::Job(job)).copied() {
            let copy = &self.copies[at];
            let is_told = copy.is_fed && copy.fate == Fate::Provisional;
            self.told.extend(is_told.then_some(Told::Dropped(job)));
            self.drop_with_all_above(at);
        }
        Ok(())
    }

    pub(super) fn drop_with_all_above(&mut self, at: usize) {
        self.copies[at].fate = Fate::Gone;
        if let Some(job) = self.copies[at].request.as_ref().map(|request| request.job) {
            self.end(job);
        }
        for above in 0..self.copies.len() {
            if self.copies[above].parent == Some(at) && self.copies[above].fate != Fate::Gone {
                self.drop_with_all_above(above);
            }
        }
    }

    fn end(&mut self, job: JobId) {
        self.aborted.insert(job);
        self.staged.remove(&job);
        self.awaited.remove(&job);
    }
}
