//! What a cluster looks like.

use super::{
    At, DecodeError, Reason, Required,
    ids::{bytes_of, enumeration, optional_hash, unknown},
};
use crate::{
    coordinator::{
        ClusterStatus, CoordinatorStatus, EtcdState, ShardState, ShardStatus, WorkerState,
        WorkerStatus,
    },
    state::Head,
    wire::v1,
};
use engine::ids::{ClusterId, ShardIndex, Term, WorkerId};

impl From<ClusterStatus> for v1::ClusterStatus {
    fn from(status: ClusterStatus) -> Self {
        let etcd = match status.etcd {
            EtcdState::Up => v1::EtcdState::Up,
            EtcdState::Away => v1::EtcdState::Away,
            EtcdState::None => v1::EtcdState::None,
        };
        Self {
            cluster_id: status.cluster.get(),
            leader: Some(status.leader.into()),
            term: status.term.get(),
            coordinators: status.coordinators.into_iter().map(Into::into).collect(),
            workers: status.workers.into_iter().map(Into::into).collect(),
            state_shards: status.state_shards.into_iter().map(Into::into).collect(),
            head: status.head.map(Into::into),
            head_state_root: status.head_state_root.map(bytes_of),
            queue: status.queue,
            etcd: etcd.into(),
        }
    }
}

impl TryFrom<v1::ClusterStatus> for ClusterStatus {
    type Error = DecodeError;

    fn try_from(wire: v1::ClusterStatus) -> Result<Self, DecodeError> {
        let workers = wire.workers.into_iter().enumerate();
        let shards = wire.state_shards.into_iter().enumerate();
        Ok(Self {
            cluster: ClusterId::new(wire.cluster_id),
            leader: wire.leader.required("leader")?.into(),
            term: Term::new(wire.term),
            coordinators: wire.coordinators.into_iter().map(Into::into).collect(),
            workers: workers
                .map(|(position, worker)| worker.try_into().at_position("workers", position))
                .collect::<Result<_, _>>()?,
            state_shards: shards
                .map(|(position, shard)| shard.try_into().at_position("state_shards", position))
                .collect::<Result<_, _>>()?,
            head: head(wire.head)?,
            head_state_root: optional_hash(wire.head_state_root.as_ref(), "head_state_root")?,
            queue: wire.queue,
            etcd: match enumeration(wire.etcd, "etcd")? {
                v1::EtcdState::Unspecified => return Err(unknown(0, "etcd")),
                v1::EtcdState::Up => EtcdState::Up,
                v1::EtcdState::Away => EtcdState::Away,
                v1::EtcdState::None => EtcdState::None,
            },
        })
    }
}

/// Reads a head that may be absent.
pub(super) fn head(wire: Option<v1::Head>) -> Result<Option<Head>, DecodeError> {
    wire.map(TryInto::try_into).transpose().at("head")
}

impl From<CoordinatorStatus> for v1::CoordinatorStatus {
    fn from(status: CoordinatorStatus) -> Self {
        Self { id: status.id, address: status.address }
    }
}

impl From<v1::CoordinatorStatus> for CoordinatorStatus {
    fn from(wire: v1::CoordinatorStatus) -> Self {
        Self { id: wire.id, address: wire.address }
    }
}

impl From<WorkerStatus> for v1::WorkerStatus {
    fn from(status: WorkerStatus) -> Self {
        let state = match status.state {
            WorkerState::Ready => v1::WorkerState::Ready,
            WorkerState::Draining => v1::WorkerState::Draining,
            WorkerState::Quarantined => v1::WorkerState::Quarantined,
            WorkerState::Lost => v1::WorkerState::Lost,
        };
        Self {
            worker_id: status.id.get(),
            address: status.address,
            cores: status.cores,
            state: state.into(),
            slices_running: status.slices_running,
            version: status.version,
        }
    }
}

impl TryFrom<v1::WorkerStatus> for WorkerStatus {
    type Error = DecodeError;

    fn try_from(wire: v1::WorkerStatus) -> Result<Self, DecodeError> {
        Ok(Self {
            id: WorkerId::new(wire.worker_id),
            address: wire.address,
            cores: wire.cores,
            state: match enumeration(wire.state, "state")? {
                v1::WorkerState::Unspecified => return Err(unknown(0, "state")),
                v1::WorkerState::Ready => WorkerState::Ready,
                v1::WorkerState::Draining => WorkerState::Draining,
                v1::WorkerState::Quarantined => WorkerState::Quarantined,
                v1::WorkerState::Lost => WorkerState::Lost,
            },
            slices_running: wire.slices_running,
            version: wire.version,
        })
    }
}

impl From<ShardStatus> for v1::ShardStatus {
    fn from(status: ShardStatus) -> Self {
        let state = match status.state {
            ShardState::Ready => v1::ShardState::Ready,
            ShardState::Away => v1::ShardState::Away,
        };
        Self {
            index: status.index.get().into(),
            address: status.address,
            state: state.into(),
            head: status.head.map(Into::into),
            term: status.term.get(),
        }
    }
}

impl TryFrom<v1::ShardStatus> for ShardStatus {
    type Error = DecodeError;

    fn try_from(wire: v1::ShardStatus) -> Result<Self, DecodeError> {
        let index = u16::try_from(wire.index)
            .map_err(|_| DecodeError::new("index", Reason::Range { given: wire.index.into() }))?;
        Ok(Self {
            index: ShardIndex::new(index),
            address: wire.address,
            state: match enumeration(wire.state, "state")? {
                v1::ShardState::Unspecified => return Err(unknown(0, "state")),
                v1::ShardState::Ready => ShardState::Ready,
                v1::ShardState::Away => ShardState::Away,
            },
            head: head(wire.head)?,
            term: Term::new(wire.term),
        })
    }
}
