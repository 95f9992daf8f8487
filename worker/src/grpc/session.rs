//! One stream to a coordinator, from its welcome to its end.

use super::{
    StreamConfig,
    calls::{AttemptName, Calls},
    shards::RemoteShards,
};
use crate::{handle::WorkerHandle, metrics::Metrics};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::{ids::JobId, task::JobFrame};
use prost::Message;
use proto::{
    attach::{Answer, Call, CallId, CoordinatorMessage, Request, Welcome, WorkerMessage},
    convert::{DecodeError, Reason, attach::called},
    status::{Code, Status},
    wire::v1,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::spawn_blocking};
use tonic::Streaming;
use tracing::{info, warn};

/// Messages besides answers that may wait to be sent: a heartbeat, and that the worker drains.
const OTHER_MESSAGES: usize = 4;

/// Returns how many messages may wait to be sent: an answer to each call, and a few others.
pub(super) const fn out_queue_len(calls_running_max: usize) -> usize {
    calls_running_max.saturating_add(OTHER_MESSAGES)
}

/// Frames of the jobs that are open on a stream.
type Frames = Arc<BTreeMap<JobId, Arc<JobFrame>>>;

/// What a session is made of.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) worker: WorkerHandle,
    pub(super) shards: &'a mut RemoteShards,
    pub(super) welcome: Welcome,
    pub(super) out: mpsc::Sender<v1::WorkerMessage>,
    pub(super) config: &'a StreamConfig,
    pub(super) jobs_max: usize,
    pub(super) clock: SharedClock,
    pub(super) metrics: Metrics,
    pub(super) frames: Frames,
    pub(super) calls: Calls,
    pub(super) drains: bool,
}

/// Why a stream is over.
#[derive(Debug)]
pub(super) enum End {
    /// The worker drained, and was told to.
    Drained,
    /// The other side closed it, or it broke.
    Closed(String),
}

