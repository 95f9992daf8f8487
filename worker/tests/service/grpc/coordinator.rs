//! The coordinator's side of workers' streams, as the generated service takes them.

use super::soon;
use cluster::{
    grpc::{GrpcConfig, GrpcCounts, GrpcServer},
    readiness::Readiness,
    shutdown::{ShutdownCause, ShutdownConfig, ShutdownToken},
};
use engine::ids::ClusterId;
use futures::stream::{self, BoxStream, StreamExt};
use proto::{
    attach::{Answer, Call, CallId, CoordinatorMessage, Hello, Request, Welcome, WorkerMessage},
    status::Status,
    version::PROTOCOL,
    wire::{
        coordinator_service_server::{CoordinatorService, CoordinatorServiceServer},
        v1,
    },
};
use std::{net::SocketAddr, time::Duration};
use tokio::sync::{Mutex, mpsc};
use tonic::{Response, Streaming};

type Out = mpsc::Sender<Result<v1::CoordinatorMessage, tonic::Status>>;

/// A coordinator that takes streams and leaves the rest to the test.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub(super) address: SocketAddr,
    lines: Mutex<mpsc::Receiver<Line>>,
    ended: ShutdownToken,
}

/// One worker's stream.
#[derive(Debug)]
pub(super) struct Line {
    incoming: Streaming<v1::WorkerMessage>,
    out: Out,
    n_calls: u64,
}

impl Coordinator {
    pub(super) async fn start() -> Self {
        let (taken, lines) = mpsc::channel(8);
        let readiness = Readiness::new("a test");
        let server = GrpcServer::new(&GrpcConfig::default(), &GrpcCounts::default(), &readiness)
            .service(CoordinatorServiceServer::new(Door { taken }))
            .bind("127.0.0.1:0")
            .await
            .unwrap();
        let (address, ended) = (server.address(), ShutdownToken::new());
        let end = ended.clone();
        tokio::spawn(async move {
            let limits =
                ShutdownConfig { close_timeout: Duration::ZERO, ..ShutdownConfig::default() };
            server.serve(&end, &limits, async {}).await.unwrap();
        });
        Self { address, lines: Mutex::new(lines), ended }
    }

    /// Waits for a worker to dial.
    pub(super) async fn dialled(&self) -> Line {
        let mut lines = self.lines.lock().await;
        soon("a worker's stream", lines.recv()).await.unwrap()
    }

    /// Waits for a worker to dial, and welcomes it.
    pub(super) async fn welcome(&self, shards: &[SocketAddr]) -> (Hello, Line) {
        let mut line = self.dialled().await;
        let hello = line.hello().await;
        line.say(CoordinatorMessage::Welcome(welcome(shards))).await;
        (hello, line)
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.ended.cancel(ShutdownCause::Requested);
    }
}

pub(super) fn welcome(shards: &[SocketAddr]) -> Welcome {
    Welcome {
        cluster: ClusterId::new(77),
        protocol: PROTOCOL,
        heartbeat_interval: Duration::from_millis(50),
        heartbeats_missed_max: 100,
        shards: shards.iter().map(ToString::to_string).collect(),
        message_bytes_max: 1 << 20,
        calls_running_max: 16,
    }
}

impl Line {
    pub(super) async fn hello(&mut self) -> Hello {
        match self.next().await {
            Some(WorkerMessage::Hello(hello)) => hello,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn say(&self, message: CoordinatorMessage) {
        self.out.send(Ok(message.into())).await.unwrap();
    }

    pub(super) async fn call(&mut self, request: Request) -> CallId {
        self.n_calls += 1;
        let id = CallId(self.n_calls);
        let call = Call { id, traceparent: String::new(), request };
        self.say(CoordinatorMessage::Call(call)).await;
        id
    }

    /// Waits for the next message; none if the worker closed the stream, or broke it.
    pub(super) async fn next(&mut self) -> Option<WorkerMessage> {
        let message = soon("a worker's message", self.incoming.message()).await;
        Some(message.ok()??.try_into().unwrap())
    }

    /// Waits for the next message that is no heartbeat.
    pub(super) async fn next_but_heartbeats(&mut self) -> Option<WorkerMessage> {
        loop {
            match self.next().await {
                Some(WorkerMessage::Heartbeat { .. }) => {}
                message => return message,
            }
        }
    }

    /// Waits for the next answer.
    pub(super) async fn answer(&mut self) -> (CallId, Result<Answer, Status>) {
        match self.next_but_heartbeats().await {
            Some(WorkerMessage::Answer { call, answer }) => (call, answer),
            other => panic!("{other:?}"),
        }
    }
}

/// Hands streams to the test.
#[derive(Debug)]
struct Door {
    taken: mpsc::Sender<Line>,
}

fn not_asked<T>() -> Result<Response<T>, tonic::Status> {
    Err(tonic::Status::unimplemented("a worker has no business here"))
}

#[tonic::async_trait]
impl CoordinatorService for Door {
    type ExecuteBlockStream = BoxStream<'static, Result<v1::ExecuteBlockResponse, tonic::Status>>;
    type BuildBlockStream = BoxStream<'static, Result<v1::BuildBlockResponse, tonic::Status>>;
    type AttachStream = BoxStream<'static, Result<v1::CoordinatorMessage, tonic::Status>>;

    async fn attach(
        &self,
        request: tonic::Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::AttachStream>, tonic::Status> {
        let (out, messages) = mpsc::channel(64);
        let line = Line { incoming: request.into_inner(), out, n_calls: 0 };
        // A test that has seen enough takes no more.
        let _ = self.taken.try_send(line);
        let messages = stream::unfold(messages, async |mut messages| {
            let message = messages.recv().await?;
            Some((message, messages))
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn execute_block(
        &self,
        _: tonic::Request<v1::ExecuteBlockRequest>,
    ) -> Result<Response<Self::ExecuteBlockStream>, tonic::Status> {
        not_asked()
    }

    async fn load_genesis(
        &self,
        _: tonic::Request<Streaming<v1::LoadGenesisRequest>>,
    ) -> Result<Response<v1::LoadGenesisResponse>, tonic::Status> {
        not_asked()
    }

    async fn load_snapshot(
        &self,
        _: tonic::Request<Streaming<v1::LoadSnapshotRequest>>,
    ) -> Result<Response<v1::LoadSnapshotResponse>, tonic::Status> {
        not_asked()
    }

    async fn drop_snapshot(
        &self,
        _: tonic::Request<v1::DropSnapshotRequest>,
    ) -> Result<Response<v1::DropSnapshotResponse>, tonic::Status> {
        not_asked()
    }

    async fn build_block(
        &self,
        _: tonic::Request<v1::BuildBlockRequest>,
    ) -> Result<Response<Self::BuildBlockStream>, tonic::Status> {
        not_asked()
    }

    async fn set_head(
        &self,
        _: tonic::Request<v1::SetHeadRequest>,
    ) -> Result<Response<v1::SetHeadResponse>, tonic::Status> {
        not_asked()
    }

    async fn get_proof(
        &self,
        _: tonic::Request<v1::GetProofRequest>,
    ) -> Result<Response<v1::GetProofResponse>, tonic::Status> {
        not_asked()
    }

    async fn get_status(
        &self,
        _: tonic::Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, tonic::Status> {
        not_asked()
    }
}
