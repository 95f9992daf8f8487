//! Numbers, and a series as it is shown.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, IntCounter, IntGauge, Opts};

use super::PREFIX;

/// A label's name and its value.
pub type Label<'a> = (&'a str, &'a str);

/// Upper bounds of the buckets of every histogram, in seconds: from a read over the network to a
/// block that was given up.
const BUCKETS_SECONDS: [f64; 17] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// One series as it stands.
#[derive(Debug)]
pub struct Series(MetricFamily);

impl Series {
    /// Shows a number that only grows and that something else counts.
    ///
    /// # Panics
    /// If a name is not one of Prometheus: names are written in the code.
    #[must_use]
    pub fn counter(name: &str, labels: &[Label<'_>], help: &str, value: f64) -> Self {
        let counter = prometheus::Counter::with_opts(options(name, labels, help));
        let counter = counter.expect("names of series are valid");
        counter.inc_by(value);
        Self::of(&counter)
    }

    /// Shows a number that goes up and down and that something else knows.
    ///
    /// # Panics
    /// If a name is not one of Prometheus: names are written in the code.
    #[must_use]
    pub fn gauge(name: &str, labels: &[Label<'_>], help: &str, value: f64) -> Self {
        let gauge = prometheus::Gauge::with_opts(options(name, labels, help));
        let gauge = gauge.expect("names of series are valid");
        gauge.set(value);
        Self::of(&gauge)
    }

    fn of(collector: &impl Collector) -> Self {
        let family = collector.collect().into_iter().next();
        Self(family.expect("a single number is one family"))
    }

    pub(super) fn into_family(self) -> MetricFamily {
        self.0
    }
}

/// A number that only grows. Clones share it.
#[derive(Clone, Debug)]
pub struct Counter(IntCounter);

impl Counter {
    /// Makes a counter at zero; see [`metrics!`](crate::metrics!).
    ///
    /// # Panics
    /// If a name is not one of Prometheus: names are written in the code.
    #[must_use]
    pub fn new(name: &str, labels: &[Label<'_>], help: &str) -> Self {
        let counter = IntCounter::with_opts(options(name, labels, help));
        Self(counter.expect("names of series are valid"))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.inc();
    }

    /// Adds a number.
    pub fn add(&self, number: u64) {
        self.0.inc_by(number);
    }

    /// Returns the number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }

    /// Returns the series as it stands.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(&self.0)
    }
}

/// A number that goes up and down. Clones share it.
#[derive(Clone, Debug)]
pub struct Gauge(IntGauge);

impl Gauge {
    /// Makes a gauge at zero; see [`metrics!`](crate::metrics!).
    ///
    /// # Panics
    /// If a name is not one of Prometheus: names are written in the code.
    #[must_use]
    pub fn new(name: &str, labels: &[Label<'_>], help: &str) -> Self {
        let gauge = IntGauge::with_opts(options(name, labels, help));
        Self(gauge.expect("names of series are valid"))
    }

    /// Sets the number.
    pub fn set(&self, number: usize) {
        self.0.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.inc();
    }

    /// Takes one away.
    pub fn decrement(&self) {
        self.0.dec();
    }

    /// Returns the number, and zero for one below.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.get()).unwrap_or(0)
    }

    /// Returns the series as it stands.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(&self.0)
    }
}

/// Times, counted by how long they were. Clones share them.
#[derive(Clone, Debug)]
pub struct Histogram(prometheus::Histogram);

impl Histogram {
    /// Makes a histogram without a time in it; see [`metrics!`](crate::metrics!).
    ///
    /// # Panics
    /// If a name is not one of Prometheus: names are written in the code.
    #[must_use]
    pub fn new(name: &str, labels: &[Label<'_>], help: &str) -> Self {
        let options = HistogramOpts::from(options(name, labels, help));
        let histogram = prometheus::Histogram::with_opts(options.buckets(BUCKETS_SECONDS.to_vec()));
        Self(histogram.expect("names of series are valid"))
    }

    /// Counts a time.
    pub fn observe(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }

    /// Returns how many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.get_sample_count()
    }

    /// Returns the series as it stands.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(&self.0)
    }
}

fn options(name: &str, labels: &[Label<'_>], help: &str) -> Opts {
    let options = Opts::new(format!("{PREFIX}{name}"), help);
    labels.iter().fold(options, |options, (label, value)| options.const_label(*label, *value))
}
