//! The coordinator over gRPC.

use super::{Deadlines, MessageLimits, Transport, damaged, with_deadline, within};
use crate::{
    convert::{
        outcome_parts::OutcomeAssembler,
        state_pieces::{ContentsPieces, StatePieces},
    },
    coordinator::{
        BlockOutcome, BuildBlockRequest, ClusterStatus, CoordinatorService, ExecuteBlockRequest,
        GetProofRequest, GetProofResponse,
    },
    state::{Head, LoadGenesisRequest, SnapshotContents},
    status::Status,
    wire::{coordinator_service_client::CoordinatorServiceClient, v1},
};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::SnapshotId;
use futures::stream;
use std::fmt;

/// The coordinator over gRPC. Cheap to clone.
#[derive(Clone)]
pub struct CoordinatorClient<T> {
    inner: CoordinatorServiceClient<T>,
    deadlines: Deadlines,
    limits: MessageLimits,
}

impl<T> fmt::Debug for CoordinatorClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CoordinatorClient");
        shown.field("deadlines", &self.deadlines).field("limits", &self.limits);
        shown.finish_non_exhaustive()
    }
}

impl<T: Transport> CoordinatorClient<T> {
    /// Makes a client over a transport.
    pub fn new(transport: T, deadlines: Deadlines, limits: MessageLimits) -> Self {
        let inner = CoordinatorServiceClient::new(transport)
            .max_encoding_message_size(limits.message_bytes_max)
            .max_decoding_message_size(limits.message_bytes_max);
        Self { inner, deadlines, limits }
    }
}

#[async_trait]
impl<T> CoordinatorService for CoordinatorClient<T>
where
    T: Transport,
{
    async fn execute_block(&self, request: ExecuteBlockRequest) -> Result<BlockOutcome, Status> {
        let mut client = self.inner.clone();
        let message = self.limits.sized(v1::ExecuteBlockRequest::from(request))?;
        let request = with_deadline(message, self.deadlines.block);
        within(self.deadlines.block, async move {
            let mut parts = client.execute_block(request).await?.into_inner();
            let mut outcome = OutcomeAssembler::default();
            while let Some(part) = parts.message().await? {
                outcome.take(part).map_err(damaged)?;
            }
            outcome.finish().map_err(damaged)
        })
        .await
    }

    async fn build_block(&self, request: BuildBlockRequest) -> Result<BlockOutcome, Status> {
        let mut client = self.inner.clone();
        let message = self.limits.sized(v1::BuildBlockRequest::from(request))?;
        let request = with_deadline(message, self.deadlines.block);
        within(self.deadlines.block, async move {
            let mut parts = client.build_block(request).await?.into_inner();
            let mut outcome = OutcomeAssembler::default();
            while let Some(v1::BuildBlockResponse { part }) = parts.message().await? {
                outcome.take(part.unwrap_or_default()).map_err(damaged)?;
            }
            outcome.finish().map_err(damaged)
        })
        .await
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<B256, Status> {
        use v1::load_genesis_request::Part;
        let header = Part::Header(v1::GenesisHeader::from(&request));
        let pieces = StatePieces::new(request.state, self.limits.piece_bytes_max).map(Part::Piece);
        let parts = std::iter::once(header).chain(pieces);
        let parts = parts.map(|part| v1::LoadGenesisRequest { part: Some(part) });
        let mut client = self.inner.clone();
        let request = with_deadline(stream::iter(parts), self.deadlines.load);
        within(self.deadlines.load, async move {
            let answer = client.load_genesis(request).await?.into_inner();
            answer.try_into().map_err(damaged)
        })
        .await
    }

    async fn load_snapshot(&self, contents: SnapshotContents) -> Result<SnapshotId, Status> {
        use v1::load_snapshot_request::Part;
        let header = Part::Header((&contents).into());
        let pieces = ContentsPieces::new(contents, self.limits.piece_bytes_max).map(Part::Piece);
        let parts = std::iter::once(header).chain(pieces);
        let parts = parts.map(|part| v1::LoadSnapshotRequest { part: Some(part) });
        let mut client = self.inner.clone();
        let request = with_deadline(stream::iter(parts), self.deadlines.load);
        within(self.deadlines.load, async move {
            let answer = client.load_snapshot(request).await?.into_inner();
            answer.try_into().map_err(damaged)
        })
        .await
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        let message = v1::DropSnapshotRequest { snapshot: Some(snapshot.into()) };
        let mut client = self.inner.clone();
        let request = with_deadline(message, self.deadlines.control);
        within(self.deadlines.control, async move {
            let v1::DropSnapshotResponse {} = client.drop_snapshot(request).await?.into_inner();
            Ok(())
        })
        .await
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        let message =
            v1::SetHeadRequest { block_hash: bytes::Bytes::copy_from_slice(block_hash.as_slice()) };
        let mut client = self.inner.clone();
        let request = with_deadline(message, self.deadlines.control);
        within(self.deadlines.control, async move {
            let answer = client.set_head(request).await?.into_inner();
            answer.try_into().map_err(damaged)
        })
        .await
    }

    async fn get_proof(&self, request: GetProofRequest) -> Result<GetProofResponse, Status> {
        let message = self.limits.sized(v1::GetProofRequest::from(request))?;
        let mut client = self.inner.clone();
        let request = with_deadline(message, self.deadlines.control);
        within(self.deadlines.control, async move {
            let answer = client.get_proof(request).await?.into_inner();
            answer.try_into().map_err(damaged)
        })
        .await
    }

    async fn status(&self) -> Result<ClusterStatus, Status> {
        let mut client = self.inner.clone();
        let request = with_deadline(v1::GetStatusRequest {}, self.deadlines.control);
        within(self.deadlines.control, async move {
            let answer = client.get_status(request).await?.into_inner();
            answer.try_into().map_err(damaged)
        })
        .await
    }
}
