//! Jobs that are over, so that what comes late for them is known as late.

use engine::ids::JobId;
use std::collections::BTreeSet;

/// The last ended jobs by name, and all before them by order.
#[derive(Debug)]
pub(super) struct EndedJobs {
    jobs: BTreeSet<JobId>,
    len_max: usize,
    /// Jobs up to this one were forgotten by name: they count as ended.
    forgotten: Option<JobId>,
}

impl EndedJobs {
    pub(super) const fn new(len_max: usize) -> Self {
        Self { jobs: BTreeSet::new(), len_max, forgotten: None }
    }

    pub(super) fn insert(&mut self, job: JobId) {
        self.jobs.insert(job);
        while self.jobs.len() > self.len_max {
            self.forgotten = self.jobs.pop_first().max(self.forgotten);
        }
    }

    /// Tells whether a job is over. A job that is open must not be asked for: one that is older
    /// than what was forgotten counts as over.
    pub(super) fn contains(&self, job: &JobId) -> bool {
        self.forgotten.is_some_and(|forgotten| *job <= forgotten) || self.jobs.contains(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ids::Term;

    const fn job(sequence: u64) -> JobId {
        JobId { term: Term::new(1), sequence }
    }

    #[test]
    fn an_ended_job_stays_ended_when_its_name_is_forgotten() {
        let mut ended = EndedJobs::new(2);
        for sequence in [5, 3, 9, 7] {
            ended.insert(job(sequence));
        }

        let known: Vec<_> = (1..=10).filter(|sequence| ended.contains(&job(*sequence))).collect();

        assert_eq!(known, [1, 2, 3, 4, 5, 7, 9]);
        assert_eq!(ended.jobs.len(), 2);
    }
}
