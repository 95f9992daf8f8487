//! What a cluster in one process costs in CPU time.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CPU time at one moment; only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuSpent {
    /// Of the whole process.
    pub process: Duration,
    /// Of the state service's reads and seals.
    pub state: Duration,
}

impl CpuSpent {
    pub(super) fn now(state: Duration) -> Self {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let process = Duration::new(
            used.tv_sec.try_into().expect("CPU time is not negative"),
            used.tv_nsec.try_into().expect("a fraction of a second fits 32 bits"),
        );
        Self { process, state }
    }

    /// Returns what was spent since an earlier moment.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            process: self.process.saturating_sub(earlier.process),
            state: self.state.saturating_sub(earlier.state),
        }
    }
}
