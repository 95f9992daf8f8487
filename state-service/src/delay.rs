//! State that seems to be far away: answers that come later, by a time that is really waited.

use crate::error::StateError;
use cluster::clock::{Clock, SharedClock};
use crossbeam_channel::{Receiver, Sender};
use std::{fmt, io, num::NonZeroUsize, thread, time::Duration};
use tokio::sync::{Semaphore, oneshot};

/// The end of a wait that is spun, because a sleeping thread wakes up too late.
const SPIN: Duration = Duration::from_micros(100);

/// Waits on the calling thread until a clock says a time: sleeps at first, then spins. The clock
/// must go on by itself.
pub fn wait_until(clock: &dyn Clock, time: Duration) {
    loop {
        let left = time.saturating_sub(clock.now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(SPIN) {
            Some(sleep) if !sleep.is_zero() => thread::sleep(sleep),
            _ => std::hint::spin_loop(),
        }
    }
}

/// Delays any number of answers at once, each by the same time, on one thread of its own.
pub(crate) struct DelayLine {
    delay: Duration,
    clock: SharedClock,
    queue: Sender<Delayed>,
    /// One permit a place on the queue.
    places: Semaphore,
}

/// An answer that waits. All wait equally long, so that the first to come is the first to go.
struct Delayed {
    until: Duration,
    done: oneshot::Sender<()>,
}

impl DelayLine {
    /// Starts the thread.
    pub(crate) fn start(
        delay: Duration,
        clock: SharedClock,
        delayed_reads_max: NonZeroUsize,
    ) -> io::Result<Self> {
        let (queue, waiting) = crossbeam_channel::bounded(delayed_reads_max.get());
        let thread_clock = SharedClock::clone(&clock);
        thread::Builder::new()
            .name("state-delay".to_owned())
            .spawn(move || let_go(&waiting, &*thread_clock))?;
        let places = Semaphore::new(delayed_reads_max.get());
        Ok(Self { delay, clock, queue, places })
    }

    /// Waits for the delay and returns how long it really was.
    pub(crate) async fn wait(&self) -> Result<Duration, StateError> {
        let begin = self.clock.now();
        let _place = self.places.acquire().await.map_err(|_| StateError::Stopped)?;
        let (done, is_done) = oneshot::channel();
        let delayed = Delayed { until: begin + self.delay, done };
        // Never full: whoever sends holds one of as many places as the queue has.
        self.queue.try_send(delayed).map_err(|_| StateError::Stopped)?;
        is_done.await.map_err(|_| StateError::Stopped)?;
        Ok(self.clock.now() - begin)
    }
}

fn let_go(waiting: &Receiver<Delayed>, clock: &dyn Clock) {
    for Delayed { until, done } in waiting {
        wait_until(clock, until);
        // Nobody may wait any more; then the answer is not wanted.
        let _ = done.send(());
    }
}

impl fmt::Debug for DelayLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayLine").field("delay", &self.delay).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::clock::SystemClock;
    use std::sync::Arc;

    const DELAY: Duration = Duration::from_millis(20);

    #[test]
    fn a_wait_is_not_shorter_than_it_should_be() {
        let clock = SystemClock::new();
        for micros in [0, 50, 150, 1_000] {
            let until = clock.now() + Duration::from_micros(micros);
            wait_until(&clock, until);
            assert!(clock.now() >= until);
        }
    }

    #[tokio::test]
    async fn many_answers_are_delayed_at_once_and_each_once() {
        let clock = SystemClock::shared();
        let line = DelayLine::start(DELAY, clock.clone(), NonZeroUsize::new(100).unwrap()).unwrap();
        let line = Arc::new(line);
        let begin = clock.now();
        let waits: Vec<_> = (0..100)
            .map(|_| {
                let line = Arc::clone(&line);
                tokio::spawn(async move { line.wait().await })
            })
            .collect();
        for wait in waits {
            assert!(wait.await.unwrap().unwrap() >= DELAY);
        }
        let all = clock.now() - begin;
        assert!(all < 50 * DELAY, "100 answers waited one after the other: {all:?}");
    }
}
