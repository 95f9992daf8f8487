//! What is fixed for a job: the block without its results, and its surroundings.

use super::{
    At, DecodeError, Reason, Required,
    columns::Column,
    ids::{job, snapshot},
};
use crate::wire::v1;
use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_rlp::{Decodable, Encodable};
use bytes::Bytes;
use engine::{
    block::{AncestorHashes, BlockAttributes},
    task::JobFrame,
};

/// Writes RLP.
pub(super) fn rlp_bytes(value: &impl Encodable) -> Bytes {
    alloy_rlp::encode(value).into()
}

/// Reads RLP that ends where the bytes end.
pub(super) fn rlp<T: Decodable>(
    bytes: &Bytes,
    what: &'static str,
    field: &str,
) -> Result<T, DecodeError> {
    alloy_rlp::decode_exact(bytes).map_err(|error| DecodeError::malformed(field, what, error))
}

impl From<&JobFrame> for v1::JobFrame {
    fn from(frame: &JobFrame) -> Self {
        Self {
            job_id: Some(frame.job.into()),
            chain: Some((&frame.chain).into()),
            attributes: Some((&frame.attributes).into()),
            ancestors: Some((&frame.ancestors).into()),
            snapshot: Some(frame.snapshot.into()),
        }
    }
}

impl TryFrom<v1::JobFrame> for JobFrame {
    type Error = DecodeError;

    fn try_from(wire: v1::JobFrame) -> Result<Self, DecodeError> {
        Ok(Self {
            job: job(wire.job_id)?,
            chain: wire.chain.required("chain")?.try_into().at("chain")?,
            attributes: wire.attributes.required("attributes")?.try_into().at("attributes")?,
            ancestors: wire.ancestors.required("ancestors")?.try_into().at("ancestors")?,
            snapshot: snapshot(wire.snapshot, "snapshot")?,
        })
    }
}

impl From<&BlockAttributes> for v1::BlockAttributes {
    fn from(attributes: &BlockAttributes) -> Self {
        Self {
            header: rlp_bytes(&attributes.header),
            ommers: attributes.ommers.iter().map(rlp_bytes).collect(),
            withdrawals: attributes.withdrawals.as_ref().map(rlp_bytes),
            n_transactions: u32::try_from(attributes.n_transactions)
                .expect("a block holds fewer than 2^32 - 1 transactions"),
        }
    }
}

impl TryFrom<v1::BlockAttributes> for BlockAttributes {
    type Error = DecodeError;

    fn try_from(wire: v1::BlockAttributes) -> Result<Self, DecodeError> {
        let mut ommers = Vec::with_capacity(wire.ommers.len());
        for (position, bytes) in wire.ommers.iter().enumerate() {
            ommers.push(rlp::<Header>(bytes, "header", &format!("ommers[{position}]"))?);
        }
        let list = |bytes| rlp::<Vec<Withdrawal>>(bytes, "list of withdrawals", "withdrawals");
        let given = wire.n_transactions;
        if given >= u32::MAX - 1 {
            let reason = Reason::Range { given: given.into() };
            return Err(DecodeError::new("n_transactions", reason));
        }
        Ok(Self {
            header: rlp(&wire.header, "header", "header")?,
            ommers,
            withdrawals: wire.withdrawals.as_ref().map(list).transpose()?,
            n_transactions: given as usize,
        })
    }
}

impl From<&AncestorHashes> for v1::AncestorHashes {
    fn from(ancestors: &AncestorHashes) -> Self {
        Self {
            numbers: ancestors.0.keys().copied().collect(),
            hashes: ancestors.0.values().flat_map(|hash| hash.0).collect::<Vec<_>>().into(),
        }
    }
}

impl TryFrom<v1::AncestorHashes> for AncestorHashes {
    type Error = DecodeError;

    fn try_from(wire: v1::AncestorHashes) -> Result<Self, DecodeError> {
        if !wire.numbers.is_sorted_by(|one, other| one < other) {
            return Err(DecodeError::malformed("numbers", "column", "it is not ascending"));
        }
        let mut hashes = Column::new("hashes", &wire.hashes);
        let mut ancestors = Self::default();
        for number in wire.numbers {
            ancestors.0.insert(number, hashes.hash()?);
        }
        hashes.end()?;
        Ok(ancestors)
    }
}
