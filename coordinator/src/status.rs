//! What `status` answers: the coordinator's own picture, and what the shards say now.

use crate::{
    front::{Picture, Tools},
    job_actor::within,
};
use engine::ids::{ClusterId, ShardIndex, Term};
use futures::future::join_all;
use proto::{
    coordinator::{ClusterStatus, CoordinatorStatus, EtcdState, ShardState, ShardStatus},
    state::StateService,
};
use std::sync::Arc;
use tokio::sync::watch;

/// What a coordinator knows of the cluster from others than its workers and shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// This coordinator.
    pub myself: CoordinatorStatus,
    /// All coordinators.
    pub coordinators: Vec<CoordinatorStatus>,
    /// Addresses of the shards by index; none where there is no wire.
    pub shard_addresses: Vec<String>,
    /// Whether etcd is there.
    pub etcd: EtcdState,
}

impl Default for Surroundings {
    fn default() -> Self {
        let myself = CoordinatorStatus { id: "coordinator".to_owned(), address: String::new() };
        Self {
            coordinators: vec![myself.clone()],
            myself,
            shard_addresses: Vec::new(),
            etcd: EtcdState::None,
        }
    }
}

/// Puts the picture together.
pub(crate) async fn status(
    tools: &Tools,
    (cluster, term): (ClusterId, Term),
    surroundings: &watch::Receiver<Surroundings>,
    picture: Picture,
) -> ClusterStatus {
    let around = surroundings.borrow().clone();
    let asking = tools.state.iter().map(|(shard, service)| {
        let address = around.shard_addresses.get(usize::from(shard.get()));
        of_shard(tools, term, (shard, service), address.cloned().unwrap_or_default())
    });
    let state_shards = join_all(asking).await;
    let head = state_shards.first().and_then(|shard| shard.head);
    ClusterStatus {
        cluster,
        leader: around.myself,
        term,
        coordinators: around.coordinators,
        workers: picture.workers,
        state_shards,
        head,
        head_state_root: head.and_then(|head| tools.roots.of(&head.block_hash)),
        queue: picture.n_jobs,
        etcd: around.etcd,
    }
}

async fn of_shard(
    tools: &Tools,
    term: Term,
    (index, service): (ShardIndex, &Arc<dyn StateService>),
    address: String,
) -> ShardStatus {
    let answer = within(&tools.clock, tools.config.deadlines.status, service.head()).await;
    let (state, head) = match answer {
        Some(Ok(head)) => (ShardState::Ready, head),
        Some(Err(_)) | None => (ShardState::Away, None),
    };
    ShardStatus { index, address, state, head, term }
}
