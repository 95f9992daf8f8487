//! A worker at the other end of its stream, as the coordinator calls it.

use super::{
    line::Line,
    pending::{Answered, Pending},
};
use crate::cpu::Cpu;
use async_trait::async_trait;
use engine::{
    ids::{JobId, WorkerId},
    outcome::SliceOutcome,
    task::{JobFrame, SliceTask},
};
use proto::{
    attach::{Answer, Call, CallId, CoordinatorMessage, Request},
    status::{Code, Status},
    wire::v1,
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::{num::NonZeroU32, sync::Arc};
use tokio::sync::{Semaphore, oneshot};

/// The worker. Its calls end as `Unavailable` when the stream does.
#[derive(Debug)]
pub(super) struct AttachedWorker {
    id: WorkerId,
    line: Arc<Line>,
    pending: Arc<Pending>,
    /// Places for calls under way; the end of a job needs none.
    places: Semaphore,
    cpu: Cpu,
}

/// A call under way. Dropped before its answer came, it is taken back.
struct Open<'a> {
    worker: &'a AttachedWorker,
    id: CallId,
    answer: oneshot::Receiver<Answered>,
    /// Whether the worker may have heard of it.
    is_sent: bool,
}

impl Open<'_> {
    async fn answered(mut self) -> Answered {
        self.is_sent = true;
        (&mut self.answer).await.unwrap_or_else(|_| Err(self.worker.line.gone()))
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.worker.pending.take(self.id).is_some() && self.is_sent {
            self.worker.line.cancel(self.id);
        }
    }
}

impl AttachedWorker {
    pub(super) fn new(
        id: WorkerId,
        (line, pending): (Arc<Line>, Arc<Pending>),
        calls_running_max: NonZeroU32,
        cpu: Cpu,
    ) -> Self {
        let places = usize::try_from(calls_running_max.get()).unwrap_or(Semaphore::MAX_PERMITS);
        Self { id, line, pending, places: Semaphore::new(places), cpu }
    }

    fn open(&self) -> Result<Open<'_>, Status> {
        let (id, answer) = self.pending.open().ok_or_else(|| self.line.gone())?;
        Ok(Open { worker: self, id, answer, is_sent: false })
    }

    /// Sends a call and waits for its answer.
    async fn call(&self, frame: &Arc<JobFrame>, request: Request) -> Answered {
        let _place = self.places.acquire().await.map_err(|_| self.line.gone())?;
        let mut open = self.open()?;
        let traceparent = cluster::grpc::trace_context();
        let call = Call { id: open.id, traceparent, request };
        // A slice with its overlay may have megabytes.
        let encoding = self.cpu.run(move || CoordinatorMessage::Call(call).into()).await;
        let message: v1::CoordinatorMessage =
            encoding.map_err(|error| Status::new(Code::Internal, error.to_string()))?;
        open.is_sent = true;
        self.line.call(message, Some(frame)).await?;
        open.answered().await
    }

    fn broke(&self, what: &str) -> Status {
        let message = format!("worker {} answered {what} with something else", self.id);
        Status::new(Code::Internal, message)
    }
}

#[async_trait]
impl WorkerService for AttachedWorker {
    async fn prepare(&self, request: PrepareRequest) -> Result<PrepareResponse, Status> {
        let frame = Arc::clone(&request.frame);
        match self.call(&frame, Request::Prepare(request)).await? {
            Answer::Prepared(response) => Ok(response),
            Answer::Slice(_) | Answer::Done => Err(self.broke("Prepare")),
        }
    }

    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status> {
        let frame = Arc::clone(&task.frame);
        match self.call(&frame, Request::ExecuteSlice(Box::new(task))).await? {
            Answer::Slice(outcome) => Ok(*outcome),
            Answer::Prepared(_) | Answer::Done => Err(self.broke("ExecuteSlice")),
        }
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        let open = self.open()?;
        let traceparent = cluster::grpc::trace_context();
        let call = Call { id: open.id, traceparent, request: Request::EndJob(job) };
        self.line.end_job(call, job).await?;
        match open.answered().await? {
            Answer::Done => Ok(()),
            Answer::Prepared(_) | Answer::Slice(_) => Err(self.broke("EndJob")),
        }
    }
}
