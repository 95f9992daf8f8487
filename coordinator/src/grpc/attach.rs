//! Takes workers in: their first word, and what they are answered.

use super::{
    attached::AttachedWorker, line::line, pending::Pending, server::Serving, session::Session,
};
use crate::{WorkerFacts, job_actor::within};
use futures::{Stream, StreamExt, stream};
use proto::{
    attach::{CoordinatorMessage, Hello, Welcome, WorkerMessage},
    status::{Code, Status},
    version::PROTOCOL,
    wire::v1,
    worker::WorkerService,
};
use std::sync::Arc;
use tracing::warn;

/// What is sent to a worker.
pub(super) type Outbound =
    std::pin::Pin<Box<dyn Stream<Item = Result<v1::CoordinatorMessage, tonic::Status>> + Send>>;

/// What a worker sends.
pub(super) trait Inbound:
    Stream<Item = Result<v1::WorkerMessage, tonic::Status>> + Send + Unpin + 'static
{
}

impl<S> Inbound for S where
    S: Stream<Item = Result<v1::WorkerMessage, tonic::Status>> + Send + Unpin + 'static
{
}

/// Takes a worker in, or answers why not.
pub(super) async fn attach(serving: Arc<Serving>, mut inbound: impl Inbound) -> Outbound {
    match hello(&serving, &mut inbound).await {
        Ok(hello) => take_in(serving, hello, inbound).await,
        Err(status) => {
            warn!(%status, "a worker is refused");
            serving.coordinator.metrics().refused_protocol.increment();
            refused(status)
        }
    }
}

fn refused(status: Status) -> Outbound {
    Box::pin(stream::iter([Ok(CoordinatorMessage::Refused(status).into())]))
}

/// Waits for the first message, which says who calls and what it speaks.
async fn hello(serving: &Serving, inbound: &mut impl Inbound) -> Result<Hello, Status> {
    let first = within(&serving.clock, serving.attach.hello_timeout, inbound.next()).await;
    let first = first
        .flatten()
        .ok_or_else(|| Status::new(Code::InvalidArgument, "hello: the stream began without it"))?;
    match WorkerMessage::try_from(first?)? {
        WorkerMessage::Hello(hello) => Ok(hello),
        _ => Err(Status::new(Code::InvalidArgument, "hello: another message came first")),
    }
}

async fn take_in(serving: Arc<Serving>, hello: Hello, inbound: impl Inbound) -> Outbound {
    let id = hello.worker;
    let (line, outbound) = line(&serving.attach);
    line.open(CoordinatorMessage::Welcome(welcome(&serving)));
    let pending = Arc::new(Pending::default());
    let calls = (Arc::clone(&line), Arc::clone(&pending));
    let places = serving.attach.calls_running_max;
    let worker = AttachedWorker::new(id, calls, places, serving.coordinator.cpu());
    let service: Arc<dyn WorkerService> = Arc::new(worker);
    let facts =
        WorkerFacts { id, cores: hello.cores, address: hello.address, version: hello.version };
    if !serving.coordinator.replace_worker(facts, Arc::clone(&service)).await {
        let message = format!("worker {id} is quarantined");
        return refused(Status::new(Code::FailedPrecondition, message));
    }
    serving.lines.add((id, hello.name), &line);
    let session = Session::new(serving, (id, service), (line, pending));
    tokio::spawn(session.run(inbound));
    Box::pin(outbound)
}

fn welcome(serving: &Serving) -> Welcome {
    Welcome {
        cluster: serving.cluster,
        protocol: PROTOCOL,
        heartbeat_interval: serving.attach.heartbeat_interval,
        heartbeats_missed_max: serving.attach.heartbeats_missed_max.get(),
        shards: serving.shards.clone(),
        message_bytes_max: serving.message_bytes_max as u64,
        calls_running_max: serving.attach.calls_running_max.get(),
    }
}
