//! What `evmesh status --json` prints: one object.

use alloy_primitives::B256;
use proto::coordinator::{
    ClusterStatus, CoordinatorStatus, EtcdState, ShardState, ShardStatus, WorkerState, WorkerStatus,
};
use serde::Serialize;

/// What a cluster looks like now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// The cluster, as "0x" hex.
    pub cluster_id: String,
    /// Whoever leads.
    pub leader: LeaderObject,
    /// All coordinators, the leader among them.
    pub coordinators: Vec<CoordinatorObject>,
    /// Workers, by id.
    pub workers: Vec<WorkerObject>,
    /// State shards, by index.
    pub state_shards: Vec<ShardObject>,
    /// The head; nothing while the cluster is empty.
    pub head: Option<HeadObject>,
    /// Blocks that run or wait.
    pub queue: u64,
    /// Whether etcd is there: `up`, `away`, or `none` where the cluster has static addresses.
    pub etcd: &'static str,
}

/// Whoever leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeaderObject {
    /// Its stable name.
    pub id: String,
    /// The leader's number.
    pub term: u64,
    /// Where it is.
    pub address: String,
}

/// A coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoordinatorObject {
    /// Its stable name.
    pub id: String,
    /// Where it is.
    pub address: String,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerObject {
    /// Its number.
    pub id: u64,
    /// Where it is.
    pub address: String,
    /// Slices that it runs at once.
    pub cores: u32,
    /// `ready`, `draining`, `quarantined` or `lost`.
    pub state: &'static str,
    /// Slices that it was sent and has not answered.
    pub slices_running: u32,
    /// Version of its program.
    pub version: String,
}

/// A state shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShardObject {
    /// Its place.
    pub index: u16,
    /// Where it is.
    pub address: String,
    /// `ready` or `away`.
    pub state: &'static str,
    /// Number of the head, as this shard knows it.
    pub head_number: Option<u64>,
    /// Hash of it.
    pub head_hash: Option<B256>,
    /// The leader's number that it obeys.
    pub term: u64,
}

/// The head of the chain that the cluster holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeadObject {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The state after it, if the coordinator knows it.
    pub state_root: Option<B256>,
}

impl From<&ClusterStatus> for StatusLine {
    fn from(status: &ClusterStatus) -> Self {
        let head = status.head.map(|head| HeadObject {
            number: head.block_number,
            hash: head.block_hash,
            state_root: status.head_state_root,
        });
        Self {
            cluster_id: format!("{:#018x}", status.cluster.get()),
            leader: LeaderObject {
                id: status.leader.id.clone(),
                term: status.term.get(),
                address: status.leader.address.clone(),
            },
            coordinators: status.coordinators.iter().map(Into::into).collect(),
            workers: status.workers.iter().map(Into::into).collect(),
            state_shards: status.state_shards.iter().map(Into::into).collect(),
            head,
            queue: status.queue,
            etcd: match status.etcd {
                EtcdState::Up => "up",
                EtcdState::Away => "away",
                EtcdState::None => "none",
            },
        }
    }
}

impl From<&CoordinatorStatus> for CoordinatorObject {
    fn from(status: &CoordinatorStatus) -> Self {
        Self { id: status.id.clone(), address: status.address.clone() }
    }
}

impl From<&WorkerStatus> for WorkerObject {
    fn from(status: &WorkerStatus) -> Self {
        Self {
            id: status.id.get(),
            address: status.address.clone(),
            cores: status.cores,
            state: match status.state {
                WorkerState::Ready => "ready",
                WorkerState::Draining => "draining",
                WorkerState::Quarantined => "quarantined",
                WorkerState::Lost => "lost",
            },
            slices_running: status.slices_running,
            version: status.version.clone(),
        }
    }
}

impl From<&ShardStatus> for ShardObject {
    fn from(status: &ShardStatus) -> Self {
        Self {
            index: status.index.get(),
            address: status.address.clone(),
            state: match status.state {
                ShardState::Ready => "ready",
                ShardState::Away => "away",
            },
            head_number: status.head.map(|head| head.block_number),
            head_hash: status.head.map(|head| head.block_hash),
            term: status.term.get(),
        }
    }
}

impl StatusLine {
    /// Returns the line's text, without the line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a line holds texts, numbers and lists only")
    }
}
