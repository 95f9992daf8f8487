//! Messages of the state service.

use super::{
    At, DecodeError, Reason, Required,
    access::{indexed, indexed_message, unknown_byte, writes},
    columns::{Column, Numbers},
    ids::{bytes_of, enumeration, hash, job, optional_hash, protocol, snapshot, unknown},
    snapshot::{answers, answers_message, keys, keys_message},
};
use crate::{
    state::{
        CommitRequest, ConfigureRequest, FeedMessage, Head, ReadRequest, ReadResponse, SealPurpose,
        SealRequest, SealResponse, SealedShard, StageRequest,
    },
    version::PROTOCOL,
    wire::v1,
};
use alloy_primitives::B256;
use engine::{
    account::TouchRule,
    ids::{AccessIndex, BootId, ClusterId, Incarnation, ShardIndex, Term},
    shard::ShardCount,
};
use std::sync::Arc;

const NOTHING_STAGED: u8 = 1;
const STAGED: u8 = 2;

impl From<ConfigureRequest> for v1::ConfigureRequest {
    fn from(request: ConfigureRequest) -> Self {
        Self {
            protocol: Some(PROTOCOL.into()),
            cluster_id: request.cluster.get(),
            shard_index: request.index.get().into(),
            shard_count: request.count.get().into(),
            term: request.term.get(),
        }
    }
}

impl TryFrom<v1::ConfigureRequest> for ConfigureRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::ConfigureRequest) -> Result<Self, DecodeError> {
        protocol(wire.protocol)?;
        let count = ShardCount::new(wire.shard_count as usize)
            .map_err(|error| DecodeError::malformed("shard_count", "number of shards", error))?;
        Ok(Self {
            cluster: ClusterId::new(wire.cluster_id),
            index: shard_index(wire.shard_index, count, "shard_index")?,
            count,
            term: Term::new(wire.term),
        })
    }
}

fn shard_index(given: u32, count: ShardCount, field: &str) -> Result<ShardIndex, DecodeError> {
    let index = u16::try_from(given).ok().filter(|index| *index < count.get());
    let out_of_range = || DecodeError::new(field, Reason::Range { given: given.into() });
    index.map(ShardIndex::new).ok_or_else(out_of_range)
}

impl From<BootId> for v1::ConfigureResponse {
    fn from(boot: BootId) -> Self {
        Self { boot_id: boot.get(), protocol: Some(PROTOCOL.into()) }
    }
}

impl TryFrom<v1::ConfigureResponse> for BootId {
    type Error = DecodeError;

    fn try_from(wire: v1::ConfigureResponse) -> Result<Self, DecodeError> {
        protocol(wire.protocol)?;
        Ok(Self::new(wire.boot_id))
    }
}

impl From<ReadRequest> for v1::ReadRequest {
    fn from(request: ReadRequest) -> Self {
        Self { snapshot: Some(request.snapshot.into()), keys: Some(keys_message(&request.keys)) }
    }
}

impl TryFrom<v1::ReadRequest> for ReadRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::ReadRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            snapshot: snapshot(wire.snapshot, "snapshot")?,
            keys: keys(&wire.keys.required("keys")?).at("keys")?,
        })
    }
}

impl From<ReadResponse> for v1::ReadResponse {
    fn from(response: ReadResponse) -> Self {
        let answers = Some(answers_message(&response.values));
        Self { boot_id: response.boot.get(), answers }
    }
}

impl TryFrom<v1::ReadResponse> for ReadResponse {
    type Error = DecodeError;

    fn try_from(wire: v1::ReadResponse) -> Result<Self, DecodeError> {
        let values = answers(&wire.answers.required("answers")?).at("answers")?;
        Ok(Self { boot: BootId::new(wire.boot_id), values })
    }
}

impl From<StageRequest> for v1::StageRequest {
    fn from(request: StageRequest) -> Self {
        let writes = request.writes.iter().map(|(index, incarnation, writes)| v1::StagedWrites {
            index: index.position(),
            incarnation: incarnation.get(),
            writes: Some(writes.as_ref().into()),
        });
        Self { job_id: Some(request.job.into()), writes: writes.collect() }
    }
}

impl TryFrom<v1::StageRequest> for StageRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::StageRequest) -> Result<Self, DecodeError> {
        let staged = wire.writes.into_iter().enumerate().map(|(position, staged)| {
            let writes = writes(staged.writes).at_position("writes", position)?;
            Ok((AccessIndex::new(staged.index), Incarnation::new(staged.incarnation), writes))
        });
        Ok(Self { job: job(wire.job_id)?, writes: staged.collect::<Result<_, _>>()? })
    }
}

