//! What a coordinator counts.

use cluster::metrics::{Source, Sources};
use proto::coordinator::{BlockOutcome, JobEnd};
use std::sync::Arc;

cluster::metrics! {
    /// Everything that a coordinator counts.
    pub struct Metrics {
        /// Blocks by what became of them.
        blocks_committed: Counter = "blocks_total"["outcome" = "committed"];
        /// Blocks by what became of them.
        blocks_verified: Counter = "blocks_total"["outcome" = "verified"];
        /// Blocks by what became of them.
        blocks_built: Counter = "blocks_total"["outcome" = "built"];
        /// Blocks by what became of them.
        blocks_different: Counter = "blocks_total"["outcome" = "different"];
        /// Blocks by what became of them.
        blocks_invalid: Counter = "blocks_total"["outcome" = "invalid"];
        /// Blocks by what became of them.
        blocks_failed: Counter = "blocks_total"["outcome" = "failed"];
        /// Messages refused, by reason.
        refused_no_block: Counter = "messages_refused_total"["reason" = "no_block"];
        /// Messages refused, by reason.
        refused_full: Counter = "messages_refused_total"["reason" = "queue_full"];
        /// Messages refused, by reason.
        refused_late: Counter = "messages_refused_total"["reason" = "late"];
        /// Messages refused, by reason.
        refused_protocol: Counter = "messages_refused_total"["reason" = "protocol"];
        /// Messages refused, by reason.
        refused_malformed: Counter = "messages_refused_total"["reason" = "malformed"];
        /// Transactions of blocks that were executed.
        transactions: Counter = "transactions_total";
        /// Gas of blocks that were executed.
        gas: Counter = "gas_total";
        /// Slices of first rounds.
        slices: Counter = "slices_total";
        /// Runs of transactions.
        executions: Counter = "executions_total";
        /// Incarnations after the first.
        re_executions: Counter = "re_executions_total";
        /// Outcomes whose reads did not hold.
        conflicts: Counter = "conflicts_total";
        /// Attempts lost with their worker, or refused by it.
        attempts_lost: Counter = "attempts_lost_total";
        /// Messages of jobs, between all processes.
        messages: Counter = "job_messages_total";
        /// Workers that joined.
        workers_joined: Counter = "workers_joined_total";
        /// Workers quarantined.
        workers_quarantined: Counter = "workers_quarantined_total";
        /// Workers lost.
        workers_lost: Counter = "workers_lost_total";
        /// Commits of which a shard other than shard 0 could not be told.
        commits_unspread: Counter = "commits_unspread_total";
        /// Jobs that started again because a state shard restarted.
        jobs_restarted: Counter = "jobs_restarted_total";
        /// Jobs that run.
        jobs_running: Gauge = "jobs_running";
        /// Jobs that wait for a place.
        jobs_queued: Gauge = "jobs_queued";
        /// Workers that may be used.
        workers_ready: Gauge = "workers_ready";
        /// Time of blocks from submission to the answer.
        block_time: Histogram = "block_seconds";
        /// Time that blocks waited for a place.
        queue_time: Histogram = "block_queue_seconds";
        /// Time in which receipts, bloom and the roots of receipts and transactions were put together.
        roots_time: Histogram = "block_roots_seconds";
        /// Time in which all shards sealed a block and gave the nodes of its state root.
        seal_time: Histogram = "block_seal_seconds";
        /// Time in which shard 0 committed a block.
        commit_time: Histogram = "block_commit_seconds";
    }
}

impl Metrics {
    /// Returns them as something to be shown.
    pub fn sources(&self) -> Sources {
        vec![Arc::new(self.clone()) as Arc<dyn Source>]
    }

    /// Counts a block that was decided.
    pub(crate) fn decided(&self, outcome: &BlockOutcome) {
        let by_end = match &outcome.end {
            JobEnd::Committed => &self.blocks_committed,
            JobEnd::Verified => &self.blocks_verified,
            JobEnd::Built => &self.blocks_built,
            JobEnd::Different => &self.blocks_different,
            JobEnd::Invalid { .. } => &self.blocks_invalid,
            JobEnd::Failed { .. } => &self.blocks_failed,
        };
        by_end.increment();
        let counts = &outcome.counts;
        self.transactions.add(outcome.receipts.len() as u64);
        self.gas.add(outcome.results.as_ref().map_or(0, |results| results.gas_used));
        self.slices.add(u64::from(outcome.plan.slices));
        self.executions.add(counts.executions);
        self.re_executions.add(counts.re_executions);
        self.conflicts.add(counts.conflicts);
        self.attempts_lost.add(counts.attempts_lost);
        self.messages.add(
            counts.messages_coordinator_worker
                + counts.messages_worker_state
                + counts.messages_coordinator_state,
        );
        self.timed(outcome);
    }

    fn timed(&self, outcome: &BlockOutcome) {
        let times = &outcome.times;
        self.block_time.observe(times.wall);
        self.queue_time.observe(times.queue);
        if outcome.results.is_some() {
            self.roots_time.observe(times.finalise);
            self.seal_time.observe(times.seal);
        }
        if outcome.end == JobEnd::Committed {
            self.commit_time.observe(times.commit);
        }
    }
}
