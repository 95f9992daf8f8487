//! Writes that came while their block runs: kept by job, index and incarnation, read by nobody
//! before they are sealed.

use crate::{
    error::StateError,
    sizes,
    writes::{Digested, StagedWrites},
};
use engine::ids::{AccessIndex, Incarnation, JobId};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// Where staged writes are found within a job.
pub(super) type StagedAt = (AccessIndex, Incarnation);

/// All staged writes, and who waits for more of them.
#[derive(Debug)]
pub(super) struct Staging {
    by_job: BTreeMap<JobId, JobStage>,
    /// What is missing of jobs whose seal waits for it.
    awaited: BTreeMap<JobId, BTreeSet<StagedAt>>,
    n_bytes: usize,
    staged_bytes_max: usize,
}

/// What is staged for one job.
#[derive(Debug, Default)]
pub(super) struct JobStage {
    writes: BTreeMap<StagedAt, Digested>,
    n_bytes: usize,
}

impl Staging {
    pub(super) const fn new(staged_bytes_max: usize) -> Self {
        Self { by_job: BTreeMap::new(), awaited: BTreeMap::new(), n_bytes: 0, staged_bytes_max }
    }

    /// Keeps writes. The same writes again change nothing. Tells whether the last ones came that
    /// the job's seal waits for.
    ///
    /// # Errors
    /// If other writes are there under an index and incarnation, or there is no room for all of
    /// them. Then none is kept.
    pub(super) fn put(&mut self, staged: StagedWrites) -> Result<bool, StateError> {
        let StagedWrites { job, writes } = staged;
        let mut added = JobStage::default();
        for (index, incarnation, writes) in writes {
            let at = (index, incarnation);
            match (self.get(&job, &at), added.writes.entry(at)) {
                (Some(present), _) if present.digest == writes.digest => {}
                (None, Entry::Vacant(entry)) => {
                    added.n_bytes += sizes::of_write_set(&writes.set);
                    entry.insert(writes);
                }
                (None, Entry::Occupied(entry)) if entry.get().digest == writes.digest => {}
                _ => return Err(StateError::StagedOtherwise { job, index, incarnation }),
            }
        }
        if self.n_bytes + added.n_bytes > self.staged_bytes_max {
            return Err(StateError::TooMuchStaged { staged_bytes_max: self.staged_bytes_max });
        }
        self.n_bytes += added.n_bytes;
        let came_last = self.cross_off(&job, added.writes.keys());
        let stage = self.by_job.entry(job).or_default();
        stage.n_bytes += added.n_bytes;
        stage.writes.extend(added.writes);
        Ok(came_last)
    }

    /// Crosses off what is awaited no longer; tells whether that was the last of the job's.
    fn cross_off<'a>(&mut self, job: &JobId, came: impl Iterator<Item = &'a StagedAt>) -> bool {
        let Some(missing) = self.awaited.get_mut(job) else { return false };
        for at in came {
            missing.remove(at);
        }
        let is_last = missing.is_empty();
        if is_last {
            self.awaited.remove(job);
        }
        is_last
    }

    /// Returns what is staged at a place.
    pub(super) fn get(&self, job: &JobId, at: &StagedAt) -> Option<&Digested> {
        self.by_job.get(job)?.writes.get(at)
    }

    /// Returns the jobs of which something is staged or awaited.
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.by_job.keys().chain(self.awaited.keys()).copied()
    }

    /// Takes note that a seal waits for writes, in place of what it waited for before.
    pub(super) fn wait_for(&mut self, job: JobId, missing: BTreeSet<StagedAt>) {
        self.awaited.insert(job, missing);
    }

    /// Takes note that no seal of the job waits for writes.
    pub(super) fn wait_no_more(&mut self, job: &JobId) {
        self.awaited.remove(job);
    }

    pub(super) fn is_awaited(&self, job: &JobId) -> bool {
        self.awaited.contains_key(job)
    }

    /// Counts the jobs, other than one, whose seals wait for writes.
    pub(super) fn n_awaited_beside(&self, job: &JobId) -> usize {
        self.awaited.len() - usize::from(self.is_awaited(job))
    }

    /// Takes away what is staged for a job.
    pub(super) fn take(&mut self, job: &JobId) -> Option<JobStage> {
        self.awaited.remove(job);
        let stage = self.by_job.remove(job)?;
        self.n_bytes -= stage.n_bytes;
        Some(stage)
    }
}
