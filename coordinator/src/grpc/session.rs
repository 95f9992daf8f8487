//! A worker's stream while it lasts: signs of life, answers, and how it ends.

use super::{
    attach::Inbound,
    line::Line,
    pending::{Pending, Waiting},
    server::Serving,
};
use crate::job_actor::within;
use engine::ids::WorkerId;
use futures::StreamExt;
use proto::{
    attach::WorkerMessage,
    convert::attach::answered_call,
    status::{Code, Status},
    wire::v1,
    worker::WorkerService,
};
use std::sync::Arc;

/// The stream.
pub(super) struct Session {
    serving: Arc<Serving>,
    id: WorkerId,
    service: Arc<dyn WorkerService>,
    line: Arc<Line>,
    pending: Arc<Pending>,
    /// Whether the worker said that it goes.
    is_draining: bool,
}

/// Why a stream ended.
enum End {
    /// The coordinator closes it.
    Closing,
    /// The worker is gone: as it said, or without a word.
    Gone(String),
}

impl Session {
    pub(super) fn new(
        serving: Arc<Serving>,
        (id, service): (WorkerId, Arc<dyn WorkerService>),
        (line, pending): (Arc<Line>, Arc<Pending>),
    ) -> Self {
        Self { serving, id, service, line, pending, is_draining: false }
    }

    /// Listens until the stream ends; then nothing is under way any more, and the worker is out.
    pub(super) async fn run(mut self, inbound: impl Inbound) {
        let end = self.listen(inbound).await;
        let Self { serving, id, service, line, pending, is_draining } = self;
        let reason = match &end {
            End::Closing => "the coordinator ends",
            End::Gone(reason) => reason,
        };
        // In this order: whoever hears that a call failed finds the reason.
        line.end(reason);
        pending.close();
        serving.lines.remove(id, &line);
        if is_draining || matches!(end, End::Closing) {
            serving.coordinator.part_with_worker(id, &service).await;
        } else {
            serving.coordinator.lose_worker(id, &service, reason).await;
        }
    }

    async fn listen(&mut self, mut inbound: impl Inbound) -> End {
        let serving = Arc::clone(&self.serving);
        let silence_max = serving.attach.silence_max();
        loop {
            let next = tokio::select! {
                _ = serving.closing.cancelled() => return End::Closing,
                reason = self.line.ended() => return End::Gone(reason),
                next = within(&serving.clock, silence_max, inbound.next()) => next,
            };
            let message = match next {
                None => return End::Gone(format!("no sign of life for {silence_max:?}")),
                Some(None) => return End::Gone("its stream ended".to_owned()),
                Some(Some(Err(status))) => {
                    return End::Gone(format!("its stream broke: {}", status.message()));
                }
                Some(Some(Ok(message))) => message,
            };
            if let Err(reason) = self.take(message).await {
                return End::Gone(reason);
            }
        }
    }

    /// Takes a message in; what breaks the protocol ends the stream.
    async fn take(&mut self, message: v1::WorkerMessage) -> Result<(), String> {
        if let Some(call) = answered_call(&message) {
            match self.pending.take(call) {
                Some(waiting) => self.answer(waiting, message),
                None => self.serving.coordinator.metrics().refused_late.increment(),
            }
            return Ok(());
        }
        match WorkerMessage::try_from(message) {
            Ok(WorkerMessage::Heartbeat { .. } | WorkerMessage::Answer { .. }) => Ok(()),
            Ok(WorkerMessage::Draining) => {
                self.is_draining = true;
                self.serving.coordinator.drain_worker(self.id).await;
                Ok(())
            }
            Ok(WorkerMessage::Hello(_)) => self.refuse("it said hello twice".to_owned()),
            Err(error) => self.refuse(format!("it sent a damaged message: {error}")),
        }
    }

    fn refuse(&self, reason: String) -> Result<(), String> {
        self.serving.coordinator.metrics().refused_malformed.increment();
        Err(reason)
    }

    /// Takes an answer apart on a CPU thread: it may have megabytes.
    fn answer(&self, waiting: Waiting, message: v1::WorkerMessage) {
        let (cpu, metrics) = (self.serving.coordinator.cpu(), self.serving.coordinator.metrics());
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let decoded = cpu.run(move || WorkerMessage::try_from(message)).await;
            let answered = match decoded {
                Ok(Ok(WorkerMessage::Answer { answer, .. })) => answer,
                Ok(Err(error)) => {
                    metrics.refused_malformed.increment();
                    Err(Status::new(Code::Internal, format!("damaged answer: {error}")))
                }
                Ok(Ok(_)) | Err(_) => {
                    Err(Status::new(Code::Internal, "an answer could not be taken apart"))
                }
            };
            // Whoever gave the call up meanwhile does not want it.
            let _ = waiting.send(answered);
        });
    }
}
