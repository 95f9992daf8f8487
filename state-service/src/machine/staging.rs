//! Writes that came while their block runs: kept by job, index and incarnation, read by nobody.

use crate::{error::StateError, sizes};
use engine::{
    access::WriteSet,
    ids::{AccessIndex, Incarnation, JobId},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// All staged writes.
#[derive(Debug)]
pub(super) struct Staging {
    by_job: BTreeMap<JobId, JobStage>,
    n_bytes: usize,
    staged_bytes_max: usize,
}

/// What is staged for one job.
#[derive(Debug, Default)]
pub(super) struct JobStage {
    writes: BTreeMap<(AccessIndex, Incarnation), Arc<WriteSet>>,
    n_bytes: usize,
}

impl Staging {
    pub(super) const fn new(staged_bytes_max: usize) -> Self {
        Self { by_job: BTreeMap::new(), n_bytes: 0, staged_bytes_max }
    }

    /// Keeps writes. The same writes again change nothing.
    ///
    /// # Errors
    /// If other writes are there under an index and incarnation, or there is no room for all of
    /// them. Then none is kept.
    pub(super) fn put(
        &mut self,
        job: JobId,
        writes: Vec<(AccessIndex, Incarnation, Arc<WriteSet>)>,
    ) -> Result<(), StateError> {
        let mut added = JobStage::default();
        for (index, incarnation, set) in writes {
            let at = (index, incarnation);
            let present = self.by_job.get(&job).and_then(|stage| stage.writes.get(&at));
            match (present, added.writes.entry(at)) {
                (Some(present), _) if *present == set => {}
                (None, Entry::Vacant(entry)) => {
                    added.n_bytes += sizes::of_write_set(&set);
                    entry.insert(set);
                }
                (None, Entry::Occupied(entry)) if *entry.get() == set => {}
                _ => return Err(StateError::StagedOtherwise { job, index, incarnation }),
            }
        }
        if self.n_bytes + added.n_bytes > self.staged_bytes_max {
            return Err(StateError::TooMuchStaged { staged_bytes_max: self.staged_bytes_max });
        }
        self.n_bytes += added.n_bytes;
        let stage = self.by_job.entry(job).or_default();
        stage.n_bytes += added.n_bytes;
        stage.writes.extend(added.writes);
        Ok(())
    }

    /// Takes away what is staged for a job.
    pub(super) fn take(&mut self, job: &JobId) -> Option<JobStage> {
        let stage = self.by_job.remove(job)?;
        self.n_bytes -= stage.n_bytes;
        Some(stage)
    }
}
