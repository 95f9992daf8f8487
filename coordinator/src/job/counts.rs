//! Counts of a job, and the bound on its messages (contract.md).

use engine::{
    ids::WorkerId,
    outcome::{SliceOutcome, Verdict},
    task::SliceKind,
};
use proto::coordinator::JobCounts;
use std::collections::BTreeSet;

/// Messages of Prepare for each worker: the call and its answer.
const PREPARE_MESSAGES: u64 = 2;
/// Messages of a dispatch: the call and its answer.
const DISPATCH_MESSAGES: u64 = 2;
/// Messages of the feed for each worker and shard; the end of a job counts among them.
const FEED_MESSAGES: u64 = 2;
/// Messages for each shard: the coordinator's read, seal, commit.
const SHARD_MESSAGES: u64 = 3;
/// Messages for each shard that a confirmation may cost: drop the seal, seal again.
const RESEAL_MESSAGES: u64 = 2;
/// State shards of a cluster.
const N_SHARDS: u64 = 1;

/// Counts as they grow.
#[derive(Debug, Default)]
pub(super) struct Counting {
    counts: JobCounts,
    /// Workers that the job had when it began, or that joined.
    pub(super) workers: BTreeSet<WorkerId>,
    /// Workers that know of the job.
    touched: BTreeSet<WorkerId>,
    /// Workers that were given slices of the first run.
    used: BTreeSet<WorkerId>,
    /// Dispatches that the rounds so far allow.
    n_dispatches_allowed: u64,
    n_outcomes: u64,
    n_reads: u64,
    n_confirmations: u64,
    /// Outcomes and answers that came late and were refused.
    pub(super) n_late: u64,
}

impl Counting {
    pub(super) const fn counts(&mut self) -> &mut JobCounts {
        &mut self.counts
    }

    pub(super) const fn prepared(&mut self, cpu_us: u64) {
        self.counts.messages_coordinator_worker += 1;
        self.counts.workers_cpu_us += cpu_us;
    }

    /// A round of so many slices is dispatched.
    pub(super) fn round(&mut self, n_slices: usize) {
        let n_workers = self.workers.len() as u64;
        self.n_dispatches_allowed += n_workers.max(n_slices as u64);
    }

    /// An attempt is lost: one more dispatch is allowed.
    pub(super) const fn lost(&mut self) {
        self.counts.attempts_lost += 1;
        self.n_dispatches_allowed += 1;
    }

    /// A worker is sent something that has to do with the job.
    pub(super) fn sent_to(&mut self, worker: WorkerId) {
        self.counts.messages_coordinator_worker += 1;
        self.touched.insert(worker);
    }

    /// A worker is sent a slice.
    pub(super) fn dispatched(&mut self, worker: WorkerId, kind: SliceKind) {
        self.sent_to(worker);
        if kind != SliceKind::Confirmation {
            self.used.insert(worker);
        }
    }

    /// The coordinator reads the Snapshot itself: the first time is in the bound of each shard.
    pub(super) const fn read_by_coordinator(&mut self) {
        self.sent_to_state();
        self.n_reads += 1;
    }

    /// The block is run again: one dispatch more, and the seal may be dropped and made again.
    pub(super) const fn confirmation(&mut self) {
        self.n_confirmations += 1;
    }

    /// Returns the workers that know of the job.
    pub(super) fn touched(&self) -> Vec<WorkerId> {
        self.touched.iter().copied().collect()
    }

    /// Returns how many workers were given slices.
    pub(super) fn n_workers_used(&self) -> u32 {
        u32::try_from(self.used.len()).unwrap_or(u32::MAX)
    }

    pub(super) const fn sent_to_state(&mut self) {
        self.counts.messages_coordinator_state += 1;
    }

    pub(super) fn answered(&mut self, outcome: &SliceOutcome) {
        let is_executed = |verdict: &Verdict| matches!(verdict, Verdict::Executed(_));
        let stages = outcome.transactions.iter().any(|it| is_executed(&it.verdict));
        self.counts.messages_coordinator_worker += 1;
        self.counts.messages_worker_state += outcome.reads.batches + u64::from(stages);
        self.counts.executions += outcome.n_executions;
        self.counts.reads.add(&outcome.reads);
        self.counts.workers_cpu_us += outcome.cpu_us;
        self.n_outcomes += outcome.transactions.len() as u64;
    }

    /// Returns the counts of a block of so many indices, with the bound on its messages.
    ///
    /// For each worker and round (for each slice, if a round has more of them) one dispatch and one
    /// answer, and two for Prepare; one read for each dispatch, shard and miss step; one stage for
    /// each dispatch and shard; two of the feed for each worker and shard; three a shard (the
    /// coordinator's read, seal, commit). A lost attempt is dispatched once more, a further round
    /// may need a further read, and a confirmation may seal anew.
    pub(super) fn finish(&mut self, n_indices: usize) -> JobCounts {
        let n_workers = self.workers.len() as u64;
        let n_dispatches = self.n_dispatches_allowed;
        let counts = &mut self.counts;
        counts.re_executions = self.n_outcomes.saturating_sub(n_indices as u64);
        counts.message_bound = n_dispatches * DISPATCH_MESSAGES
            + n_workers * PREPARE_MESSAGES
            + (n_dispatches + counts.reads.miss_steps) * N_SHARDS
            + n_dispatches * N_SHARDS
            + n_workers * N_SHARDS * FEED_MESSAGES
            + N_SHARDS * SHARD_MESSAGES
            + self.n_reads.saturating_sub(1) * N_SHARDS
            + self.n_confirmations * N_SHARDS * RESEAL_MESSAGES;
        std::mem::take(counts)
    }
}
