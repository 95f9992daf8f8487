//! The coordinator's side of a stream: what is sent, in order, and the word that it has ended.

use super::config::AttachConfig;
use engine::{ids::JobId, task::JobFrame};
use futures::{Stream, stream};
use proto::{
    attach::{Call, CallId, CoordinatorMessage},
    status::{Code, Status},
    wire::v1,
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, watch},
};

/// A message as the stream takes it.
type Sent = Result<v1::CoordinatorMessage, tonic::Status>;

/// Sends messages to one worker.
#[derive(Debug)]
pub(super) struct Line {
    queue: mpsc::Sender<Sent>,
    /// Jobs whose frames were sent. Held while a frame and its call are put on the queue, so that
    /// no call overtakes its frame.
    framed: Mutex<BTreeSet<JobId>>,
    /// Why the stream ended.
    ended: watch::Sender<Option<String>>,
    runtime: Handle,
}

/// Makes a line and the stream of what is sent on it. Needs a tokio runtime.
pub(super) fn line(config: &AttachConfig) -> (Arc<Line>, impl Stream<Item = Sent> + Send + use<>) {
    let len_max = usize::try_from(config.send_queue_len_max.get()).unwrap_or(usize::MAX);
    let (queue, sent) = mpsc::channel(len_max);
    let line = Line {
        queue,
        framed: Mutex::default(),
        ended: watch::channel(None).0,
        runtime: Handle::current(),
    };
    let line = Arc::new(line);
    // When the line has ended, so does the stream: the worker sees it and need not wait.
    let ended = line.ended.subscribe();
    let messages = stream::unfold((sent, ended), |(mut sent, mut ended)| async move {
        let next = tokio::select! {
            biased;
            _ = ended.wait_for(Option::is_some) => None,
            next = sent.recv() => next,
        };
        next.map(|next| (next, (sent, ended)))
    });
    (line, messages)
}

impl Line {
    /// Puts the first message on the queue.
    pub(super) fn open(&self, welcome: CoordinatorMessage) {
        // The queue has at least one place, and nothing was sent before.
        let _ = self.queue.try_send(Ok(welcome.into()));
    }

    /// Sends a call, after the frame of its job if this is the first call of the job.
    pub(super) async fn call(
        &self,
        call: v1::CoordinatorMessage,
        frame: Option<&Arc<JobFrame>>,
    ) -> Result<(), Status> {
        let Some(frame) = frame else { return self.send(call).await };
        let mut framed = self.framed.lock().await;
        if !framed.contains(&frame.job) {
            self.send(CoordinatorMessage::JobFrame(Arc::clone(frame)).into()).await?;
            framed.insert(frame.job);
        }
        self.send(call).await
    }

    /// Tells that a job is over: its frame is forgotten.
    pub(super) async fn end_job(&self, call: Call, job: JobId) -> Result<(), Status> {
        let mut framed = self.framed.lock().await;
        framed.remove(&job);
        self.send(CoordinatorMessage::Call(call).into()).await
    }

    async fn send(&self, message: v1::CoordinatorMessage) -> Result<(), Status> {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            biased;
            _ = ended.wait_for(Option::is_some) => Err(self.gone()),
            sent = self.queue.send(Ok(message)) => sent.map_err(|_| self.gone()),
        }
    }

    /// Takes a call back; nobody waits for that.
    pub(super) fn cancel(self: &Arc<Self>, call: CallId) {
        let message = v1::CoordinatorMessage::from(CoordinatorMessage::Cancel(call));
        if let Err(mpsc::error::TrySendError::Full(message)) = self.queue.try_send(Ok(message)) {
            // There are no more of these than there were calls under way.
            let line = Arc::clone(self);
            self.runtime.spawn(async move {
                let Ok(message) = message else { return };
                let _ = line.send(message).await;
            });
        }
    }

    /// Ends the line. The first reason stays.
    pub(super) fn end(&self, reason: &str) {
        self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| reason.to_owned());
            is_first
        });
    }

    /// Waits for the end, and says why it came.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.subscribe();
        let reason = ended.wait_for(Option::is_some).await;
        reason.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Says why nothing can be had of the worker any more.
    pub(super) fn gone(&self) -> Status {
        let reason = self.ended.borrow().clone();
        let reason = reason.unwrap_or_else(|| "its stream is closed".to_owned());
        Status::new(Code::Unavailable, format!("the worker is gone: {reason}"))
    }
}
