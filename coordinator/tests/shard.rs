//! A state shard that a test plays: it takes its place, knows no block, and says so.

use cluster::{
    grpc::{BoundServer, GrpcConfig, GrpcCounts, GrpcServer},
    readiness::Readiness,
    shutdown::{ShutdownConfig, ShutdownToken},
};
use engine::ids::BootId;
use futures::stream::Empty;
use proto::{
    state::{ConfigureRequest, Head},
    status::{Code, Status},
    wire::{
        state_service_server::{StateService, StateServiceServer},
        v1,
    },
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tonic::{Request, Response, Streaming};

/// The shard, and what it was told.
#[derive(Debug, Default)]
pub(crate) struct PlayedShard {
    /// Whether it can be reached; if not it says that it is away.
    pub(crate) is_there: AtomicBool,
    /// Whether it belongs to somebody else.
    pub(crate) is_taken: AtomicBool,
    pub(crate) configured: Mutex<Vec<ConfigureRequest>>,
}

impl PlayedShard {
    /// Serves it on a free port, until the test's runtime ends.
    pub(crate) async fn serve(self: &Arc<Self>) -> String {
        let (config, readiness) = (GrpcConfig::default(), Readiness::new("a test"));
        let server = GrpcServer::new(&config, &GrpcCounts::default(), &readiness);
        let service = StateServiceServer::new(Played(Arc::clone(self)));
        let bound: BoundServer = server.service(service).bind("127.0.0.1:0").await.unwrap();
        let address = bound.address().to_string();
        tokio::spawn(async move {
            let (never, limits) = (ShutdownToken::new(), ShutdownConfig::default());
            bound.serve(&never, &limits, async {}).await
        });
        address
    }
}

struct Played(Arc<PlayedShard>);

type Answer<T> = Result<Response<T>, tonic::Status>;

fn no<T>() -> Answer<T> {
    Err(Status::new(Code::NotFound, "it knows no block").into())
}

#[tonic::async_trait]
impl StateService for Played {
    type FeedStream = Empty<Result<v1::FeedResponse, tonic::Status>>;

    async fn configure(
        &self,
        request: Request<v1::ConfigureRequest>,
    ) -> Answer<v1::ConfigureResponse> {
        let request = ConfigureRequest::try_from(request.into_inner())?;
        if !self.0.is_there.load(Ordering::SeqCst) {
            return Err(Status::new(Code::Unavailable, "it is not there yet").into());
        }
        if self.0.is_taken.load(Ordering::SeqCst) {
            return Err(Status::new(Code::FailedPrecondition, "it has another place").into());
        }
        self.0.configured.lock().unwrap().push(request);
        Ok(Response::new(BootId::new(1).into()))
    }

    async fn get_head(&self, _: Request<v1::GetHeadRequest>) -> Answer<v1::GetHeadResponse> {
        Ok(Response::new(None::<Head>.into()))
    }

    async fn read(&self, _: Request<v1::ReadRequest>) -> Answer<v1::ReadResponse> {
        no()
    }

    async fn stage(&self, _: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        no()
    }

    async fn seal(&self, _: Request<v1::SealRequest>) -> Answer<v1::SealResponse> {
        no()
    }

    async fn commit(&self, _: Request<v1::CommitRequest>) -> Answer<v1::CommitResponse> {
        no()
    }

    async fn abort(&self, _: Request<v1::AbortRequest>) -> Answer<v1::AbortResponse> {
        no()
    }

    async fn load_genesis(
        &self,
        _: Request<Streaming<v1::ShardLoadGenesisRequest>>,
    ) -> Answer<v1::ShardLoadGenesisResponse> {
        no()
    }

    async fn load_snapshot(
        &self,
        _: Request<Streaming<v1::ShardLoadSnapshotRequest>>,
    ) -> Answer<v1::ShardLoadSnapshotResponse> {
        no()
    }

    async fn drop_snapshot(
        &self,
        _: Request<v1::ShardDropSnapshotRequest>,
    ) -> Answer<v1::ShardDropSnapshotResponse> {
        no()
    }

    async fn prove(&self, _: Request<v1::ProveRequest>) -> Answer<v1::ProveResponse> {
        no()
    }

    async fn set_head(
        &self,
        _: Request<v1::ShardSetHeadRequest>,
    ) -> Answer<v1::ShardSetHeadResponse> {
        no()
    }

    async fn feed(&self, _: Request<v1::FeedRequest>) -> Answer<Self::FeedStream> {
        no()
    }
}

/// Starts a shard that is there.
pub(crate) async fn there() -> (Arc<PlayedShard>, String) {
    let shard = Arc::new(PlayedShard::default());
    shard.is_there.store(true, Ordering::SeqCst);
    let address = shard.serve().await;
    (shard, address)
}