impl Session<'_> {
    /// Serves calls until the stream ends, or until all is answered after `shutdown`.
    pub(super) async fn serve(
        mut self,
        mut incoming: Streaming<v1::CoordinatorMessage>,
        shutdown: &ShutdownToken,
    ) -> End {
        let interval = self.welcome.heartbeat_interval.max(Duration::from_millis(1));
        let mut next_heartbeat = self.clock.sleep(interval);
        loop {
            if self.drains && self.calls.len() == 0 {
                return self.close(incoming).await;
            }
            tokio::select! {
                message = incoming.message() => match message {
                    Ok(Some(message)) => self.take(message).await,
                    Ok(None) => return End::Closed("the coordinator closed the stream".to_owned()),
                    Err(status) => return End::Closed(status.to_string()),
                },
                () = &mut next_heartbeat => {
                    next_heartbeat = self.clock.sleep(interval);
                    let calls_running = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                    self.say(WorkerMessage::Heartbeat { calls_running });
                }
                () = self.calls.next_answered() => {}
                _ = shutdown.cancelled(), if !self.drains => {
                    info!(n_calls = self.calls.len(), "draining");
                    self.drains = true;
                    self.say(WorkerMessage::Draining);
                }
            }
        }
    }

    /// Closes the stream from this side, so that what is on its way still arrives.
    async fn close(self, mut incoming: Streaming<v1::CoordinatorMessage>) -> End {
        drop(self.out);
        let closed = async { while matches!(incoming.message().await, Ok(Some(_))) {} };
        tokio::select! {
            () = closed => {}
            () = self.clock.sleep(self.welcome.heartbeat_interval) => {}
        }
        End::Drained
    }

    /// Sends a message that needs no place of its own: when the queue is full, the other side has
    /// enough signs of life.
    fn say(&self, message: WorkerMessage) {
        if let Err(error) = self.out.try_send(message.into()) {
            warn!(%error, "a message found no place");
        }
    }

    async fn take(&mut self, wire: v1::CoordinatorMessage) {
        let call = called(&wire);
        match self.decode(wire).await {
            Ok(message) => self.handle(message).await,
            Err(error) => {
                self.metrics.refused_damaged.increment();
                warn!(%error, "a message cannot be read");
                if let Some(call) = call {
                    self.refuse(call, error.into());
                }
            }
        }
    }

    /// Reads a message, a large one beside the threads that wait. One after another: each slice of
    /// a job builds on what the one before said of the overlay.
    async fn decode(
        &self,
        wire: v1::CoordinatorMessage,
    ) -> Result<CoordinatorMessage, DecodeError> {
        let frames = Arc::clone(&self.frames);
        let is_large = wire.encoded_len() > self.config.inline_bytes_max.get();
        let decode =
            move || CoordinatorMessage::from_wire(wire, |job| frames.get(job).map(Arc::clone));
        if is_large {
            return spawn_blocking(decode).await.unwrap_or_else(|error| {
                let why = error.to_string();
                Err(DecodeError::new("message", Reason::Malformed { what: "message", why }))
            });
        }
        decode()
    }

    async fn handle(&mut self, message: CoordinatorMessage) {
        match message {
            CoordinatorMessage::Call(call) => self.start(call).await,
            CoordinatorMessage::Cancel(call) => {
                self.metrics.calls_cancelled.increment();
                if let Some(AttemptName { job, slice, attempt }) = self.calls.cancel(call) {
                    self.worker.cancel_attempt(job, slice, attempt).await;
                }
            }
            CoordinatorMessage::JobFrame(frame) => self.keep(frame),
            CoordinatorMessage::ShardMap(addresses) => match self.shards.point_at(&addresses) {
                Ok(true) => info!(?addresses, "the state shards moved"),
                Ok(false) => self.unexpected("a shard map of another length"),
                Err(error) => self.unexpected(&error.to_string()),
            },
            CoordinatorMessage::Welcome(_) => self.unexpected("a second welcome"),
            CoordinatorMessage::Refused(status) => self.unexpected(&status.to_string()),
        }
    }

    fn unexpected(&self, what: &str) {
        self.metrics.refused_damaged.increment();
        warn!(what, "a message was not expected");
    }

    fn keep(&mut self, frame: Arc<JobFrame>) {
        if self.frames.len() >= self.jobs_max {
            return self.unexpected("a frame of one job more than may be open");
        }
        Arc::make_mut(&mut self.frames).insert(frame.job, frame);
    }

    async fn start(&mut self, call: Call) {
        let Call { id, traceparent, request } = call;
        if let Request::EndJob(job) = request {
            // Always, and in order: it ends what came before.
            Arc::make_mut(&mut self.frames).remove(&job);
            let ended = proto::worker::WorkerService::end_job(&self.worker, job).await;
            return self.answer_now(id, ended.map(|()| Answer::Done));
        }
        if self.drains {
            self.metrics.refused_draining.increment();
            let status = Status::new(Code::Unavailable, "the worker drains");
            return self.answer_now(id, Err(status));
        }
        let calls_running_max = self.welcome.calls_running_max;
        let is_full = self.calls.len() >= calls_running_max.try_into().unwrap_or(usize::MAX);
        if is_full || self.calls.contains(id) {
            let message = format!("call {} is one of more than {calls_running_max}", id.0);
            return self.refuse(id, Status::new(Code::ResourceExhausted, message));
        }
        let sender = self.sender(id);
        match request {
            Request::Prepare(request) => {
                let worker = self.worker.clone();
                self.calls.start(id, None, async move {
                    let prepared = worker.prepare_under(request, &traceparent).await;
                    sender.send(prepared.map(Answer::Prepared)).await;
                });
            }
            Request::ExecuteSlice(task) => {
                let attempt = AttemptName::of(&task);
                // The worker takes slices in in the order in which they were sent.
                let outcome = self.worker.submit_slice(*task, &traceparent).await;
                self.calls.start(id, Some(attempt), async move {
                    let gone = || Status::new(Code::Unavailable, "the worker is gone");
                    let outcome = outcome.await.map_err(|_| gone());
                    let outcome = outcome.and_then(|answer| answer.map_err(Into::into));
                    sender.send(outcome.map(Answer::Slice)).await;
                });
            }
            Request::EndJob(_) => {}
        }
    }

    fn refuse(&self, call: CallId, status: Status) {
        self.answer_now(call, Err(status));
    }

    /// Answers without waiting for a place: whoever sends more calls than were agreed on may miss
    /// an answer.
    fn answer_now(&self, call: CallId, answer: Result<Answer, Status>) {
        self.say(WorkerMessage::Answer { call, answer });
    }

    fn sender(&self, call: CallId) -> AnswerSender {
        AnswerSender {
            call,
            out: self.out.clone(),
            bytes_max: usize::try_from(self.welcome.message_bytes_max).unwrap_or(usize::MAX),
            inline_len_max: INLINE_OUTCOMES_MAX,
        }
    }
}

/// Outcomes in an answer that is written where it comes from; a longer one is written beside the
/// threads that wait for messages.
const INLINE_OUTCOMES_MAX: usize = 16;

/// Sends the answer to one call.
#[derive(Debug)]
struct AnswerSender {
    call: CallId,
    out: mpsc::Sender<v1::WorkerMessage>,
    bytes_max: usize,
    inline_len_max: usize,
}

impl AnswerSender {
    async fn send(self, answer: Result<Answer, Status>) {
        let is_large = match &answer {
            Ok(Answer::Slice(outcome)) => outcome.transactions.len() > self.inline_len_max,
            _ => false,
        };
        let (call, bytes_max) = (self.call, self.bytes_max);
        let encode = move || encode(call, answer, bytes_max);
        let wire = if is_large { spawn_blocking(encode).await } else { Ok(encode()) };
        match wire {
            // A stream that is over wants no answers.
            Ok(wire) => drop(self.out.send(wire).await),
            Err(error) => warn!(%error, call = call.0, "an answer was not written"),
        }
    }
}

/// Makes an answer's message; one that is too large becomes a refusal.
fn encode(call: CallId, answer: Result<Answer, Status>, bytes_max: usize) -> v1::WorkerMessage {
    let wire = v1::WorkerMessage::from(WorkerMessage::Answer { call, answer });
    let n_bytes = wire.encoded_len();
    if n_bytes <= bytes_max {
        return wire;
    }
    let message = format!("the answer has {n_bytes} bytes, and {bytes_max} is the limit");
    let answer = Err(Status::new(Code::ResourceExhausted, message));
    WorkerMessage::Answer { call, answer }.into()
}
