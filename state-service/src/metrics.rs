//! What a state shard counts: calls for each caller, and what the shard itself does.

use crate::error::StateError;
use proto::status::Code;
use std::{
    ops::Sub,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

cluster::metrics! {
    /// What was said to a state shard by one caller. Each message counts once, refused ones too.
    pub struct Calls {
        /// Calls that a state shard took.
        reads: Counter = "state_calls_total"["call" = "read"];
        /// Calls that a state shard took.
        stages: Counter = "state_calls_total"["call" = "stage"];
        /// Calls that a state shard took.
        seals: Counter = "state_calls_total"["call" = "seal"];
        /// Calls that a state shard took.
        decisions: Counter = "state_calls_total"["call" = "decide"];
        /// Calls that a state shard took.
        others: Counter = "state_calls_total"["call" = "other"];
        /// Keys that were read.
        read_keys: Counter = "state_read_keys_total";
        /// Messages of the feed that were heard.
        feed_messages: Counter = "state_feed_messages_total";
        /// Bytes of messages, keys and values at fixed width.
        bytes_in: Counter = "state_bytes_total"["direction" = "in"];
        /// Bytes of messages, keys and values at fixed width.
        bytes_out: Counter = "state_bytes_total"["direction" = "out"];
        /// Answers to reads that were delayed on purpose.
        reads_delayed: Counter = "state_reads_delayed_total";
        /// Calls that were refused.
        refused_argument: Counter = "state_refused_total"["reason" = "invalid_argument"];
        /// Calls that were refused.
        refused_absent: Counter = "state_refused_total"["reason" = "not_found"];
        /// Calls that were refused.
        refused_precondition: Counter = "state_refused_total"["reason" = "failed_precondition"];
        /// Calls that were refused.
        refused_cancelled: Counter = "state_refused_total"["reason" = "cancelled"];
        /// Calls that were refused.
        refused_late: Counter = "state_refused_total"["reason" = "deadline_exceeded"];
        /// Calls that were refused.
        refused_full: Counter = "state_refused_total"["reason" = "resource_exhausted"];
        /// Calls that were refused.
        refused_away: Counter = "state_refused_total"["reason" = "unavailable"];
        /// Calls that were refused.
        refused_broken: Counter = "state_refused_total"["reason" = "internal"];
    }
}

cluster::metrics! {
    /// What a state shard does, whoever asked.
    pub struct ShardMetrics {
        /// Blocks that were sealed.
        sealed: Counter = "state_seals_total"["outcome" = "sealed"];
        /// Seals that were answered with digests because other writes were staged.
        differed: Counter = "state_seals_total"["outcome" = "differs"];
        /// Time of a seal from the call to its answer.
        seal: Histogram = "state_seal_seconds";
        /// Seals that waited for writes under way.
        stage_waits: Counter = "state_stage_waits_total";
        /// Blocks that were committed.
        committed: Counter = "state_commits_total";
        /// Time of a commit from the call to its answer.
        commit: Histogram = "state_commit_seconds";
        /// Snapshots that can be read, by their names.
        snapshots: Gauge = "state_snapshots";
        /// Listeners of the feed.
        feeds: Gauge = "state_feeds";
        /// Listeners that were too slow for the feed and cut off.
        feeds_cut: Counter = "state_feeds_cut_total";
    }
}

impl Calls {
    /// Counts a refusal by its reason.
    pub(crate) fn refused(&self, error: &StateError) {
        self.refusals()[match error.code() {
            Code::InvalidArgument => 0,
            Code::NotFound => 1,
            Code::FailedPrecondition => 2,
            Code::Cancelled => 3,
            Code::DeadlineExceeded => 4,
            Code::ResourceExhausted => 5,
            Code::Unavailable => 6,
            Code::Internal => 7,
        }]
        .increment();
    }

    const fn refusals(&self) -> [&cluster::metrics::Counter; 8] {
        [
            &self.refused_argument,
            &self.refused_absent,
            &self.refused_precondition,
            &self.refused_cancelled,
            &self.refused_late,
            &self.refused_full,
            &self.refused_away,
            &self.refused_broken,
        ]
    }
}

/// Running numbers of one caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: Calls,
    delay_paid_ns: Arc<AtomicU64>,
}

/// Numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Reads.
    pub reads: u64,
    /// Keys of these reads.
    pub read_keys: u64,
    /// Messages with writes to be staged.
    pub stages: u64,
    /// Seals.
    pub seals: u64,
    /// Commits and aborts.
    pub decisions: u64,
    /// Messages of the feed that were heard.
    pub feed_messages: u64,
    /// Configurations, loads, drops, subscriptions and questions for the head.
    pub others: u64,
    /// Messages among all these that were refused.
    pub refused: u64,
    /// Bytes of all requests, at fixed width.
    pub bytes_in: u64,
    /// Bytes of all answers, at fixed width.
    pub bytes_out: u64,
    /// Answers that were delayed on purpose.
    pub reads_delayed: u64,
    /// How long they were really delayed, all together.
    pub delay_paid: Duration,
}

impl Counts {
    pub(crate) fn now(&self) -> StateCounts {
        let calls = &self.calls;
        StateCounts {
            reads: calls.reads.get(),
            read_keys: calls.read_keys.get(),
            stages: calls.stages.get(),
            seals: calls.seals.get(),
            decisions: calls.decisions.get(),
            feed_messages: calls.feed_messages.get(),
            others: calls.others.get(),
            refused: calls.refusals().iter().map(|count| count.get()).sum(),
            bytes_in: calls.bytes_in.get(),
            bytes_out: calls.bytes_out.get(),
            reads_delayed: calls.reads_delayed.get(),
            delay_paid: Duration::from_nanos(self.delay_paid_ns.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn delayed(&self, paid: Duration) {
        self.calls.reads_delayed.increment();
        self.delay_paid_ns
            .fetch_add(u64::try_from(paid.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl StateCounts {
    /// Returns the number of messages; a request and its answer are one.
    pub const fn messages(&self) -> u64 {
        self.reads + self.stages + self.seals + self.decisions + self.feed_messages + self.others
    }

    /// Returns the number of bytes both ways.
    pub const fn bytes(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }
}

impl Sub for StateCounts {
    type Output = Self;

    /// Returns what came between two moments.
    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads - earlier.reads,
            read_keys: self.read_keys - earlier.read_keys,
            stages: self.stages - earlier.stages,
            seals: self.seals - earlier.seals,
            decisions: self.decisions - earlier.decisions,
            feed_messages: self.feed_messages - earlier.feed_messages,
            others: self.others - earlier.others,
            refused: self.refused - earlier.refused,
            bytes_in: self.bytes_in - earlier.bytes_in,
            bytes_out: self.bytes_out - earlier.bytes_out,
            reads_delayed: self.reads_delayed - earlier.reads_delayed,
            delay_paid: self.delay_paid - earlier.delay_paid,
        }
    }
}
