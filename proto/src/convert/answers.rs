//! Small requests and answers of both services.

use super::{
    At, DecodeError, Required,
    ids::{bytes_of, hash, job, snapshot},
    status_report::head,
};
use crate::{
    coordinator::ClusterStatus,
    state::{Head, LoadGenesisRequest, SealedShard},
    wire::v1,
};
use alloy_primitives::B256;
use engine::ids::{JobId, SnapshotId};

impl From<&LoadGenesisRequest> for v1::GenesisHeader {
    fn from(request: &LoadGenesisRequest) -> Self {
        Self { block_hash: bytes_of(request.block_hash), block_number: request.block_number }
    }
}

impl TryFrom<v1::GenesisHeader> for LoadGenesisRequest {
    type Error = DecodeError;

    /// Returns a request without its state, which comes in pieces.
    fn try_from(wire: v1::GenesisHeader) -> Result<Self, DecodeError> {
        let block_hash = hash(&wire.block_hash, "block_hash")?;
        Ok(Self { block_hash, block_number: wire.block_number, state: Default::default() })
    }
}

impl From<B256> for v1::LoadGenesisResponse {
    fn from(state_root: B256) -> Self {
        Self { state_root: bytes_of(state_root) }
    }
}

impl TryFrom<v1::LoadGenesisResponse> for B256 {
    type Error = DecodeError;

    fn try_from(wire: v1::LoadGenesisResponse) -> Result<Self, DecodeError> {
        hash(&wire.state_root, "state_root")
    }
}

impl From<SnapshotId> for v1::LoadSnapshotResponse {
    fn from(snapshot: SnapshotId) -> Self {
        Self { snapshot: Some(snapshot.into()) }
    }
}

impl TryFrom<v1::LoadSnapshotResponse> for SnapshotId {
    type Error = DecodeError;

    fn try_from(wire: v1::LoadSnapshotResponse) -> Result<Self, DecodeError> {
        snapshot(wire.snapshot, "snapshot")
    }
}

impl TryFrom<v1::DropSnapshotRequest> for SnapshotId {
    type Error = DecodeError;

    fn try_from(wire: v1::DropSnapshotRequest) -> Result<Self, DecodeError> {
        snapshot(wire.snapshot, "snapshot")
    }
}

impl TryFrom<v1::ShardDropSnapshotRequest> for SnapshotId {
    type Error = DecodeError;

    fn try_from(wire: v1::ShardDropSnapshotRequest) -> Result<Self, DecodeError> {
        snapshot(wire.snapshot, "snapshot")
    }
}

impl TryFrom<v1::AbortRequest> for JobId {
    type Error = DecodeError;

    fn try_from(wire: v1::AbortRequest) -> Result<Self, DecodeError> {
        job(wire.job_id)
    }
}

impl From<SealedShard> for v1::ShardLoadGenesisResponse {
    fn from(sealed: SealedShard) -> Self {
        Self { sealed: Some(sealed.into()) }
    }
}

impl TryFrom<v1::ShardLoadGenesisResponse> for SealedShard {
    type Error = DecodeError;

    fn try_from(wire: v1::ShardLoadGenesisResponse) -> Result<Self, DecodeError> {
        wire.sealed.required("sealed")?.try_into().at("sealed")
    }
}

impl From<Option<Head>> for v1::GetHeadResponse {
    fn from(head: Option<Head>) -> Self {
        Self { head: head.map(Into::into) }
    }
}

impl TryFrom<v1::GetHeadResponse> for Option<Head> {
    type Error = DecodeError;

    fn try_from(wire: v1::GetHeadResponse) -> Result<Self, DecodeError> {
        head(wire.head)
    }
}

impl From<ClusterStatus> for v1::GetStatusResponse {
    fn from(status: ClusterStatus) -> Self {
        Self { status: Some(status.into()) }
    }
}

impl TryFrom<v1::GetStatusResponse> for ClusterStatus {
    type Error = DecodeError;

    fn try_from(wire: v1::GetStatusResponse) -> Result<Self, DecodeError> {
        wire.status.required("status")?.try_into().at("status")
    }
}

impl From<Head> for v1::ShardSetHeadResponse {
    fn from(head: Head) -> Self {
        Self { head: Some(head.into()) }
    }
}

impl TryFrom<v1::ShardSetHeadResponse> for Head {
    type Error = DecodeError;

    fn try_from(wire: v1::ShardSetHeadResponse) -> Result<Self, DecodeError> {
        wire.head.required("head")?.try_into().at("head")
    }
}

impl From<Head> for v1::SetHeadResponse {
    fn from(head: Head) -> Self {
        Self { head: Some(head.into()) }
    }
}

impl TryFrom<v1::SetHeadResponse> for Head {
    type Error = DecodeError;

    fn try_from(wire: v1::SetHeadResponse) -> Result<Self, DecodeError> {
        wire.head.required("head")?.try_into().at("head")
    }
}

impl TryFrom<v1::ShardSetHeadRequest> for B256 {
    type Error = DecodeError;

    fn try_from(wire: v1::ShardSetHeadRequest) -> Result<Self, DecodeError> {
        hash(&wire.block_hash, "block_hash")
    }
}

impl TryFrom<v1::SetHeadRequest> for B256 {
    type Error = DecodeError;

    fn try_from(wire: v1::SetHeadRequest) -> Result<Self, DecodeError> {
        hash(&wire.block_hash, "block_hash")
    }
}
