//! The streams that are open, by worker.

use super::line::Line;
use engine::ids::WorkerId;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// The streams. A worker has one; a second takes the place of the first.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<BTreeMap<WorkerId, (String, Arc<Line>)>>);

impl Lines {
    /// A worker's stream is open.
    pub(super) fn add(&self, (worker, name): (WorkerId, String), line: &Arc<Line>) {
        let before = self.lock().insert(worker, (name, Arc::clone(line)));
        if let Some((_, before)) = before {
            before.end("the worker came back on another stream");
        }
    }

    /// A stream is closed.
    pub(super) fn remove(&self, worker: WorkerId, line: &Arc<Line>) {
        let mut lines = self.lock();
        if lines.get(&worker).is_some_and(|(_, present)| Arc::ptr_eq(present, line)) {
            lines.remove(&worker);
        }
    }

    /// Ends the stream of a worker by one of its names. False if there is none.
    pub(super) fn end(&self, member: &str, reason: &str) -> bool {
        let lines = self.lock();
        let is_named = |worker: WorkerId, name: &str| {
            member == name
                || member == worker.to_string()
                || member == format!("{:x}", worker.get())
                || member == format!("{:012x}", worker.get())
        };
        let line = lines.iter().find(|(worker, (name, _))| is_named(**worker, name));
        line.inspect(|(_, (_, line))| line.end(reason)).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, (String, Arc<Line>)>> {
        self.0.lock().expect("nobody panics with the lock")
    }
}
