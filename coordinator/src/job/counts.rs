//! Counts of a job, and the bound on its messages (contract.md).

use engine::{
    ids::{ShardIndex, WorkerId},
    outcome::SliceOutcome,
    shard::ShardCount,
    task::SliceKind,
};
use proto::coordinator::JobCounts;
use std::collections::{BTreeMap, BTreeSet};

/// Messages of Prepare for each worker: the call and its answer.
const PREPARE_MESSAGES: u64 = 2;
/// Messages of a dispatch: the call and its answer.
const DISPATCH_MESSAGES: u64 = 2;
/// Messages of the feed for each worker and shard: what was sealed, and what became of it.
const FEED_MESSAGES: u64 = 2;
/// Messages for each worker at the end of a job: the word that it is over, and its answer.
const END_MESSAGES: u64 = 2;
/// Messages for each shard: the coordinator's read, seal, commit.
const SHARD_MESSAGES: u64 = 3;
/// Messages for each shard that a confirmation may cost: drop the seal, seal again. The feed tells
/// both to each worker.
const RESEAL_MESSAGES: u64 = 2;

/// Counts as they grow.
#[derive(Debug)]
pub(super) struct Counting {
    counts: JobCounts,
    n_shards: u64,
    /// Workers that the job had when it began, or that joined.
    pub(super) workers: BTreeSet<WorkerId>,
    /// Workers that know of the job.
    touched: BTreeSet<WorkerId>,
    /// Workers that were given slices of the first run.
    used: BTreeSet<WorkerId>,
    /// Dispatches that the rounds so far allow.
    n_dispatches_allowed: u64,
    n_outcomes: u64,
    /// The coordinator's own reads of each shard.
    n_reads: BTreeMap<ShardIndex, u64>,
    n_confirmations: u64,
    /// Seals of which the feed speaks.
    n_seals_fed: u64,
    n_seals_repeated: u64,
    /// Outcomes and answers that came late and were refused.
    pub(super) n_late: u64,
}

impl Counting {
    pub(super) fn new(shards: ShardCount) -> Self {
        Self {
            counts: JobCounts::default(),
            n_shards: u64::from(shards.get()),
            workers: BTreeSet::new(),
            touched: BTreeSet::new(),
            used: BTreeSet::new(),
            n_dispatches_allowed: 0,
            n_outcomes: 0,
            n_reads: BTreeMap::new(),
            n_confirmations: 0,
            n_seals_fed: 0,
            n_seals_repeated: 0,
            n_late: 0,
        }
    }

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
    pub(super) fn read_by_coordinator(&mut self, shard: ShardIndex) {
        self.counts.messages_coordinator_state += 1;
        *self.n_reads.entry(shard).or_default() += 1;
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

    /// Every shard is told something.
    pub(super) const fn sent_to_shards(&mut self) {
        self.counts.messages_coordinator_state += self.n_shards;
    }

    /// The block is sealed at every shard. The feed speaks of it if it is to be committed: what was
    /// sealed, and later what became of it.
    pub(super) const fn sealed(&mut self, is_fed: bool) {
        self.sent_to_shards();
        if is_fed {
            self.n_seals_fed += 1;
        }
    }

    /// A worker is told that the job is over, and says that it heard.
    pub(super) const fn ended_at(&mut self, n_workers: usize) {
        self.counts.messages_coordinator_worker += n_workers as u64 * END_MESSAGES;
    }

    /// So many shards had to be sent writes that they lacked.
    pub(super) const fn seals_repeated(&mut self, n_shards: u64) {
        self.counts.messages_coordinator_state += n_shards;
        self.n_seals_repeated += n_shards;
    }

    pub(super) fn answered(&mut self, outcome: &SliceOutcome) {
        self.counts.messages_coordinator_worker += 1;
        self.counts.messages_worker_state += outcome.reads.batches + u64::from(outcome.n_stages);
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
    /// coordinator's read, seal, commit). Beyond that, a lost attempt is dispatched once more, a
    /// further round may need a further read, a shard that lacks writes is asked again, a
    /// confirmation may seal anew, and each worker that knows of the job is told of its end.
    pub(super) fn finish(&mut self, n_indices: usize) -> JobCounts {
        let n_workers = self.workers.len() as u64;
        let n_dispatches = self.n_dispatches_allowed;
        let counts = &mut self.counts;
        counts.messages_worker_state +=
            self.n_seals_fed * n_workers * self.n_shards * FEED_MESSAGES;
        counts.re_executions = self.n_outcomes.saturating_sub(n_indices as u64);
        let n_reads_more: u64 = self.n_reads.values().map(|n_reads| n_reads - 1).sum();
        let n_shards = self.n_shards;
        counts.message_bound = n_dispatches * DISPATCH_MESSAGES
            + n_workers * PREPARE_MESSAGES
            + (n_dispatches + counts.reads.miss_steps) * n_shards
            + n_dispatches * n_shards
            + n_workers * n_shards * FEED_MESSAGES
            + n_workers * END_MESSAGES
            + n_shards * SHARD_MESSAGES
            + n_reads_more
            + self.n_seals_repeated
            + self.n_confirmations * n_shards * (RESEAL_MESSAGES + n_workers * FEED_MESSAGES);
        std::mem::take(counts)
    }
}