impl From<SealRequest> for v1::SealRequest {
    fn from(request: SealRequest) -> Self {
        let touch_rule = match request.touch_rule {
            TouchRule::Creates => v1::TouchRule::Creates,
            TouchRule::Clears => v1::TouchRule::Clears,
        };
        let purpose = match request.purpose {
            SealPurpose::Commit => v1::SealPurpose::Commit,
            SealPurpose::Verify => v1::SealPurpose::Verify,
        };
        Self {
            job_id: Some(request.job.into()),
            parent: Some(request.parent.into()),
            block_number: request.block_number,
            touch_rule: touch_rule.into(),
            purpose: purpose.into(),
            order_indices: request.order.iter().map(|(index, _)| index.position()).collect(),
            order_incarnations: request.order.iter().map(|(_, run)| run.get()).collect(),
            digest: bytes_of(request.digest),
            values: request.values.iter().map(indexed_message).collect(),
            roots_by_index: request.roots_by_index,
        }
    }
}

impl TryFrom<v1::SealRequest> for SealRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::SealRequest) -> Result<Self, DecodeError> {
        let mut incarnations = Numbers::new("order_incarnations", &wire.order_incarnations);
        let mut order = Vec::with_capacity(wire.order_indices.len());
        for index in wire.order_indices {
            order.push((AccessIndex::new(index), Incarnation::new(incarnations.number()?)));
        }
        incarnations.end()?;
        Ok(Self {
            job: job(wire.job_id)?,
            parent: snapshot(wire.parent, "parent")?,
            block_number: wire.block_number,
            touch_rule: match enumeration(wire.touch_rule, "touch_rule")? {
                v1::TouchRule::Unspecified => return Err(unknown(0, "touch_rule")),
                v1::TouchRule::Creates => TouchRule::Creates,
                v1::TouchRule::Clears => TouchRule::Clears,
            },
            purpose: match enumeration(wire.purpose, "purpose")? {
                v1::SealPurpose::Unspecified => return Err(unknown(0, "purpose")),
                v1::SealPurpose::Commit => SealPurpose::Commit,
                v1::SealPurpose::Verify => SealPurpose::Verify,
            },
            order,
            digest: hash(&wire.digest, "digest")?,
            values: indexed(wire.values, "values")?,
            roots_by_index: wire.roots_by_index,
        })
    }
}

impl From<SealResponse> for v1::SealResponse {
    fn from(response: SealResponse) -> Self {
        use v1::seal_response::Result as Wire;
        let result = match response {
            SealResponse::Sealed(sealed) => Wire::Sealed(sealed.into()),
            SealResponse::Differs { boot, digests } => {
                Wire::Differs(differs_message(boot, &digests))
            }
        };
        Self { result: Some(result) }
    }
}

impl TryFrom<v1::SealResponse> for SealResponse {
    type Error = DecodeError;

    fn try_from(wire: v1::SealResponse) -> Result<Self, DecodeError> {
        use v1::seal_response::Result as Wire;
        Ok(match wire.result.required("result")? {
            Wire::Sealed(sealed) => Self::Sealed(sealed.try_into().at("sealed")?),
            Wire::Differs(wire) => {
                let boot = BootId::new(wire.boot_id);
                Self::Differs { boot, digests: digests(&wire).at("differs")? }
            }
        })
    }
}

fn differs_message(boot: BootId, digests: &[(AccessIndex, Option<B256>)]) -> v1::StagedDiffers {
    let kind = |digest: &Option<B256>| if digest.is_some() { STAGED } else { NOTHING_STAGED };
    let hashes = digests.iter().filter_map(|(_, digest)| digest.as_ref());
    v1::StagedDiffers {
        boot_id: boot.get(),
        indices: digests.iter().map(|(index, _)| index.position()).collect(),
        kinds: digests.iter().map(|(_, digest)| kind(digest)).collect::<Vec<_>>().into(),
        digests: hashes.flat_map(|hash| hash.0).collect::<Vec<_>>().into(),
    }
}

fn digests(wire: &v1::StagedDiffers) -> Result<Vec<(AccessIndex, Option<B256>)>, DecodeError> {
    let mut indices = Numbers::new("indices", &wire.indices);
    let mut column = Column::new("digests", &wire.digests);
    let mut digests = Vec::with_capacity(wire.kinds.len());
    for kind in &wire.kinds {
        let digest = match *kind {
            NOTHING_STAGED => None,
            STAGED => Some(column.hash()?),
            other => return Err(unknown_byte(other, "kinds")),
        };
        digests.push((AccessIndex::new(indices.number()?), digest));
    }
    indices.end()?;
    column.end()?;
    Ok(digests)
}

impl From<SealedShard> for v1::SealedShard {
    fn from(sealed: SealedShard) -> Self {
        let (indices, nodes): (Vec<_>, Vec<_>) = sealed.index_root_nodes.into_iter().unzip();
        Self {
            boot_id: sealed.boot.get(),
            root_node: sealed.root_node.map(|node| node.0),
            root_indices: indices.into_iter().map(AccessIndex::position).collect(),
            index_root_nodes: nodes.into_iter().map(|node| node.0).collect(),
        }
    }
}

