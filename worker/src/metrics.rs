//! What a worker counts. Plain numbers: whoever serves them gives them their form.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

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

/// A sample of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Name of the series, without the prefix of the process.
    pub name: &'static str,
    /// Label that tells series of one name apart: its name and its value.
    pub label: Option<(&'static str, &'static str)>,
    /// The value.
    pub value: u64,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $field:ident: $kind:ident = $name:literal $([$label:literal = $value:literal])?;)*) => {
        /// Everything that a worker counts.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl Metrics {
            /// Returns all series as they stand.
            pub fn samples(&self) -> Vec<Sample> {
                vec![$(Sample {
                    name: $name,
                    label: metrics!(@label $($label = $value)?),
                    value: self.$field.get(),
                },)*]
            }
        }
    };
    (@label) => { None };
    (@label $label:literal = $value:literal) => { Some(($label, $value)) };
}

metrics! {
    /// Slices that ran to an outcome.
    slices_done: Counter = "slices_total"["outcome" = "done"];
    /// Slices that were cancelled while they ran or waited.
    slices_cancelled: Counter = "slices_total"["outcome" = "cancelled"];
    /// Slices that ended in an error: the state service, a panic, a stop.
    slices_failed: Counter = "slices_total"["outcome" = "failed"];
    /// Slices refused because their job had ended.
    refused_job_ended: Counter = "refused_messages_total"["reason" = "job_ended"];
    /// Slices refused because the same or a newer attempt came before.
    refused_late_attempt: Counter = "refused_messages_total"["reason" = "late_attempt"];
    /// Slices and Prepare calls refused because a bound was reached.
    refused_full: Counter = "refused_messages_total"["reason" = "full"];
    /// Messages refused because the worker is gone.
    refused_gone: Counter = "refused_messages_total"["reason" = "gone"];
    /// Slices that run or wait now.
    slices_running: Gauge = "slices_running";
    /// Jobs that are open now.
    jobs_open: Gauge = "jobs_open";
    /// Runs of transactions, those that ended at a missing key included.
    executions: Counter = "executions_total";
    /// Outcomes of single indices that were given.
    incarnations: Counter = "incarnations_total";
    /// Gas of the outcomes that were given.
    gas: Counter = "gas_total";
    /// Senders recovered.
    senders: Counter = "senders_total";
    /// Messages to the state service that read.
    reads: Counter = "state_messages_total"["kind" = "read"];
    /// Messages to the state service that stage.
    stages: Counter = "state_messages_total"["kind" = "stage"];
    /// Reads that failed or came too late.
    reads_failed: Counter = "reads_failed_total";
    /// Stage messages that failed or came too late.
    stages_failed: Counter = "stages_failed_total"["reason" = "failed"];
    /// Outcomes that were not staged because too many stage messages were under way.
    stages_skipped: Counter = "stages_failed_total"["reason" = "full"];
    /// Keys asked of the state service.
    keys: Counter = "read_keys_total";
    /// Bytes of the answers to reads.
    read_bytes: Counter = "read_bytes_total";
    /// Keys that runs wanted and the worker had.
    cache_hits: Counter = "cache_hits_total";
    /// Keys that runs wanted and the worker did not have.
    cache_misses: Counter = "cache_misses_total";
    /// Bytes of code kept across jobs now.
    code_cache_bytes: Gauge = "code_cache_bytes";
    /// CPU time of slices.
    slice_cpu_us: Counter = "slice_cpu_microseconds_total";
    /// CPU time of sender recovery.
    prepare_cpu_us: Counter = "prepare_cpu_microseconds_total";
}
