//! Time as something that is handed in: code asks a [`Clock`], and a test decides what it says.

mod manual;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use manual::ManualClock;

/// A wait that ends when its clock says so.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock that several owners share.
pub type SharedClock = Arc<dyn Clock>;

/// Tells monotonic time and wakes those who wait for it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time since this clock was made; it never goes back.
    fn now(&self) -> Duration;

    /// Waits for `duration`, counted from this call and not from the first poll.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The clock of the machine. Waiting needs a tokio runtime with time enabled and is exact to about
/// a millisecond.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts a clock at zero.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Starts a clock at zero, to be shared.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_clock_has_moved_on_by_what_was_slept() {
        let clock = SystemClock::shared();
        let before = clock.now();

        clock.sleep(Duration::from_millis(5)).await;

        assert!(clock.now() - before >= Duration::from_millis(5));
    }
}
