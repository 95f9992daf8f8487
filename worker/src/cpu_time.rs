//! What work costs: CPU time of the thread that does it.

use cluster::clock::SharedClock;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// How the cost of work is told.
#[derive(Clone, Debug)]
pub enum CpuTime {
    /// CPU time of the working thread, as the system counts it: waiting for a core or for a lock
    /// costs nothing.
    Thread,
    /// Time of a clock, for simulation: what it moved on while the work ran.
    Clock(SharedClock),
    /// Nobody measures; every cost is zero.
    NotMeasured,
}

impl CpuTime {
    /// Returns what the calling thread has used up so far; only differences mean anything.
    pub fn of_this_thread(&self) -> Duration {
        match self {
            Self::Thread => {
                let used = clock_gettime(ClockId::ThreadCPUTime);
                Duration::new(
                    used.tv_sec.try_into().expect("CPU time is not negative"),
                    used.tv_nsec.try_into().expect("a fraction of a second fits 32 bits"),
                )
            }
            Self::Clock(clock) => clock.now(),
            Self::NotMeasured => Duration::ZERO,
        }
    }
}
