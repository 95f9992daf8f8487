//! A state shard over gRPC.

use super::{Deadlines, MessageLimits, Transport, damaged, with_deadline, within};
use crate::{
    convert::state_pieces::{ContentsPieces, StatePieces},
    state::{
        CommitRequest, ConfigureRequest, Feed, FeedMessage, Head, LoadGenesisRequest,
        LoadSnapshotRequest, ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest,
        SealResponse, SealedShard, StageRequest, StateService,
    },
    status::{Code, Status},
    wire::{state_service_client::StateServiceClient, v1},
};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::{BootId, JobId, SnapshotId};
use futures::{StreamExt, stream};
use std::{fmt, time::Duration};

/// A state shard over gRPC. Cheap to clone.
#[derive(Clone)]
pub struct StateClient<T> {
    inner: StateServiceClient<T>,
    deadlines: Deadlines,
    limits: MessageLimits,
}

impl<T> fmt::Debug for StateClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StateClient");
        shown.field("deadlines", &self.deadlines).field("limits", &self.limits);
        shown.finish_non_exhaustive()
    }
}

impl<T: Transport> StateClient<T> {
    /// Makes a client over a transport.
    pub fn new(transport: T, deadlines: Deadlines, limits: MessageLimits) -> Self {
        let inner = StateServiceClient::new(transport)
            .max_encoding_message_size(limits.message_bytes_max)
            .max_decoding_message_size(limits.message_bytes_max);
        Self { inner, deadlines, limits }
    }
}

/// Calls a method and converts its answer.
macro_rules! call {
    ($self:ident . $method:ident($message:expr) within $deadline:expr) => {{
        let deadline: Duration = $deadline;
        let mut client = $self.inner.clone();
        let request = with_deadline($message, deadline);
        within(deadline, async move { Ok(client.$method(request).await?.into_inner()) }).await?
    }};
}

#[async_trait]
impl<T> StateService for StateClient<T>
where
    T: Transport,
{
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        let message = v1::ConfigureRequest::from(request);
        let answer = call!(self.configure(message) within self.deadlines.control);
        answer.try_into().map_err(damaged)
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        let n_keys = request.keys.len();
        let message = self.limits.sized(v1::ReadRequest::from(request))?;
        let answer = call!(self.read(message) within self.deadlines.read);
        let response = ReadResponse::try_from(answer).map_err(damaged)?;
        if response.values.len() == n_keys {
            return Ok(response);
        }
        let message = format!("{} answers to {n_keys} keys", response.values.len());
        Err(Status::new(Code::Internal, message))
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        let message = self.limits.sized(v1::StageRequest::from(request))?;
        let v1::StageResponse {} = call!(self.stage(message) within self.deadlines.stage);
        Ok(())
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        let message = self.limits.sized(v1::SealRequest::from(request))?;
        call!(self.seal(message) within self.deadlines.seal).try_into().map_err(damaged)
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        let message = v1::CommitRequest::from(request);
        let v1::CommitResponse {} = call!(self.commit(message) within self.deadlines.commit);
        Ok(())
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        let message = v1::AbortRequest { job_id: Some(job.into()) };
        let v1::AbortResponse {} = call!(self.abort(message) within self.deadlines.control);
        Ok(())
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        use v1::shard_load_genesis_request::Part;
        let header = Part::Header(v1::GenesisHeader::from(&request));
        let pieces = StatePieces::new(request.state, self.limits.piece_bytes_max).map(Part::Piece);
        let parts = std::iter::once(header).chain(pieces);
        let parts = parts.map(|part| v1::ShardLoadGenesisRequest { part: Some(part) });
        let answer = call!(self.load_genesis(stream::iter(parts)) within self.deadlines.load);
        SealedShard::try_from(answer).map_err(damaged)
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        use v1::shard_load_snapshot_request::Part;
        let contents = Some((&request.contents).into());
        let header = Part::Header(v1::SnapshotHeader { number: request.number, contents });
        let pieces = ContentsPieces::new(request.contents, self.limits.piece_bytes_max);
        let parts = std::iter::once(header).chain(pieces.map(Part::Piece));
        let parts = parts.map(|part| v1::ShardLoadSnapshotRequest { part: Some(part) });
        let v1::ShardLoadSnapshotResponse {} =
            call!(self.load_snapshot(stream::iter(parts)) within self.deadlines.load);
        Ok(())
    }

    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status> {
        let message = v1::ShardDropSnapshotRequest { snapshot: Some(snapshot.into()) };
        let v1::ShardDropSnapshotResponse {} =
            call!(self.drop_snapshot(message) within self.deadlines.control);
        Ok(())
    }

    async fn set_head(&self, block_hash: B256) -> Result<Head, Status> {
        let message = v1::ShardSetHeadRequest {
            block_hash: bytes::Bytes::copy_from_slice(block_hash.as_slice()),
        };
        let answer = call!(self.set_head(message) within self.deadlines.control);
        answer.try_into().map_err(damaged)
    }

    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status> {
        let message = self.limits.sized(v1::ProveRequest::from(request))?;
        call!(self.prove(message) within self.deadlines.control).try_into().map_err(damaged)
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        let answer = call!(self.get_head(v1::GetHeadRequest {}) within self.deadlines.control);
        answer.try_into().map_err(damaged)
    }

    async fn feed(&self) -> Result<Feed, Status> {
        // No deadline on the wire: it would count for the whole stream.
        let mut client = self.inner.clone();
        let opening = async move { Ok(client.feed(v1::FeedRequest {}).await?.into_inner()) };
        let messages = within(self.deadlines.control, opening).await?;
        // It ends with its first error: what follows a damaged message is no feed.
        let feed = stream::try_unfold(messages, |mut messages| async move {
            let Some(message) = messages.message().await? else { return Ok(None) };
            let message = FeedMessage::try_from(message).map_err(damaged)?;
            Ok(Some((message, messages)))
        });
        Ok(feed.boxed())
    }
}
