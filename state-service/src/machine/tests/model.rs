//! The shard as simply as it can be said: full copies, lists, and codes instead of reasons.

use crate::tests::plain::Plain;
use engine::ids::{JobId, SnapshotId};
use proto::{
    state::{CommitRequest, Head, SealRequest},
    status::Code,
};
use std::collections::{BTreeMap, BTreeSet};

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
}

/// What a seal has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Answer with the state of this copy.
    Answer(usize),
    Wait(JobId),
    Compute,
    Refuse(Code),
}

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
        self.copies.push(Copy { state, parent: None, fate, request: None, is_whole });
    }

    /// Says what a seal has to do, and takes note of it if it has to be computed.
    pub(super) fn seal(&mut self, request: &SealRequest) -> Expected {
        let job = request.job;
        if self.aborted.contains(&job) {
            return Expected::Refuse(Code::Cancelled);
        }
        if let Some(at) = self.names.get(&SnapshotId::Job(job)) {
            let copy = &self.copies[*at];
            if copy.fate == Fate::Gone {
                return Expected::Refuse(Code::FailedPrecondition);
            }
            let before = copy.request.as_ref().expect("it was sealed");
            let parent = self.readable(&request.parent);
            let same = (parent.is_some_and(|parent| Some(parent) == copy.parent)
                || request.parent == before.parent)
                && (request.block_number, &request.writes) == (before.block_number, &before.writes);
            return match (same, &copy.fate) {
                (false, _) => Expected::Refuse(Code::FailedPrecondition),
                (true, Fate::Sealing) => Expected::Wait(job),
                (true, _) => Expected::Answer(*at),
            };
        }
        let Some(parent) = self.readable(&request.parent) else {
            return self.without_parent(&request.parent);
        };
        let copy = &self.copies[parent];
        let copy = Copy {
            state: copy.state.after(&request.writes, request.touch_rule),
            parent: Some(parent),
            fate: Fate::Sealing,
            request: Some(request.clone()),
            is_whole: copy.is_whole,
        };
        self.names.insert(SnapshotId::Job(job), self.copies.len());
        self.copies.push(copy);
        Expected::Compute
    }

    fn without_parent(&self, parent: &SnapshotId) -> Expected {
        match parent {
            SnapshotId::Job(job) if self.aborted.contains(job) => Expected::Refuse(Code::Cancelled),
            SnapshotId::Job(job) if self.fate_of(job) == Some(&Fate::Sealing) => {
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
        self.aborted.insert(job);
        if let Some(at) = self.names.get(&SnapshotId::Job(job)) {
            self.drop_with_all_above(*at);
        }
        Ok(())
    }

    pub(super) fn drop_with_all_above(&mut self, at: usize) {
        self.copies[at].fate = Fate::Gone;
        if let Some(request) = &self.copies[at].request {
            self.aborted.insert(request.job);
        }
        for above in 0..self.copies.len() {
            if self.copies[above].parent == Some(at) && self.copies[above].fate != Fate::Gone {
                self.drop_with_all_above(above);
            }
        }
    }
}
