//! The wire's side of a state shard: generated messages in, the trait's calls, messages out.

use alloy_primitives::B256;
use cluster::{
    grpc::{GrpcConfig, in_trace, parent_of},
    shutdown::ShutdownToken,
};
use engine::ids::{JobId, SnapshotId};
use futures::{Stream, StreamExt, future, stream::BoxStream};
use proto::{
    convert::{DecodeError, Reason},
    state::{FeedMessage, ProveRequest, ReadRequest, SealRequest, StageRequest, StateService},
    status::Status,
    uploads,
    wire::{
        state_service_server::{StateService as WireService, StateServiceServer},
        v1,
    },
};
use std::{num::NonZeroUsize, sync::Arc};
use tonic::{Request, Response, Streaming};

type Answer<T> = Result<Response<T>, tonic::Status>;

/// Serves any state shard over gRPC.
#[derive(Debug)]
pub struct Adapter {
    state: Arc<dyn StateService>,
    /// Ends feeds.
    closing: ShutdownToken,
    load_bytes_max: NonZeroUsize,
}

/// Makes the server of a shard. Feeds end when `closing` is cancelled; a load of more than
/// `load_bytes_max` bytes is refused.
pub fn server(
    state: Arc<dyn StateService>,
    config: &GrpcConfig,
    closing: &ShutdownToken,
    load_bytes_max: NonZeroUsize,
) -> StateServiceServer<Adapter> {
    let adapter = Adapter { state, closing: closing.clone(), load_bytes_max };
    StateServiceServer::new(adapter)
        .max_decoding_message_size(config.message_bytes_max())
        .max_encoding_message_size(config.message_bytes_max())
}

/// Takes a call apart: its message, and a future of it within the caller's trace.
macro_rules! call {
    ($self:ident . $method:ident($request:ident as $message:ty)) => {{
        let context = parent_of(&$request);
        let message = <$message>::try_from($request.into_inner())?;
        in_trace(&context, $self.state.$method(message)).await?
    }};
}

#[tonic::async_trait]
impl WireService for Adapter {
    type FeedStream = BoxStream<'static, Result<v1::FeedResponse, tonic::Status>>;

    async fn configure(
        &self,
        request: Request<v1::ConfigureRequest>,
    ) -> Answer<v1::ConfigureResponse> {
        let boot = call!(self.configure(request as proto::state::ConfigureRequest));
        Ok(Response::new(boot.into()))
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Answer<v1::ReadResponse> {
        let answers = call!(self.read(request as ReadRequest));
        Ok(Response::new(answers.into()))
    }

    async fn stage(&self, request: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        call!(self.stage(request as StageRequest));
        Ok(Response::new(v1::StageResponse {}))
    }

    async fn seal(&self, request: Request<v1::SealRequest>) -> Answer<v1::SealResponse> {
        let answer = call!(self.seal(request as SealRequest));
        Ok(Response::new(answer.into()))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Answer<v1::CommitResponse> {
        call!(self.commit(request as proto::state::CommitRequest));
        Ok(Response::new(v1::CommitResponse {}))
    }

    async fn abort(&self, request: Request<v1::AbortRequest>) -> Answer<v1::AbortResponse> {
        let context = parent_of(&request);
        let job: JobId = request.into_inner().job_id.ok_or_else(|| missing("job_id"))?.into();
        in_trace(&context, self.state.abort(job)).await?;
        Ok(Response::new(v1::AbortResponse {}))
    }

    async fn load_genesis(
        &self,
        request: Request<Streaming<v1::ShardLoadGenesisRequest>>,
    ) -> Answer<v1::ShardLoadGenesisResponse> {
        let context = parent_of(&request);
        let parts = request.into_inner();
        let genesis = uploads::shard_genesis(parts, self.load_bytes_max.get()).await?;
        let sealed = in_trace(&context, self.state.load_genesis(genesis)).await?;
        Ok(Response::new(v1::ShardLoadGenesisResponse { sealed: Some(sealed.into()) }))
    }

    async fn load_snapshot(
        &self,
        request: Request<Streaming<v1::ShardLoadSnapshotRequest>>,
    ) -> Answer<v1::ShardLoadSnapshotResponse> {
        let context = parent_of(&request);
        let parts = request.into_inner();
        let snapshot = uploads::shard_snapshot(parts, self.load_bytes_max.get()).await?;
        in_trace(&context, self.state.load_snapshot(snapshot)).await?;
        Ok(Response::new(v1::ShardLoadSnapshotResponse {}))
    }

    async fn drop_snapshot(
        &self,
        request: Request<v1::ShardDropSnapshotRequest>,
    ) -> Answer<v1::ShardDropSnapshotResponse> {
        let context = parent_of(&request);
        let snapshot = request.into_inner().snapshot.ok_or_else(|| missing("snapshot"))?;
        let snapshot = SnapshotId::try_from(snapshot)?;
        in_trace(&context, self.state.drop_snapshot(snapshot)).await?;
        Ok(Response::new(v1::ShardDropSnapshotResponse {}))
    }

    async fn set_head(
        &self,
        request: Request<v1::ShardSetHeadRequest>,
    ) -> Answer<v1::ShardSetHeadResponse> {
        let context = parent_of(&request);
        let block_hash = B256::try_from(request.into_inner())?;
        let head = in_trace(&context, self.state.set_head(block_hash)).await?;
        Ok(Response::new(head.into()))
    }

    async fn prove(&self, request: Request<v1::ProveRequest>) -> Answer<v1::ProveResponse> {
        let proof = call!(self.prove(request as ProveRequest));
        Ok(Response::new(proof.into()))
    }

    async fn get_head(&self, _: Request<v1::GetHeadRequest>) -> Answer<v1::GetHeadResponse> {
        let head = self.state.head().await?;
        Ok(Response::new(v1::GetHeadResponse { head: head.map(Into::into) }))
    }

    async fn feed(&self, _: Request<v1::FeedRequest>) -> Answer<Self::FeedStream> {
        let feed = self.state.feed().await?;
        let closing = self.closing.clone();
        let closed = async move { _ = closing.cancelled().await };
        Ok(Response::new(messages(feed).take_until(Box::pin(closed)).boxed()))
    }
}

/// Makes wire messages of a feed; a diff is converted once its turn to be sent has come.
fn messages(
    feed: impl Stream<Item = Result<FeedMessage, Status>> + Send + 'static,
) -> impl Stream<Item = Result<v1::FeedResponse, tonic::Status>> + Send + 'static {
    feed.then(|message| future::ready(message.map(Into::into).map_err(Into::into)))
}

fn missing(field: &str) -> DecodeError {
    DecodeError::new(field, Reason::Missing)
}
