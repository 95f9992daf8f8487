//! A state shard that is served over gRPC: what a worker may ask, by the conversions of `proto`.

use crate::state::MemoryState;
use cluster::{
    grpc::{GrpcConfig, GrpcCounts, GrpcServer},
    readiness::Readiness,
    shutdown::{ShutdownConfig, ShutdownToken},
};
use futures::stream::{BoxStream, StreamExt};
use proto::{
    state::{ReadRequest, StageRequest, StateService},
    wire::{
        state_service_server::{StateService as WireService, StateServiceServer},
        v1,
    },
};
use std::{net::SocketAddr, sync::Arc};
use tonic::{Request, Response, Streaming};

/// Serves a shard for as long as the test's runtime lives.
pub(super) async fn serve(state: &Arc<MemoryState>) -> SocketAddr {
    let readiness = Readiness::new("a test");
    let server = GrpcServer::new(&GrpcConfig::default(), &GrpcCounts::default(), &readiness)
        .service(StateServiceServer::new(Door { state: Arc::clone(state) }))
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let address = server.address();
    tokio::spawn(async move {
        let never = ShutdownToken::new();
        server.serve(&never, &ShutdownConfig::default(), async {}).await.unwrap();
    });
    address
}

#[derive(Debug)]
struct Door {
    state: Arc<MemoryState>,
}

type Answer<T> = Result<Response<T>, tonic::Status>;

fn not_asked<T>() -> Answer<T> {
    Err(tonic::Status::unimplemented("a worker has no business here"))
}

#[tonic::async_trait]
impl WireService for Door {
    type FeedStream = BoxStream<'static, Result<v1::FeedResponse, tonic::Status>>;

    async fn read(&self, request: Request<v1::ReadRequest>) -> Answer<v1::ReadResponse> {
        let request = ReadRequest::try_from(request.into_inner())?;
        Ok(Response::new(self.state.read(request).await?.into()))
    }

    async fn stage(&self, request: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        self.state.stage(StageRequest::try_from(request.into_inner())?).await?;
        Ok(Response::new(v1::StageResponse {}))
    }

    async fn feed(&self, _: Request<v1::FeedRequest>) -> Answer<Self::FeedStream> {
        let feed = self.state.feed().await?;
        let feed = feed.map(|message| Ok(v1::FeedResponse::from(message?)));
        Ok(Response::new(feed.boxed()))
    }

    async fn configure(&self, _: Request<v1::ConfigureRequest>) -> Answer<v1::ConfigureResponse> {
        not_asked()
    }

    async fn seal(&self, _: Request<v1::SealRequest>) -> Answer<v1::SealResponse> {
        not_asked()
    }

    async fn commit(&self, _: Request<v1::CommitRequest>) -> Answer<v1::CommitResponse> {
        not_asked()
    }

    async fn abort(&self, _: Request<v1::AbortRequest>) -> Answer<v1::AbortResponse> {
        not_asked()
    }

    async fn load_genesis(
        &self,
        _: Request<Streaming<v1::ShardLoadGenesisRequest>>,
    ) -> Answer<v1::ShardLoadGenesisResponse> {
        not_asked()
    }

    async fn load_snapshot(
        &self,
        _: Request<Streaming<v1::ShardLoadSnapshotRequest>>,
    ) -> Answer<v1::ShardLoadSnapshotResponse> {
        not_asked()
    }

    async fn prove(&self, _: Request<v1::ProveRequest>) -> Answer<v1::ProveResponse> {
        not_asked()
    }

    async fn set_head(
        &self,
        _: Request<v1::ShardSetHeadRequest>,
    ) -> Answer<v1::ShardSetHeadResponse> {
        not_asked()
    }

    async fn drop_snapshot(
        &self,
        _: Request<v1::ShardDropSnapshotRequest>,
    ) -> Answer<v1::ShardDropSnapshotResponse> {
        not_asked()
    }

    async fn get_head(&self, _: Request<v1::GetHeadRequest>) -> Answer<v1::GetHeadResponse> {
        not_asked()
    }
}
