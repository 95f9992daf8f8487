//! Requests of clients and workers, taken apart and handed to the coordinator.

use super::{
    attach::{self, Outbound},
    config::AttachConfig,
    lines::Lines,
};
use crate::CoordinatorHandle;
use alloy_primitives::B256;
use cluster::{
    clock::SharedClock,
    grpc,
    readiness::{Readiness, Ready},
    shutdown::ShutdownToken,
};
use engine::ids::{ClusterId, SnapshotId};
use futures::{Stream, StreamExt, stream};
use proto::{
    convert::outcome_parts::OutcomeParts,
    coordinator::{BuildBlockRequest, CoordinatorService, ExecuteBlockRequest, GetProofRequest},
    status::{Code, Status},
    uploads,
    wire::{
        coordinator_service_server::{CoordinatorService as Wire, CoordinatorServiceServer},
        v1,
    },
};
use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};
use tonic::{Request, Response, Streaming};

/// Bytes of a piece of an outcome.
const PIECE_BYTES_MAX: usize = 256 << 10;

/// What the service needs once there is a coordinator.
#[derive(Debug)]
pub struct Serving {
    pub(super) coordinator: CoordinatorHandle,
    pub(super) cluster: ClusterId,
    pub(super) attach: AttachConfig,
    pub(super) message_bytes_max: usize,
    /// Addresses of the shards by index.
    pub(super) shards: Vec<String>,
    pub(super) clock: SharedClock,
    pub(super) closing: ShutdownToken,
    pub(super) lines: Lines,
}

impl Serving {
    /// Puts together what the service needs. Streams end when `closing` is cancelled.
    pub fn new(
        coordinator: CoordinatorHandle,
        (attach, message_bytes_max): (AttachConfig, usize),
        shards: Vec<String>,
        closing: ShutdownToken,
    ) -> Self {
        let (cluster, clock) = (coordinator.cluster(), coordinator.clock());
        let lines = Lines::default();
        Self { coordinator, cluster, attach, message_bytes_max, shards, clock, closing, lines }
    }

    /// Ends the stream of a worker that is no member any more. False if it has none.
    pub fn lose(&self, member: &str, reason: &str) -> bool {
        self.lines.end(member, reason)
    }
}

/// The service. Until there is a coordinator it answers that it is not ready, and why.
#[derive(Clone, Debug)]
pub struct GrpcService {
    serving: Arc<OnceLock<Arc<Serving>>>,
    readiness: Readiness,
    message_bytes_max: usize,
}

impl GrpcService {
    /// Makes a service without a coordinator.
    pub fn new(readiness: &Readiness, message_bytes_max: usize) -> Self {
        Self { serving: Arc::default(), readiness: readiness.clone(), message_bytes_max }
    }

    /// From now on there is a coordinator. A second one is not taken.
    pub fn serve(&self, serving: Arc<Serving>) {
        let _ = self.serving.set(serving);
    }

    /// Makes the generated server.
    pub fn server(&self) -> CoordinatorServiceServer<Self> {
        CoordinatorServiceServer::new(self.clone())
            .max_decoding_message_size(self.message_bytes_max)
            .max_encoding_message_size(self.message_bytes_max)
    }

    fn serving(&self) -> Result<Arc<Serving>, Status> {
        let ready = || match self.readiness.get() {
            Ready::No(reason) => format!("the coordinator is not ready: {reason}"),
            Ready::Yes | Ready::Stopping => "the coordinator stops".to_owned(),
        };
        self.serving.get().cloned().ok_or_else(|| Status::new(Code::Unavailable, ready()))
    }

    fn load_bytes_max(serving: &Serving) -> usize {
        usize::try_from(serving.attach.load_bytes_max).unwrap_or(usize::MAX)
    }
}

/// Parts of an outcome.
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, tonic::Status>> + Send>>;

