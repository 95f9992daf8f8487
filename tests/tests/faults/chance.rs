//! What goes wrong, when, and how often it did: everything from one seed.

use engine::model::Numbers;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Something that can go wrong between two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A message or its answer takes long; others overtake it.
    Late,
    /// A message comes twice.
    Repeated,
    /// A message comes again when its answer is long there.
    Stale,
    /// A message arrives and its answer does not.
    AnswerLost,
    /// A message never arrives.
    Lost,
    /// A feed ends.
    FeedCut,
    /// A feed says something twice.
    FeedRepeated,
    /// A feed says two things in the wrong order.
    FeedReordered,
    /// A feed leaves something out.
    FeedGap,
    /// A worker dies.
    WorkerDied,
    /// A worker joins.
    WorkerJoined,
}

/// All faults that a run may have.
pub(super) const ALL: [Fault; 11] = [
    Fault::Late,
    Fault::Repeated,
    Fault::Stale,
    Fault::AnswerLost,
    Fault::Lost,
    Fault::FeedCut,
    Fault::FeedRepeated,
    Fault::FeedReordered,
    Fault::FeedGap,
    Fault::WorkerDied,
    Fault::WorkerJoined,
];

/// Decides what goes wrong.
#[derive(Debug)]
pub(super) struct Chance(Mutex<State>);

#[derive(Debug)]
struct State {
    numbers: Numbers,
    fired: BTreeMap<Fault, u64>,
}

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Mutex::new(State { numbers: Numbers::new(seed), fired: BTreeMap::new() }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether a fault happens now, in so many cases of a hundred.
    pub(super) fn strikes(&self, fault: Fault, percent: u64) -> bool {
        let mut state = self.state();
        let strikes = state.numbers.percent(percent);
        if strikes {
            *state.fired.entry(fault).or_default() += 1;
        }
        strikes
    }

    /// Waits now and then, some milliseconds at most.
    pub(super) async fn delay(&self) {
        if self.strikes(Fault::Late, 15) {
            let micros = self.state().numbers.below(3_000);
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }

    /// Returns how often each fault happened.
    pub(super) fn fired(&self) -> BTreeMap<Fault, u64> {
        self.state().fired.clone()
    }
}