impl TryFrom<v1::SealedShard> for SealedShard {
    type Error = DecodeError;

    fn try_from(wire: v1::SealedShard) -> Result<Self, DecodeError> {
        let (given, expected) = (wire.index_root_nodes.len(), wire.root_indices.len());
        if given != expected {
            let reason = Reason::Length { given, expected };
            return Err(DecodeError::new("index_root_nodes", reason));
        }
        let indices = wire.root_indices.into_iter().map(AccessIndex::new);
        let nodes = wire.index_root_nodes.into_iter().map(Into::into);
        Ok(Self {
            boot: BootId::new(wire.boot_id),
            root_node: wire.root_node.map(Into::into),
            index_root_nodes: indices.zip(nodes).collect(),
        })
    }
}

impl From<CommitRequest> for v1::CommitRequest {
    fn from(request: CommitRequest) -> Self {
        Self {
            job_id: Some(request.job.into()),
            block_hash: bytes_of(request.block_hash),
            block_number: request.block_number,
        }
    }
}

impl TryFrom<v1::CommitRequest> for CommitRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::CommitRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            job: job(wire.job_id)?,
            block_hash: hash(&wire.block_hash, "block_hash")?,
            block_number: wire.block_number,
        })
    }
}

impl From<Head> for v1::Head {
    fn from(head: Head) -> Self {
        Self { block_hash: bytes_of(head.block_hash), block_number: head.block_number }
    }
}

impl TryFrom<v1::Head> for Head {
    type Error = DecodeError;

    fn try_from(wire: v1::Head) -> Result<Self, DecodeError> {
        let block_hash = hash(&wire.block_hash, "block_hash")?;
        Ok(Self { block_hash, block_number: wire.block_number })
    }
}

impl From<FeedMessage> for v1::FeedResponse {
    fn from(message: FeedMessage) -> Self {
        use v1::feed_response::Message as Wire;
        let message = match message {
            FeedMessage::Start { boot, head } => Wire::Start(v1::FeedStart {
                boot_id: boot.get(),
                head: head.map(|(_, hash)| bytes_of(hash)),
                head_job: head.and_then(|(job, _)| job).map(Into::into),
            }),
            FeedMessage::Sealed { boot, job, parent, diff } => Wire::Sealed(v1::FeedSealed {
                boot_id: boot.get(),
                job_id: Some(job.into()),
                parent: Some(parent.into()),
                diff: Some(diff.as_ref().into()),
            }),
            FeedMessage::Committed { job, block_hash } => Wire::Committed(v1::FeedCommitted {
                job_id: Some(job.into()),
                block_hash: bytes_of(block_hash),
            }),
            FeedMessage::Dropped { job } => {
                Wire::Dropped(v1::FeedDropped { job_id: Some(job.into()) })
            }
        };
        Self { message: Some(message) }
    }
}

impl TryFrom<v1::FeedResponse> for FeedMessage {
    type Error = DecodeError;

    fn try_from(wire: v1::FeedResponse) -> Result<Self, DecodeError> {
        use v1::feed_response::Message as Wire;
        match wire.message.required("message")? {
            Wire::Start(wire) => feed_start(wire).at("start"),
            Wire::Sealed(wire) => feed_sealed(wire).at("sealed"),
            Wire::Committed(wire) => feed_committed(&wire).at("committed"),
            Wire::Dropped(wire) => Ok(Self::Dropped { job: job(wire.job_id).at("dropped")? }),
        }
    }
}

fn feed_start(wire: v1::FeedStart) -> Result<FeedMessage, DecodeError> {
    let hash = optional_hash(wire.head.as_ref(), "head")?;
    if hash.is_none() && wire.head_job.is_some() {
        return Err(DecodeError::new("head_job", Reason::Unexpected));
    }
    let head = hash.map(|hash| (wire.head_job.map(Into::into), hash));
    Ok(FeedMessage::Start { boot: BootId::new(wire.boot_id), head })
}

fn feed_sealed(wire: v1::FeedSealed) -> Result<FeedMessage, DecodeError> {
    Ok(FeedMessage::Sealed {
        boot: BootId::new(wire.boot_id),
        job: job(wire.job_id)?,
        parent: snapshot(wire.parent, "parent")?,
        diff: Arc::new(wire.diff.required("diff")?.try_into().at("diff")?),
    })
}

fn feed_committed(wire: &v1::FeedCommitted) -> Result<FeedMessage, DecodeError> {
    let block_hash = hash(&wire.block_hash, "block_hash")?;
    Ok(FeedMessage::Committed { job: job(wire.job_id)?, block_hash })
}
