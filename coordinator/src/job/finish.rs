//! Every way in which a job ends.

use super::{
    Assembled, BuiltBody, Effect, Job, JobReport, Stage,
    building::close_gaps,
    candidates::{Candidate, Ending},
    sealing,
};
use engine::{access::WriteSet, ids::AccessIndex};
use proto::{coordinator::JobEnd, status::Status};
use std::sync::Arc;

/// What a job that came to the end of its block produced.
struct Produced {
    assembled: Assembled,
    writes: Vec<(AccessIndex, Arc<WriteSet>)>,
    built: Option<BuiltBody>,
}

impl Job {
    /// The last verdict counts.
    pub(super) fn conclude(&mut self) {
        let Some(candidate) = self.candidates.last() else { return };
        if !candidate.matches() {
            self.abort();
            self.finish_as_decided();
        } else if self.setup.commits {
            self.stage = Stage::Committing;
            self.counting.sent_to_shards();
            self.effects.push(Effect::Commit);
        } else {
            self.finish_as_decided();
        }
    }

    pub(super) fn committed(&mut self) {
        if self.stage == Stage::Committing {
            self.finish_as_decided();
        } else {
            self.counting.n_late += 1;
        }
    }

    fn finish_as_decided(&mut self) {
        let Some(candidate) = self.candidates.pop() else { return };
        let matches = candidate.matches();
        let Candidate { ending, outcomes, .. } = candidate;
        match ending {
            Ending::Compared { assembled, .. } => {
                let end = match (matches, self.setup.commits) {
                    (true, true) => JobEnd::Committed,
                    (true, false) if self.setup.goal.is_build() => JobEnd::Built,
                    (true, false) => JobEnd::Verified,
                    (false, _) => JobEnd::Different,
                };
                let built = self.built_body(&outcomes);
                let writes = close_gaps(sealing::parts(&outcomes).writes);
                self.finish(end, Some(Produced { assembled: *assembled, writes, built }));
            }
            Ending::Invalid { index, reason } => {
                let n_transactions = self.setup.transactions.len();
                let transaction = index.and_then(|index| index.transaction_offset());
                let transaction = transaction.filter(|offset| *offset < n_transactions);
                self.finish(JobEnd::Invalid { transaction, reason }, None);
            }
            Ending::Executed => self.fail("the block was never compared".to_owned()),
        }
    }

    pub(super) fn state_failed(&mut self, status: &Status) {
        match self.stage {
            // Whether it was committed is not known; asking again by name tells.
            Stage::Committing => {
                let reason = format!("the commit was not acknowledged: {status}");
                self.finish(JobEnd::Failed { reason }, None);
            }
            _ => self.fail(format!("the state service did not answer: {status}")),
        }
    }

    pub(super) fn deadline(&mut self) {
        let waits_for = match self.stage {
            Stage::Preparing | Stage::Running if self.crew.n_present() == 0 => "there is no worker",
            Stage::Planned => "it has not begun",
            Stage::Preparing => "senders are being recovered",
            Stage::Running => "slices run",
            Stage::Aborting | Stage::Sealing => "the state service seals",
            Stage::Blaming => "a sender is being recovered",
            Stage::Committing => "the state service commits",
            Stage::Ended => "it has ended",
        };
        let reason = format!("the deadline passed while {waits_for}");
        if self.stage == Stage::Committing {
            self.finish(JobEnd::Failed { reason }, None);
        } else {
            self.fail(reason);
        }
    }

    /// Ends the job by name, with nothing left behind.
    pub(super) fn fail(&mut self, reason: String) {
        if self.stage == Stage::Ended {
            return;
        }
        self.cancel_all();
        self.abort();
        self.finish(JobEnd::Failed { reason }, None);
    }

    /// Ends this run of the job; another begins from nothing.
    pub(super) fn start_again(&mut self, reason: String) {
        self.cancel_all();
        self.abort();
        self.stage = Stage::Ended;
        self.end_job();
        self.effects.push(Effect::StartAgain { reason });
    }

    fn abort(&mut self) {
        self.counting.sent_to_shards();
        self.effects.push(Effect::Abort);
    }

    fn end_job(&mut self) {
        let workers = self.counting.touched();
        self.counting.ended_at(workers.len());
        self.effects.push(Effect::EndJob { workers });
    }

    fn finish(&mut self, end: JobEnd, produced: Option<Produced>) {
        self.stage = Stage::Ended;
        self.end_job();
        self.summary.workers_used = self.counting.n_workers_used();
        let (mut receipts, mut writes, mut results, mut built) = Default::default();
        if let Some(produced) = produced {
            (receipts, results) = (produced.assembled.receipts, Some(produced.assembled.results));
            (writes, built) = (produced.writes, produced.built);
        }
        let report = JobReport {
            end,
            results,
            receipts,
            writes,
            built,
            plan: self.summary,
            counts: self.counting.finish(self.setup.transactions.len() + 2),
        };
        self.effects.push(Effect::Finish(Box::new(report)));
    }
}
