//! Jobs as a worker knows them, from their first message to their end.

use super::{Effect, Machine, RunId};
use crate::error::WorkerError;
use engine::{
    access::WriteSet,
    execute::CancelFlag,
    ids::{AccessIndex, Attempt, JobId, SliceId},
    task::{JobFrame, OverlayEntry},
};
use std::{collections::BTreeMap, sync::Arc};

/// One open job.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// What the coordinator sent of its memory of the block so far. Slices that run share it as it
    /// was when they came.
    overlay: Arc<BTreeMap<AccessIndex, Arc<WriteSet>>>,
    /// The newest attempt of each slice, and its run while there is one.
    attempts: BTreeMap<SliceId, (Attempt, Option<RunId>)>,
    /// Raised when the job ends, for work that is no slice's.
    pub(super) ended: CancelFlag,
}

impl Job {
    pub(super) fn put_overlay(&mut self, entries: &[OverlayEntry]) {
        if entries.is_empty() {
            return;
        }
        let overlay = Arc::make_mut(&mut self.overlay);
        for OverlayEntry { index, writes } in entries {
            match writes {
                Some(writes) => overlay.insert(*index, Arc::clone(writes)),
                None => overlay.remove(index),
            };
        }
    }

    pub(super) fn overlay(&self) -> Arc<BTreeMap<AccessIndex, Arc<WriteSet>>> {
        Arc::clone(&self.overlay)
    }

    pub(super) fn newest_attempt(&self, slice: SliceId) -> Option<Attempt> {
        self.attempts.get(&slice).map(|(newest, _)| *newest)
    }

    pub(super) fn running_attempt(&self, slice: SliceId) -> Option<RunId> {
        self.attempts.get(&slice).and_then(|(_, run)| *run)
    }

    pub(super) fn start(&mut self, slice: SliceId, attempt: Attempt, run: RunId) {
        self.attempts.insert(slice, (attempt, Some(run)));
    }

    /// Notes that a run is over; the attempt stays known.
    pub(super) fn stop(&mut self, slice: SliceId, run: RunId) {
        if let Some((_, present)) = self.attempts.get_mut(&slice)
            && *present == Some(run)
        {
            *present = None;
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Machine {
    /// Makes a job known, unless it is over or there are too many.
    pub(super) fn open_job(&mut self, frame: &JobFrame) -> Result<(), WorkerError> {
        let job = frame.job;
        let jobs_max = self.config.limits.jobs_max.get();
        if self.is_gone {
            return Err(WorkerError::Gone);
        }
        if self.jobs.contains_key(&job) {
            return Ok(());
        }
        if self.ended.contains(&job) {
            return Err(WorkerError::JobEnded { job });
        }
        if self.jobs.len() >= jobs_max {
            return Err(WorkerError::TooManyJobs { jobs_max });
        }
        self.jobs.insert(job, Job::default());
        self.gauge();
        Ok(())
    }

    /// Cancels everything of a job and forgets it.
    pub(super) fn drop_job(&mut self, job: JobId, error: &WorkerError) -> Vec<Effect> {
        let runs: Vec<_> = self
            .running
            .iter()
            .filter(|(_, slice)| slice.job() == job)
            .map(|(run, _)| *run)
            .collect();
        let effects = runs.into_iter().flat_map(|run| self.cancel(run, error.clone())).collect();
        self.jobs.remove(&job);
        self.keys.retain(|(owner, _), _| *owner != job);
        self.gauge();
        effects
    }
}
