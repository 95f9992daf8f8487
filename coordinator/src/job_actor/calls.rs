//! Calls to workers, each with a permit and a deadline.

use super::{Happened, JobActor};
use crate::{
    dispatch::{Permit, Service},
    front::{Acquire, Front, Removal, RemoveWorker},
    job::{Dispatch, Event},
};
use actix::{ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use cluster::clock::SharedClock;
use engine::{
    ids::{AccessIndex, JobId, WorkerId},
    task::SliceTask,
};
use futures::future::{Either, select};
use proto::{
    status::{Code, Status},
    worker::PrepareRequest,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tracing::{Instrument, info_span};

/// Waits for a future, but not longer than this.
pub(crate) async fn within<T>(
    clock: &SharedClock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, clock.sleep(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}

/// One call to a worker.
struct Call {
    worker: WorkerId,
    service: Service,
    /// The job as the worker knows it.
    job: JobId,
    /// Its place in the order of work.
    order: (JobId, AccessIndex),
    front: Addr<Front>,
    clock: SharedClock,
    limit: Duration,
    probe_limit: Duration,
}

impl Call {
    /// Makes the call when a permit is there; there is none any more if the worker drains or is
    /// gone, which the job is told by others. `None` if the worker is found to be gone or silent.
    async fn make<T, Making>(
        &self,
        making: impl FnOnce(Service) -> Making,
    ) -> Option<Result<T, Status>>
    where
        Making: Future<Output = Result<T, Status>>,
    {
        let Some(permit) = self.permit().await else {
            let message = format!("worker {} takes nothing any more", self.worker);
            return Some(Err(Status::new(Code::ResourceExhausted, message)));
        };
        let answer = within(&self.clock, self.limit, making(Arc::clone(&self.service))).await;
        drop(permit);
        match answer {
            Some(Err(status)) if status.code == Code::Unavailable => {
                self.probe(status.message).await;
                None
            }
            Some(answer) => Some(answer),
            None => {
                self.probe(format!("no answer within {:?}", self.limit)).await;
                None
            }
        }
    }

    async fn permit(&self) -> Option<Permit> {
        let (granted, permit) = oneshot::channel();
        let (job, index) = self.order;
        self.front.do_send(Acquire { worker: self.worker, job, index, granted });
        permit.await.ok()
    }

    /// A worker that failed a call is lost for this job. It is lost for all if it does not even
    /// answer that the job is over; otherwise what it needs was away, and not the worker.
    async fn probe(&self, reason: String) {
        let answer = within(&self.clock, self.probe_limit, self.service.end_job(self.job)).await;
        if !matches!(answer, Some(Ok(()))) {
            let why = Removal::Lost(reason);
            let service = Some(Arc::clone(&self.service));
            self.front.do_send(RemoveWorker { worker: self.worker, why, service });
        }
    }
}

impl JobActor {
    fn call(&self, worker: WorkerId, index: AccessIndex, limit: Duration) -> Option<Call> {
        Some(Call {
            worker,
            service: Arc::clone(self.services.get(&worker)?),
            job: self.job,
            order: (self.accepted, index),
            front: self.front.clone(),
            clock: self.tools.clock.clone(),
            limit,
            probe_limit: self.tools.config.deadlines.end_job,
        })
    }

    pub(super) fn prepare(
        &self,
        (worker, part): (WorkerId, u32),
        indices: Vec<AccessIndex>,
        context: &mut Context<Self>,
    ) {
        let (Some(block), Some(frame)) = (&self.block, &self.frame) else { return };
        let first = indices.first().copied().unwrap_or_default();
        let Some(call) = self.call(worker, first, self.tools.config.deadlines.prepare) else {
            return context.notify(Happened(Event::WorkerLost(worker)));
        };
        let transaction = |index: AccessIndex| {
            let transaction = block.transactions.get(index.transaction_offset()?)?;
            Some((index, Arc::clone(transaction)))
        };
        let transactions: Vec<_> = indices.into_iter().filter_map(transaction).collect();
        let n_transactions = transactions.len();
        let request = PrepareRequest { frame: Arc::clone(frame), transactions };
        let span = info_span!(parent: &self.span, "prepare", %worker, part, n_transactions);
        let service = Arc::clone(&call.service);
        let calling = async move {
            let answer = call.make(|service| async move { service.prepare(request).await }).await;
            match answer {
                None => Event::WorkerLost(worker),
                Some(Ok(answer)) => {
                    let (senders, cpu_us) = (answer.senders, answer.cpu_us);
                    Event::Prepared { worker, part, senders, cpu_us }
                }
                Some(Err(status)) => Event::PrepareFailed { worker, part, status },
            }
        };
        let calling = calling.instrument(span).into_actor(self);
        let run = self.n_restarts;
        context.spawn(calling.map(move |event, actor, context| {
            if actor.n_restarts == run {
                actor.answered((worker, &service), event, context);
            }
        }));
    }

    /// Takes the answer of a worker in. That it is gone counts only if it is not another by now.
    fn answered(
        &mut self,
        (worker, service): (WorkerId, &Service),
        event: Event,
        context: &mut Context<Self>,
    ) {
        let is_same = self.services.get(&worker).is_some_and(|it| Arc::ptr_eq(it, service));
        if is_same || !matches!(event, Event::WorkerLost(_)) {
            self.notice(event, context);
        }
    }

    /// Gives up what was asked of a worker that is gone.
    pub(super) fn drop_calls(&mut self, worker: WorkerId, context: &mut Context<Self>) {
        let calls = std::mem::take(&mut self.calls);
        for ((callee, dispatch), handle) in calls {
            if callee == worker {
                context.cancel_future(handle);
            } else {
                self.calls.insert((callee, dispatch), handle);
            }
        }
    }

    pub(super) fn dispatch(
        &mut self,
        worker: WorkerId,
        task: SliceTask,
        context: &mut Context<Self>,
    ) {
        let first = task.items.first().map(|item| item.index).unwrap_or_default();
        let Some(call) = self.call(worker, first, self.tools.config.deadlines.dispatch) else {
            return context.notify(Happened(Event::WorkerLost(worker)));
        };
        let dispatch = (task.slice, task.attempt);
        let service = Arc::clone(&call.service);
        let span = info_span!(
            parent: &self.span, "dispatch",
            slice = %task.slice, attempt = %task.attempt, %worker, kind = ?task.kind,
            n_indices = task.items.len(), n_overlay = task.overlay.len(),
        );
        let calling = async move {
            let answer =
                call.make(|service| async move { service.execute_slice(task).await }).await;
            match answer {
                None => Event::WorkerLost(worker),
                Some(Ok(outcome)) => Event::SliceAnswered { worker, outcome: Box::new(outcome) },
                Some(Err(status)) => Event::SliceFailed { worker, dispatch, status },
            }
        };
        let calling = calling.instrument(span).into_actor(self);
        let handle = context.spawn(calling.map(move |event, actor, context| {
            actor.calls.remove(&(worker, dispatch));
            actor.answered((worker, &service), event, context);
        }));
        self.calls.insert((worker, dispatch), handle);
    }

    pub(super) fn cancel(
        &mut self,
        worker: WorkerId,
        dispatch: Dispatch,
        context: &mut Context<Self>,
    ) {
        if let Some(handle) = self.calls.remove(&(worker, dispatch)) {
            context.cancel_future(handle);
        }
    }

    /// Tells workers that the job is over; nobody waits for it.
    pub(super) fn end_at_workers(&self, workers: Vec<WorkerId>) {
        let limit = self.tools.config.deadlines.end_job;
        for service in workers.iter().filter_map(|worker| self.services.get(worker)) {
            let (service, clock, job) = (Arc::clone(service), self.tools.clock.clone(), self.job);
            actix::spawn(async move {
                // A worker that does not hear it drops the job with its connection.
                let _ = within(&clock, limit, service.end_job(job)).await;
            });
        }
    }

    /// Runs a future whose end is an event of the present run; if the job starts again meanwhile,
    /// it is none.
    pub(super) fn spawn_event(
        &self,
        context: &mut Context<Self>,
        future: impl Future<Output = Event> + 'static,
    ) {
        let run = self.n_restarts;
        let future = future.into_actor(self);
        context.spawn(future.map(move |event, actor, context| {
            if actor.n_restarts == run {
                actor.notice(event, context);
            }
        }));
    }
}
