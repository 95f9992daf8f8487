//! Blocks that are to be built, and those that were.

use super::{
    At, DecodeError, Required,
    coordinator::plan,
    frame::{rlp, rlp_bytes},
    ids::{address, bytes_of, fixed, hash, number, number_bytes, optional_hash, snapshot},
    lineage::{headers, lineage, lineage_message},
};
use crate::{coordinator::BuildBlockRequest, wire::v1};
use alloy_primitives::B64;
use engine::{
    block::Block,
    build::{BuildAttributes, BuiltBlock, Dropped},
};

impl From<BuildBlockRequest> for v1::BuildBlockRequest {
    fn from(request: BuildBlockRequest) -> Self {
        Self {
            chain: Some((&request.chain).into()),
            parent: Some(request.parent.into()),
            ancestors: Some((&request.ancestors).into()),
            lineage: lineage_message(&request.lineage),
            attributes: Some(request.attributes.into()),
            candidates: request.candidates.into_iter().map(|bytes| bytes.0).collect(),
            plan: v1::PlanWish::from(request.plan).into(),
            slice_gas: request.slice_gas,
            seed: request.seed,
        }
    }
}

impl TryFrom<v1::BuildBlockRequest> for BuildBlockRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::BuildBlockRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: wire.chain.required("chain")?.try_into().at("chain")?,
            parent: snapshot(wire.parent, "parent")?,
            ancestors: wire.ancestors.required("ancestors")?.try_into().at("ancestors")?,
            lineage: lineage(wire.lineage)?,
            attributes: wire.attributes.required("attributes")?.try_into().at("attributes")?,
            candidates: wire.candidates.into_iter().map(Into::into).collect(),
            plan: plan(wire.plan)?,
            slice_gas: wire.slice_gas,
            seed: wire.seed,
        })
    }
}

impl From<BuildAttributes> for v1::BuildAttributes {
    fn from(attributes: BuildAttributes) -> Self {
        Self {
            timestamp: attributes.timestamp,
            beneficiary: bytes_of(attributes.beneficiary),
            gas_limit: attributes.gas_limit,
            extra_data: attributes.extra_data.0,
            mix_hash: bytes_of(attributes.mix_hash),
            nonce: bytes_of(attributes.nonce),
            ommers: attributes.ommers.iter().map(rlp_bytes).collect(),
            withdrawals: attributes.withdrawals.as_ref().map(rlp_bytes),
            parent_beacon_block_root: attributes.parent_beacon_block_root.map(bytes_of),
            difficulty: attributes.difficulty.map(number_bytes),
        }
    }
}

impl TryFrom<v1::BuildAttributes> for BuildAttributes {
    type Error = DecodeError;

    fn try_from(wire: v1::BuildAttributes) -> Result<Self, DecodeError> {
        let withdrawals = |bytes| rlp(bytes, "list of withdrawals", "withdrawals");
        let root = wire.parent_beacon_block_root.as_ref();
        Ok(Self {
            timestamp: wire.timestamp,
            beneficiary: address(&wire.beneficiary, "beneficiary")?,
            gas_limit: wire.gas_limit,
            extra_data: wire.extra_data.into(),
            mix_hash: hash(&wire.mix_hash, "mix_hash")?,
            nonce: B64::new(fixed(&wire.nonce, "nonce")?),
            ommers: headers(&wire.ommers, "ommers")?,
            withdrawals: wire.withdrawals.as_ref().map(withdrawals).transpose()?,
            parent_beacon_block_root: optional_hash(root, "parent_beacon_block_root")?,
            difficulty: wire.difficulty.map(|bytes| number(&bytes, "difficulty")).transpose()?,
        })
    }
}

impl From<BuiltBlock> for v1::BuiltBlock {
    fn from(built: BuiltBlock) -> Self {
        Self {
            block: built.block_rlp.0,
            dropped: built.dropped.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::BuiltBlock> for BuiltBlock {
    type Error = DecodeError;

    fn try_from(wire: v1::BuiltBlock) -> Result<Self, DecodeError> {
        let block = Block::decode(&wire.block)
            .map_err(|error| DecodeError::malformed("block", "block", error))?;
        let dropped = wire.dropped.into_iter().enumerate();
        let dropped = dropped.map(|(position, it)| it.try_into().at_position("dropped", position));
        Ok(Self {
            hash: block.hash,
            block_rlp: wire.block.into(),
            header: block.header,
            transactions: block.transactions,
            dropped: dropped.collect::<Result<_, _>>()?,
        })
    }
}

impl From<Dropped> for v1::DroppedCandidate {
    fn from(dropped: Dropped) -> Self {
        Self {
            candidate: u32::try_from(dropped.candidate)
                .expect("there are fewer than 2^32 - 1 candidates"),
            hash: bytes_of(dropped.hash),
            reason: dropped.reason,
        }
    }
}

impl TryFrom<v1::DroppedCandidate> for Dropped {
    type Error = DecodeError;

    fn try_from(wire: v1::DroppedCandidate) -> Result<Self, DecodeError> {
        Ok(Self {
            candidate: wire.candidate as usize,
            hash: hash(&wire.hash, "hash")?,
            reason: wire.reason,
        })
    }
}
