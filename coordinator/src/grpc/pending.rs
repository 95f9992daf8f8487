//! Calls on one stream that wait for their answers.

use proto::{
    attach::{Answer, CallId},
    status::Status,
};
use std::{collections::BTreeMap, sync::Mutex};
use tokio::sync::oneshot;

/// What came of a call.
pub(super) type Answered = Result<Answer, Status>;

/// Whoever waits for an answer; nothing comes if the stream ends first.
pub(super) type Waiting = oneshot::Sender<Answered>;

/// The calls, by number. A number is given once.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    waiting: BTreeMap<u64, Waiting>,
    n_given: u64,
    is_closed: bool,
}

impl Pending {
    /// Opens a call; `None` if the stream has ended.
    pub(super) fn open(&self) -> Option<(CallId, oneshot::Receiver<Answered>)> {
        let mut calls = self.lock();
        if calls.is_closed {
            return None;
        }
        calls.n_given += 1;
        let id = calls.n_given;
        let (waiting, answer) = oneshot::channel();
        calls.waiting.insert(id, waiting);
        Some((CallId(id), answer))
    }

    /// Takes out who waits for an answer; `None` if nobody does, any more or ever.
    pub(super) fn take(&self, id: CallId) -> Option<Waiting> {
        self.lock().waiting.remove(&id.0)
    }

    /// Ends all calls: nobody hears of them again.
    pub(super) fn close(&self) {
        let mut calls = self.lock();
        calls.is_closed = true;
        calls.waiting.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.0.lock().expect("nobody panics with the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_and_not_at_all_after_the_end() {
        let pending = Pending::default();
        let (first, mut answer) = pending.open().unwrap();
        let (second, mut never) = pending.open().unwrap();
        assert_ne!(first, second);

        pending.take(first).unwrap().send(Ok(Answer::Done)).unwrap();
        assert_eq!(answer.try_recv(), Ok(Ok(Answer::Done)));
        assert!(pending.take(first).is_none(), "twice");

        pending.close();
        assert_eq!(never.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert!(pending.take(second).is_none());
        assert!(pending.open().is_none());
    }
}
