//! A gRPC server in the test: the generated service over any state service.

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use proto::{
    state::StateService,
    uploads,
    wire::{state_service_server, v1},
};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming, transport::server::TcpIncoming};

/// Bytes of a state that is loaded, at most.
const STATE_BYTES_MAX: usize = 1 << 20;

/// Serves a service until it is dropped.
pub(crate) struct Running {
    pub(crate) address: String,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Running {
    /// Serves a state service.
    pub(crate) fn start<S: StateService + 'static>(service: Arc<S>) -> Self {
        Self::serve(state_service_server::StateServiceServer::new(Adapter(service)))
    }

    /// Starts to listen, on threads of its own: so it can be killed with all its connections.
    pub(crate) fn serve<S>(service: S) -> Self
    where
        S: tonic::codegen::Service<
                tonic::codegen::http::Request<tonic::body::Body>,
                Response = tonic::codegen::http::Response<tonic::body::Body>,
                Error = std::convert::Infallible,
                Future: Send + 'static,
            > + tonic::server::NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, runtime: Some(runtime) }
    }

    /// Drops the server and its connections in the middle of whatever they do.
    pub(crate) fn kill(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Adapter<S>(Arc<S>);

type Answer<M> = Result<Response<M>, Status>;

#[async_trait]
impl<S: StateService + 'static> state_service_server::StateService for Adapter<S> {
    type FeedStream = BoxStream<'static, Result<v1::FeedResponse, Status>>;

    async fn configure(
        &self,
        request: Request<v1::ConfigureRequest>,
    ) -> Answer<v1::ConfigureResponse> {
        let boot = self.0.configure(request.into_inner().try_into()?).await?;
        Ok(Response::new(boot.into()))
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Answer<v1::ReadResponse> {
        let response = self.0.read(request.into_inner().try_into()?).await?;
        Ok(Response::new(response.into()))
    }

    async fn stage(&self, request: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        self.0.stage(request.into_inner().try_into()?).await?;
        Ok(Response::new(v1::StageResponse {}))
    }

    async fn seal(&self, request: Request<v1::SealRequest>) -> Answer<v1::SealResponse> {
        let response = self.0.seal(request.into_inner().try_into()?).await?;
        Ok(Response::new(response.into()))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Answer<v1::CommitResponse> {
        self.0.commit(request.into_inner().try_into()?).await?;
        Ok(Response::new(v1::CommitResponse {}))
    }

    async fn abort(&self, request: Request<v1::AbortRequest>) -> Answer<v1::AbortResponse> {
        self.0.abort(request.into_inner().try_into()?).await?;
        Ok(Response::new(v1::AbortResponse {}))
    }

    async fn load_genesis(
        &self,
        request: Request<Streaming<v1::ShardLoadGenesisRequest>>,
    ) -> Answer<v1::ShardLoadGenesisResponse> {
        let genesis = uploads::shard_genesis(request.into_inner(), STATE_BYTES_MAX).await?;
        Ok(Response::new(self.0.load_genesis(genesis).await?.into()))
    }

    async fn load_snapshot(
        &self,
        request: Request<Streaming<v1::ShardLoadSnapshotRequest>>,
    ) -> Answer<v1::ShardLoadSnapshotResponse> {
        let snapshot = uploads::shard_snapshot(request.into_inner(), STATE_BYTES_MAX).await?;
        self.0.load_snapshot(snapshot).await?;
        Ok(Response::new(v1::ShardLoadSnapshotResponse {}))
    }

    async fn drop_snapshot(
        &self,
        request: Request<v1::ShardDropSnapshotRequest>,
    ) -> Answer<v1::ShardDropSnapshotResponse> {
        self.0.drop_snapshot(request.into_inner().try_into()?).await?;
        Ok(Response::new(v1::ShardDropSnapshotResponse {}))
    }

    async fn set_head(
        &self,
        request: Request<v1::ShardSetHeadRequest>,
    ) -> Answer<v1::ShardSetHeadResponse> {
        let head = self.0.set_head(request.into_inner().try_into()?).await?;
        Ok(Response::new(head.into()))
    }

    async fn prove(&self, request: Request<v1::ProveRequest>) -> Answer<v1::ProveResponse> {
        let response = self.0.prove(request.into_inner().try_into()?).await?;
        Ok(Response::new(response.into()))
    }

    async fn get_head(&self, _: Request<v1::GetHeadRequest>) -> Answer<v1::GetHeadResponse> {
        Ok(Response::new(self.0.head().await?.into()))
    }

    async fn feed(&self, _: Request<v1::FeedRequest>) -> Answer<Self::FeedStream> {
        let feed = self.0.feed().await?;
        let messages = feed.map(|message| message.map(Into::into).map_err(Into::into));
        Ok(Response::new(messages.boxed()))
    }
}
