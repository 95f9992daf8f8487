//! A clock that stands still until a test moves it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::{Clock, Sleep};

/// A clock that only [`advance`](Self::advance) moves. Clones show the same time.
///
/// Whoever is due is woken in the order of the deadlines, and of the calls among equal ones, so that
/// a single-threaded test runs the same way each time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Number of sleepers, for a test that waits until the code under test waits.
    n_sleepers: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    now: Duration,
    /// Orders sleepers with one deadline by their call.
    n_calls: u64,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
}

impl ManualClock {
    /// Makes a clock that shows zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves time on by `step` and wakes every sleeper that is due then.
    pub fn advance(&self, step: Duration) {
        let mut state = self.state();
        let target = state.now + step;
        self.move_to(&mut state, target);
    }

    /// Moves time on to the earliest deadline and wakes who waits for it; returns the step, or `None`
    /// if nobody waits.
    pub fn advance_to_next(&self) -> Option<Duration> {
        let mut state = self.state();
        state.drop_abandoned();
        let deadline = state.sleepers.first_key_value()?.0.0;
        let step = deadline - state.now;
        self.move_to(&mut state, deadline);
        Some(step)
    }

    /// Counts those who wait now.
    #[must_use]
    pub fn n_sleepers(&self) -> usize {
        let mut state = self.state();
        state.drop_abandoned();
        state.sleepers.len()
    }

    /// Waits until at least `n` wait for this clock.
    pub async fn until_sleepers(&self, n: usize) {
        let mut changes = self.shared.n_sleepers.subscribe();
        while self.n_sleepers() < n {
            changes.changed().await.expect("the clock holds the sender as long as it is borrowed");
        }
    }

    fn move_to(&self, state: &mut State, target: Duration) {
        state.now = target;
        while let Some(first) = state.sleepers.first_entry() {
            if first.key().0 > target {
                break;
            }
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = first.remove().send(());
        }
        self.shared.n_sleepers.send_replace(state.sleepers.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in this file panics half way through a change.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_abandoned(&mut self) {
        self.sleepers.retain(|_, waker| !waker.is_closed());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        self.state().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if duration.is_zero() {
            return Box::pin(std::future::ready(()));
        }
        let (waker, woken) = oneshot::channel();
        let mut state = self.state();
        let key = (state.now + duration, state.n_calls);
        state.n_calls += 1;
        state.sleepers.insert(key, waker);
        self.shared.n_sleepers.send_replace(state.sleepers.len());
        Box::pin(async move {
            if woken.await.is_err() {
                // The clock is gone, and with it the time that would end this wait.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_sleeper_wakes_at_its_deadline_and_not_before() {
        let clock = ManualClock::new();
        let mut nap = clock.sleep(10 * MS);

        clock.advance(9 * MS);
        assert!(poll_once(&mut nap).await.is_none(), "woken a millisecond early");
        clock.advance(MS);
        assert!(poll_once(&mut nap).await.is_some(), "not woken at its deadline");
        assert_eq!(clock.now(), 10 * MS);
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let clock = ManualClock::new();
        let (woken, mut order) = tokio::sync::mpsc::channel(3);
        for (name, duration) in [("last", 30 * MS), ("first", 10 * MS), ("second", 10 * MS)] {
            let (clock, woken) = (clock.clone(), woken.clone());
            tokio::spawn(async move {
                clock.sleep(duration).await;
                woken.send(name).await.unwrap();
            });
        }

        clock.until_sleepers(3).await;
        clock.advance(30 * MS);

        let mut names = Vec::new();
        for _ in 0..3 {
            names.push(order.recv().await.unwrap());
        }
        assert_eq!(names, ["first", "second", "last"]);
    }

    #[tokio::test]
    async fn the_next_deadline_is_reached_in_one_step() {
        let clock = ManualClock::new();
        let nap = clock.sleep(25 * MS);
        let abandoned = clock.sleep(5 * MS);
        drop(abandoned);

        assert_eq!(clock.advance_to_next(), Some(25 * MS));
        nap.await;
        assert_eq!(clock.advance_to_next(), None);
        assert_eq!(clock.now(), 25 * MS);
    }

    #[tokio::test]
    async fn a_test_can_wait_until_the_code_waits() {
        let clock = ManualClock::new();
        let sleeper = clock.clone();
        let task = tokio::spawn(async move { sleeper.sleep(MS).await });

        clock.until_sleepers(1).await;
        clock.advance(MS);

        task.await.unwrap();
        assert_eq!(clock.n_sleepers(), 0);
    }

    async fn poll_once(sleep: &mut Sleep) -> Option<()> {
        let mut once = Some(sleep);
        std::future::poll_fn(move |context| {
            let sleep = once.take().expect("polled once");
            std::task::Poll::Ready(match sleep.as_mut().poll(context) {
                std::task::Poll::Ready(()) => Some(()),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
