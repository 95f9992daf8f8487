//! What the system knows about this process.

use std::fs;

use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};

use super::{Series, Source};

/// CPU time and memory of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMetrics;

impl Source for ProcessMetrics {
    fn series(&self) -> Vec<Series> {
        let cpu_help = "CPU time of the whole process.";
        let cpu = Series::counter("process_cpu_seconds_total", &[], cpu_help, cpu_seconds());
        let memory_help = "Memory of the process that is in RAM.";
        let memory = resident_bytes()
            .map(|bytes| Series::gauge("process_resident_memory_bytes", &[], memory_help, bytes));
        [Some(cpu), memory].into_iter().flatten().collect()
    }
}

/// User and system time of all threads since the process began.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // A process runs for less than 2^53 nanoseconds of CPU time, a hundred days.
    #[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// `None` where there is no `/proc`.
fn resident_bytes() -> Option<f64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = statm.split_whitespace().nth(1)?.parse().ok()?;
    let page_bytes = u32::try_from(page_size()).ok()?;
    Some(f64::from(pages) * f64::from(page_bytes))
}
