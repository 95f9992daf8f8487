//! What was said to a state shard, counted for one caller.

use std::{
    ops::Sub,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Running numbers. Each message counts once, refused ones too.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) reads: AtomicU64,
    pub(crate) read_keys: AtomicU64,
    pub(crate) stages: AtomicU64,
    pub(crate) seals: AtomicU64,
    pub(crate) decisions: AtomicU64,
    pub(crate) others: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) reads_delayed: AtomicU64,
    pub(crate) delay_paid_ns: AtomicU64,
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
    /// Loads, drops and questions for the head.
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
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StateCounts {
            reads: value(&self.reads),
            read_keys: value(&self.read_keys),
            stages: value(&self.stages),
            seals: value(&self.seals),
            decisions: value(&self.decisions),
            others: value(&self.others),
            refused: value(&self.refused),
            bytes_in: value(&self.bytes_in),
            bytes_out: value(&self.bytes_out),
            reads_delayed: value(&self.reads_delayed),
            delay_paid: Duration::from_nanos(value(&self.delay_paid_ns)),
        }
    }

    pub(crate) fn delayed(&self, paid: Duration) {
        add(&self.reads_delayed, 1);
        self.delay_paid_ns
            .fetch_add(u64::try_from(paid.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Adds to a running number.
pub(crate) fn add(count: &AtomicU64, n: usize) {
    count.fetch_add(n as u64, Ordering::Relaxed);
}

impl StateCounts {
    /// Returns the number of messages; a request and its answer are one.
    pub const fn messages(&self) -> u64 {
        self.reads + self.stages + self.seals + self.decisions + self.others
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
            others: self.others - earlier.others,
            refused: self.refused - earlier.refused,
            bytes_in: self.bytes_in - earlier.bytes_in,
            bytes_out: self.bytes_out - earlier.bytes_out,
            reads_delayed: self.reads_delayed - earlier.reads_delayed,
            delay_paid: self.delay_paid - earlier.delay_paid,
        }
    }
}