#[tonic::async_trait]
impl Wire for GrpcService {
    type ExecuteBlockStream = Parts<v1::ExecuteBlockResponse>;
    type BuildBlockStream = Parts<v1::BuildBlockResponse>;
    type AttachStream = Outbound;

    async fn execute_block(
        &self,
        request: Request<v1::ExecuteBlockRequest>,
    ) -> Result<Response<Self::ExecuteBlockStream>, tonic::Status> {
        let serving = self.serving()?;
        let parent = grpc::parent_of(&request);
        let request = ExecuteBlockRequest::try_from(request.into_inner())?;
        let outcome = serving.coordinator.execute_block_in(request, &parent).await?;
        let parts = OutcomeParts::new(outcome, PIECE_BYTES_MAX);
        Ok(Response::new(Box::pin(stream::iter(parts.map(Ok)))))
    }

    async fn build_block(
        &self,
        request: Request<v1::BuildBlockRequest>,
    ) -> Result<Response<Self::BuildBlockStream>, tonic::Status> {
        let serving = self.serving()?;
        let parent = grpc::parent_of(&request);
        let request = BuildBlockRequest::try_from(request.into_inner())?;
        let outcome = serving.coordinator.build_block_in(request, &parent).await?;
        let parts = OutcomeParts::new(outcome, PIECE_BYTES_MAX);
        let parts = parts.map(|part| Ok(v1::BuildBlockResponse { part: Some(part) }));
        Ok(Response::new(Box::pin(stream::iter(parts))))
    }

    async fn load_genesis(
        &self,
        request: Request<Streaming<v1::LoadGenesisRequest>>,
    ) -> Result<Response<v1::LoadGenesisResponse>, tonic::Status> {
        let serving = self.serving()?;
        let bytes_max = Self::load_bytes_max(&serving);
        let genesis = uploads::genesis(request.into_inner(), bytes_max).await?;
        let root = serving.coordinator.load_genesis(genesis).await?;
        Ok(Response::new(root.into()))
    }

    async fn load_snapshot(
        &self,
        request: Request<Streaming<v1::LoadSnapshotRequest>>,
    ) -> Result<Response<v1::LoadSnapshotResponse>, tonic::Status> {
        let serving = self.serving()?;
        let bytes_max = Self::load_bytes_max(&serving);
        let contents = uploads::snapshot(request.into_inner(), bytes_max).await?;
        let snapshot = serving.coordinator.load_snapshot(contents).await?;
        Ok(Response::new(snapshot.into()))
    }

    async fn drop_snapshot(
        &self,
        request: Request<v1::DropSnapshotRequest>,
    ) -> Result<Response<v1::DropSnapshotResponse>, tonic::Status> {
        let serving = self.serving()?;
        let snapshot = SnapshotId::try_from(request.into_inner())?;
        serving.coordinator.drop_snapshot(snapshot).await?;
        Ok(Response::new(v1::DropSnapshotResponse {}))
    }

    async fn set_head(
        &self,
        request: Request<v1::SetHeadRequest>,
    ) -> Result<Response<v1::SetHeadResponse>, tonic::Status> {
        let serving = self.serving()?;
        let block_hash = B256::try_from(request.into_inner())?;
        let head = serving.coordinator.set_head(block_hash).await?;
        Ok(Response::new(head.into()))
    }

    async fn get_proof(
        &self,
        request: Request<v1::GetProofRequest>,
    ) -> Result<Response<v1::GetProofResponse>, tonic::Status> {
        let serving = self.serving()?;
        let request = GetProofRequest::try_from(request.into_inner())?;
        let proof = serving.coordinator.get_proof(request).await?;
        Ok(Response::new(proof.into()))
    }

    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, tonic::Status> {
        let status = self.serving()?.coordinator.status().await?;
        Ok(Response::new(status.into()))
    }

    async fn attach(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Outbound>, tonic::Status> {
        let serving = self.serving()?;
        let outbound = attach::attach(serving, request.into_inner().boxed()).await;
        Ok(Response::new(outbound))
    }
}
