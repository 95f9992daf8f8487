//! The coordinator over a real socket: blocks, whose outcomes travel in parts.

use super::{LIMITS, channel, deadlines, shown};
use crate::{draw::Draw, messages::Messages};
use alloy_primitives::B256;
use async_trait::async_trait;
use engine::ids::SnapshotId;
use futures::{StreamExt, stream, stream::BoxStream};
use proto::{
    client::{CoordinatorClient, MessageLimits},
    convert::outcome_parts::OutcomeParts,
    coordinator::{
        BuildBlockRequest, CoordinatorService, ExecuteBlockRequest, GetProofRequest,
        GetProofResponse,
    },
    state::{LoadGenesisRequest, ProveRequest},
    status::Code,
    uploads,
    wire::{
        coordinator_service_server::{self, CoordinatorServiceServer},
        v1,
    },
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tonic::{Request, Response, Status, Streaming, transport::Channel};

/// Answers everything from a seed and remembers what it heard.
#[derive(Clone)]
struct Front {
    seed: u64,
    /// Parts of an outcome that are sent before the stream ends.
    n_parts_max: usize,
    heard: Arc<Mutex<Vec<String>>>,
}

type Answer<M> = Result<Response<M>, Status>;

impl Front {
    fn hear(&self, what: impl std::fmt::Debug) -> Draw {
        self.heard.lock().unwrap().push(shown(what));
        Draw::new(self.seed)
    }
}

#[async_trait]
impl coordinator_service_server::CoordinatorService for Front {
    type ExecuteBlockStream = BoxStream<'static, Result<v1::ExecuteBlockResponse, Status>>;
    type BuildBlockStream = BoxStream<'static, Result<v1::BuildBlockResponse, Status>>;
    type AttachStream = BoxStream<'static, Result<v1::CoordinatorMessage, Status>>;

    async fn execute_block(
        &self,
        request: Request<v1::ExecuteBlockRequest>,
    ) -> Answer<Self::ExecuteBlockStream> {
        let mut draw = self.hear(ExecuteBlockRequest::try_from(request.into_inner())?);
        let parts = OutcomeParts::new(draw.block_outcome(), 200).take(self.n_parts_max);
        Ok(Response::new(stream::iter(parts).map(Ok).boxed()))
    }

    async fn build_block(
        &self,
        request: Request<v1::BuildBlockRequest>,
    ) -> Answer<Self::BuildBlockStream> {
        let mut draw = self.hear(BuildBlockRequest::try_from(request.into_inner())?);
        let parts = OutcomeParts::new(draw.block_outcome(), 200).take(self.n_parts_max);
        let parts = parts.map(|part| v1::BuildBlockResponse { part: Some(part) });
        Ok(Response::new(stream::iter(parts).map(Ok).boxed()))
    }

    async fn load_genesis(
        &self,
        request: Request<Streaming<v1::LoadGenesisRequest>>,
    ) -> Answer<v1::LoadGenesisResponse> {
        let genesis = uploads::genesis(request.into_inner(), 1 << 20).await?;
        Ok(Response::new(self.hear(genesis).hash().into()))
    }

    async fn load_snapshot(
        &self,
        request: Request<Streaming<v1::LoadSnapshotRequest>>,
    ) -> Answer<v1::LoadSnapshotResponse> {
        let contents = uploads::snapshot(request.into_inner(), 1 << 20).await?;
        Ok(Response::new(self.hear(contents).snapshot().into()))
    }

    async fn drop_snapshot(
        &self,
        request: Request<v1::DropSnapshotRequest>,
    ) -> Answer<v1::DropSnapshotResponse> {
        self.hear(SnapshotId::try_from(request.into_inner())?);
        Ok(Response::new(v1::DropSnapshotResponse {}))
    }

    async fn set_head(&self, request: Request<v1::SetHeadRequest>) -> Answer<v1::SetHeadResponse> {
        let block_hash = B256::try_from(request.into_inner())?;
        Ok(Response::new(self.hear(block_hash).head().into()))
    }

    async fn get_proof(
        &self,
        request: Request<v1::GetProofRequest>,
    ) -> Answer<v1::GetProofResponse> {
        let mut draw = self.hear(GetProofRequest::try_from(request.into_inner())?);
        Ok(Response::new(proof_of(&mut draw).into()))
    }

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Answer<v1::GetStatusResponse> {
        Ok(Response::new(self.hear("status").cluster_status().into()))
    }

    async fn attach(&self, _: Request<Streaming<v1::WorkerMessage>>) -> Answer<Self::AttachStream> {
        Err(Status::unimplemented("no workers here"))
    }
}

/// Draws an answer with a proof.
fn proof_of(draw: &mut Draw) -> GetProofResponse {
    let proof = std::iter::repeat_with(|| draw.prove_response().proof).flatten().next().unwrap();
    GetProofResponse { snapshot: draw.snapshot(), state_root: draw.hash(), proof }
}

fn client_of(front: Front) -> (super::Running, CoordinatorClient<Channel>) {
    let server = super::Running::serve(CoordinatorServiceServer::new(front));
    let each = deadlines(Duration::from_secs(20));
    let limits = MessageLimits { piece_bytes_max: 300, ..LIMITS };
    let client = CoordinatorClient::new(channel(&server.address), each, limits);
    (server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coordinators_methods_cross_the_wire_unchanged() {
    for seed in 0..20 {
        let front = Front { seed, n_parts_max: usize::MAX, heard: Arc::default() };
        let (_server, client) = client_of(front.clone());
        let mut draw = Draw::new(seed + 100);
        let again = || Draw::new(seed);
        let (block, contents, snapshot) = (draw.execute_block(), draw.contents(), draw.snapshot());
        let (build, head) = (draw.build_block(), draw.hash());
        let ProveRequest { snapshot: at, address, slots } = draw.prove();
        let snapshot_of = draw.flag().then_some(at);
        let prove = GetProofRequest { snapshot: snapshot_of, address, slots };
        let genesis =
            LoadGenesisRequest { block_hash: draw.hash(), block_number: 3, state: draw.state() };
        let asked = [
            shown(&block),
            shown(&build),
            shown(&genesis),
            shown(&contents),
            shown(snapshot),
            shown(head),
            shown(&prove),
            shown("status"),
        ];

        let outcome = client.execute_block(block).await.unwrap();
        assert_eq!(shown(outcome), shown(again().block_outcome()), "seed {seed}");
        let outcome = client.build_block(build).await.unwrap();
        assert_eq!(shown(outcome), shown(again().block_outcome()), "seed {seed}");
        assert_eq!(client.load_genesis(genesis).await.unwrap(), again().hash());
        assert_eq!(client.load_snapshot(contents).await.unwrap(), again().snapshot());
        client.drop_snapshot(snapshot).await.unwrap();
        assert_eq!(client.set_head(head).await.unwrap(), again().head());
        assert_eq!(client.get_proof(prove).await.unwrap(), proof_of(&mut again()));
        assert_eq!(client.status().await.unwrap(), again().cluster_status());

        assert_eq!(*front.heard.lock().unwrap(), asked, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_is_cut_short_is_an_error_and_no_shorter_outcome() {
    let is_long = |seed: &u64| OutcomeParts::new(Draw::new(*seed).block_outcome(), 200).count() > 2;
    let seed = (0..).find(is_long).unwrap();
    let (_server, client) = client_of(Front { seed, n_parts_max: 2, heard: Arc::default() });
    let status = client.execute_block(Draw::new(1).execute_block()).await.unwrap_err();
    assert_eq!(status.code, Code::Internal, "{status:?}");
    assert!(status.message.contains("piece."), "{status:?}");
}
