//! Calls that the coordinator made and that are not answered yet.

use engine::{
    ids::{Attempt, JobId, SliceId},
    task::SliceTask,
};
use proto::attach::CallId;
use std::{collections::BTreeMap, future::Future};
use tokio::task::{AbortHandle, JoinSet};

/// The attempt that a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptName {
    pub(super) job: JobId,
    pub(super) slice: SliceId,
    pub(super) attempt: Attempt,
}

impl AttemptName {
    pub(super) fn of(task: &SliceTask) -> Self {
        Self { job: task.frame.job, slice: task.slice, attempt: task.attempt }
    }
}

/// Calls under way on one stream, each with the task that answers it. They end with it.
#[derive(Debug, Default)]
pub(super) struct Calls {
    tasks: JoinSet<CallId>,
    running: BTreeMap<CallId, (AbortHandle, Option<AttemptName>)>,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn contains(&self, call: CallId) -> bool {
        self.running.contains_key(&call)
    }

    /// Answers a call beside the stream.
    pub(super) fn start(
        &mut self,
        call: CallId,
        attempt: Option<AttemptName>,
        answers: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(async move {
            answers.await;
            call
        });
        self.running.insert(call, (task, attempt));
    }

    /// Takes a call back: it is not answered. Returns the attempt that it ran, if it did.
    pub(super) fn cancel(&mut self, call: CallId) -> Option<AttemptName> {
        let (task, attempt) = self.running.remove(&call)?;
        task.abort();
        attempt
    }

    /// Waits until a call is answered; never returns while there is none.
    pub(super) async fn next_answered(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(call)) => drop(self.running.remove(&call)),
            // It was taken back, and is forgotten; or it panicked.
            Some(Err(error)) => self.running.retain(|_, (task, _)| task.id() != error.id()),
            None => std::future::pending().await,
        }
    }
}
