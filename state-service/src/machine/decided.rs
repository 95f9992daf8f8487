//! Jobs that are decided, remembered for a while so that late messages are refused by name.

use engine::ids::JobId;
use proto::state::Head;
use std::collections::{BTreeMap, VecDeque};

/// How a job was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// It became this block.
    Committed(Head),
    /// It was dropped, alone or with a job below it.
    Aborted,
}

/// The newest decided jobs.
#[derive(Debug)]
pub(super) struct DecidedJobs {
    by_job: BTreeMap<JobId, Decided>,
    /// In the order of decision.
    order: VecDeque<JobId>,
    decided_jobs_max: usize,
}

impl DecidedJobs {
    pub(super) const fn new(decided_jobs_max: usize) -> Self {
        Self { by_job: BTreeMap::new(), order: VecDeque::new(), decided_jobs_max }
    }

    pub(super) fn get(&self, job: &JobId) -> Option<Decided> {
        self.by_job.get(job).copied()
    }

    pub(super) fn put(&mut self, job: JobId, decided: Decided) {
        if self.by_job.insert(job, decided).is_none() {
            self.order.push_back(job);
        }
        if self.order.len() > self.decided_jobs_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_job.remove(&oldest);
        }
    }
}
