//! What a state that is far away costs: how many answers came late, and by how much.

use cluster::clock::SharedClock;
use state_service::delay::wait_until;
use std::{
    ops::AddAssign,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A delay that serial execution pays on its own thread. All clones count together.
#[derive(Clone, Debug)]
pub struct Delay {
    each: Duration,
    clock: SharedClock,
    paid: Arc<Paid>,
}

#[derive(Debug, Default)]
struct Paid {
    n_answers: AtomicU64,
    nanos: AtomicU64,
}

/// What was really paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DelayPaid {
    /// Answers that were delayed.
    pub n_answers: u64,
    /// Their delays added up.
    pub total: Duration,
}

impl DelayPaid {
    /// Returns what one answer paid on average; nothing if there was none.
    pub fn each(&self) -> Option<Duration> {
        let n_answers = u32::try_from(self.n_answers).ok().filter(|n_answers| *n_answers > 0)?;
        Some(self.total / n_answers)
    }
}

impl AddAssign for DelayPaid {
    fn add_assign(&mut self, more: Self) {
        self.n_answers += more.n_answers;
        self.total += more.total;
    }
}

impl Delay {
    /// Makes a delay of `each` answer.
    pub fn new(each: Duration, clock: SharedClock) -> Self {
        Self { each, clock, paid: Arc::default() }
    }

    /// Tells whether answers come at once.
    pub const fn is_none(&self) -> bool {
        self.each.is_zero()
    }

    /// Lets one answer's delay pass on this thread, as the state service lets it pass.
    pub fn pay(&self) {
        let start = self.clock.now();
        wait_until(self.clock.as_ref(), start + self.each);
        let late = self.clock.now() - start;
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.paid.n_answers.fetch_add(1, Ordering::Relaxed);
        self.paid.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Returns what was paid so far.
    pub fn paid(&self) -> DelayPaid {
        DelayPaid {
            n_answers: self.paid.n_answers.load(Ordering::Relaxed),
            total: Duration::from_nanos(self.paid.nanos.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::clock::SystemClock;

    #[test]
    fn an_answer_pays_no_less_than_the_delay() {
        let delay = Delay::new(Duration::from_micros(300), SystemClock::shared());
        assert_eq!(delay.paid().each(), None);

        let clone = delay.clone();
        delay.pay();
        clone.pay();

        let paid = delay.paid();
        assert_eq!(paid.n_answers, 2);
        assert!(paid.each().unwrap() >= Duration::from_micros(300), "{paid:?}");
    }
}
