//! What a coordinator counts. Plain numbers: whoever serves them gives them their form.

use proto::coordinator::{BlockOutcome, JobEnd};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds a number.
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// Returns the number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets the number.
    pub fn set(&self, number: usize) {
        self.0.store(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $field:ident: $kind:ident = $name:literal;)*) => {
        /// Everything that a coordinator counts.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl Metrics {
            /// Returns all series by name, without the prefix of the process.
            pub fn samples(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field.get()),)*]
            }
        }
    };
}

metrics! {
    /// Blocks equal to their headers and committed.
    blocks_committed: Counter = "blocks_committed_total";
    /// Blocks equal to their headers and sealed in memory.
    blocks_verified: Counter = "blocks_verified_total";
    /// Blocks that differ from their headers.
    blocks_different: Counter = "blocks_different_total";
    /// Invalid blocks.
    blocks_invalid: Counter = "blocks_invalid_total";
    /// Blocks that could not be finished.
    blocks_failed: Counter = "blocks_failed_total";
    /// Requests that were refused: no block, or no place.
    requests_refused: Counter = "requests_refused_total";
    /// Transactions of blocks that were executed.
    transactions: Counter = "transactions_total";
    /// Gas of blocks that were executed.
    gas: Counter = "gas_total";
    /// Runs of transactions.
    executions: Counter = "executions_total";
    /// Incarnations after the first.
    re_executions: Counter = "re_executions_total";
    /// Outcomes whose reads did not hold.
    conflicts: Counter = "conflicts_total";
    /// Attempts lost with their worker, or refused by it.
    attempts_lost: Counter = "attempts_lost_total";
    /// Answers and outcomes that came late, twice or from somebody who is not believed.
    messages_refused: Counter = "messages_refused_total";
    /// Messages of jobs, between all processes.
    messages: Counter = "messages_total";
    /// Workers quarantined.
    workers_quarantined: Counter = "workers_quarantined_total";
    /// Workers lost.
    workers_lost: Counter = "workers_lost_total";
    /// Jobs that started again because a state shard restarted.
    jobs_restarted: Counter = "jobs_restarted_total";
    /// Jobs that run.
    jobs_running: Gauge = "jobs_running";
    /// Jobs that wait for a place.
    jobs_queued: Gauge = "jobs_queued";
    /// Workers that may be used.
    workers_ready: Gauge = "workers_ready";
}

impl Metrics {
    /// Counts a block that was decided.
    pub(crate) fn decided(&self, outcome: &BlockOutcome) {
        let by_end = match &outcome.end {
            JobEnd::Committed => &self.blocks_committed,
            JobEnd::Verified => &self.blocks_verified,
            JobEnd::Different => &self.blocks_different,
            JobEnd::Invalid { .. } => &self.blocks_invalid,
            JobEnd::Failed { .. } => &self.blocks_failed,
        };
        by_end.add(1);
        let counts = &outcome.counts;
        self.transactions.add(outcome.receipts.len() as u64);
        self.gas.add(outcome.results.as_ref().map_or(0, |results| results.gas_used));
        self.executions.add(counts.executions);
        self.re_executions.add(counts.re_executions);
        self.conflicts.add(counts.conflicts);
        self.attempts_lost.add(counts.attempts_lost);
        self.messages.add(
            counts.messages_coordinator_worker
                + counts.messages_worker_state
                + counts.messages_coordinator_state,
        );
    }
}
