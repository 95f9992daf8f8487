//! How long the phases of a job took.

use crate::job::Phase;
use proto::coordinator::JobTimes;
use std::time::Duration;

/// Times of one job; told the time by its owner.
#[derive(Debug)]
pub(super) struct Stopwatch {
    submitted_at: Duration,
    times: JobTimes,
    phase: Phase,
    since: Duration,
}

impl Stopwatch {
    pub(super) fn new(submitted_at: Duration, now: Duration) -> Self {
        let times = JobTimes { queue: now.saturating_sub(submitted_at), ..JobTimes::default() };
        Self { submitted_at, times, phase: Phase::Planned, since: now }
    }

    /// The job is in a phase now, the same as before or another.
    pub(super) fn enter(&mut self, phase: Phase, now: Duration) {
        let passed = now.saturating_sub(self.since);
        match self.phase {
            Phase::Planned | Phase::Preparing => self.times.plan += passed,
            Phase::Running => self.times.execute += passed,
            // Receipts and seal are timed apart, because they overlap.
            Phase::Sealing | Phase::Committing | Phase::Ended => {}
        }
        self.phase = phase;
        self.since = now;
    }

    pub(super) fn finalised(&mut self, took: Duration) {
        self.times.finalise += took;
    }

    pub(super) fn sealed(&mut self, took: Duration) {
        self.times.seal += took;
    }

    pub(super) fn committed(&mut self, took: Duration) {
        self.times.commit += took;
    }

    pub(super) const fn times(&self, now: Duration) -> JobTimes {
        let wall = now.saturating_sub(self.submitted_at);
        JobTimes { wall, ..self.times }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_also_when_one_comes_twice() {
        let at = Duration::from_millis;
        let mut watch = Stopwatch::new(at(1), at(3));
        let phases = [
            (Phase::Preparing, 5),
            (Phase::Running, 10),
            (Phase::Sealing, 30),
            (Phase::Running, 31),
        ];
        for (phase, now) in phases {
            watch.enter(phase, at(now));
        }
        watch.enter(Phase::Ended, at(40));
        let times = watch.times(at(50));

        assert_eq!(times.queue, at(2));
        assert_eq!(times.plan, at(7));
        assert_eq!(times.execute, at(29));
        assert_eq!(times.wall, at(49));
    }
}
