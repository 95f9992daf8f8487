//! What workers answer: outcomes of slices, and senders.

use super::{
    At, DecodeError, Required,
    access::unknown_byte,
    access::writes,
    columns::{Column, Numbers},
    ids::job,
    snapshot::{key, key_message, values, values_message},
};
use crate::{wire::v1, worker::PrepareResponse};
use engine::{
    access::ReadSet,
    ids::{AccessIndex, Attempt, Incarnation, SliceId},
    outcome::{Executed, ReadStats, SliceOutcome, TxOutcome, Verdict},
};

const NO_SENDER: u8 = 1;
const SENDER: u8 = 2;

impl From<PrepareResponse> for v1::PrepareResponse {
    fn from(response: PrepareResponse) -> Self {
        let mut kinds = Vec::with_capacity(response.senders.len());
        let mut senders = Vec::with_capacity(response.senders.len() * 20);
        for (_, sender) in &response.senders {
            kinds.push(if sender.is_some() { SENDER } else { NO_SENDER });
            senders.extend(sender.iter().flat_map(|sender| sender.0.0));
        }
        Self {
            indices: response.senders.iter().map(|(index, _)| index.position()).collect(),
            kinds: kinds.into(),
            senders: senders.into(),
            cpu_us: response.cpu_us,
        }
    }
}

impl TryFrom<v1::PrepareResponse> for PrepareResponse {
    type Error = DecodeError;

    fn try_from(wire: v1::PrepareResponse) -> Result<Self, DecodeError> {
        let mut indices = Numbers::new("indices", &wire.indices);
        let mut column = Column::new("senders", &wire.senders);
        let mut senders = Vec::with_capacity(wire.kinds.len());
        for kind in &wire.kinds {
            let sender = match *kind {
                NO_SENDER => None,
                SENDER => Some(column.address()?),
                other => return Err(unknown_byte(other, "kinds")),
            };
            senders.push((AccessIndex::new(indices.number()?), sender));
        }
        indices.end()?;
        column.end()?;
        Ok(Self { senders, cpu_us: wire.cpu_us })
    }
}

impl From<SliceOutcome> for v1::SliceOutcome {
    fn from(outcome: SliceOutcome) -> Self {
        Self {
            job_id: Some(outcome.job.into()),
            slice_id: outcome.slice.get(),
            attempt: outcome.attempt.get(),
            transactions: outcome.transactions.iter().map(Into::into).collect(),
            snapshot: Some(values_message(&outcome.snapshot)),
            n_executions: outcome.n_executions,
            reads: Some(outcome.reads.into()),
            cpu_us: outcome.cpu_us,
            n_stages: outcome.n_stages,
        }
    }
}

impl TryFrom<v1::SliceOutcome> for SliceOutcome {
    type Error = DecodeError;

    fn try_from(wire: v1::SliceOutcome) -> Result<Self, DecodeError> {
        let transactions = wire.transactions.into_iter().enumerate();
        Ok(Self {
            job: job(wire.job_id)?,
            slice: SliceId::new(wire.slice_id),
            attempt: Attempt::new(wire.attempt),
            transactions: transactions
                .map(|(position, wire)| wire.try_into().at_position("transactions", position))
                .collect::<Result<_, _>>()?,
            snapshot: values(&wire.snapshot.required("snapshot")?).at("snapshot")?,
            n_executions: wire.n_executions,
            reads: wire.reads.required("reads")?.into(),
            cpu_us: wire.cpu_us,
            n_stages: wire.n_stages,
        })
    }
}

impl From<&TxOutcome> for v1::TxOutcome {
    fn from(outcome: &TxOutcome) -> Self {
        use v1::tx_outcome::Verdict as Wire;
        let verdict = match &outcome.verdict {
            Verdict::Executed(executed) => Wire::Executed(executed.as_ref().into()),
            Verdict::Invalid { reason } => Wire::Invalid(reason.clone()),
            Verdict::Parked => Wire::Parked(v1::Parked {}),
            Verdict::NoRoom => Wire::NoRoom(v1::NoRoom {}),
            Verdict::Unavailable { key } => Wire::Unavailable(key_message(key)),
            Verdict::Failed { message } => Wire::Failed(message.clone()),
        };
        Self {
            index: outcome.index.position(),
            incarnation: outcome.incarnation.get(),
            reads: Some((&outcome.reads).into()),
            verdict: Some(verdict),
        }
    }
}

impl TryFrom<v1::TxOutcome> for TxOutcome {
    type Error = DecodeError;

    fn try_from(wire: v1::TxOutcome) -> Result<Self, DecodeError> {
        use v1::tx_outcome::Verdict as Wire;
        let verdict = match wire.verdict.required("verdict")? {
            Wire::Executed(executed) => {
                Verdict::Executed(Box::new(executed.try_into().at("executed")?))
            }
            Wire::Invalid(reason) => Verdict::Invalid { reason },
            Wire::Parked(v1::Parked {}) => Verdict::Parked,
            Wire::NoRoom(v1::NoRoom {}) => Verdict::NoRoom,
            Wire::Unavailable(missing) => {
                Verdict::Unavailable { key: key(&missing).at("unavailable")? }
            }
            Wire::Failed(message) => Verdict::Failed { message },
        };
        Ok(Self {
            index: AccessIndex::new(wire.index),
            incarnation: Incarnation::new(wire.incarnation),
            reads: reads(wire.reads)?,
            verdict,
        })
    }
}

/// Reads a read set that has to be there.
pub(super) fn reads(wire: Option<v1::ReadSet>) -> Result<ReadSet, DecodeError> {
    wire.required("reads")?.try_into().at("reads")
}

impl From<&Executed> for v1::Executed {
    fn from(executed: &Executed) -> Self {
        Self {
            writes: Some(executed.writes.as_ref().into()),
            receipt: executed.receipt.as_ref().map(Into::into),
            requests: executed.requests.iter().map(|request| request.0.clone()).collect(),
        }
    }
}

impl TryFrom<v1::Executed> for Executed {
    type Error = DecodeError;

    fn try_from(wire: v1::Executed) -> Result<Self, DecodeError> {
        let receipt = wire.receipt.map(TryInto::try_into).transpose().at("receipt")?;
        let requests = wire.requests.into_iter().map(Into::into).collect();
        Ok(Self { writes: writes(wire.writes)?, receipt, requests })
    }
}

impl From<ReadStats> for v1::ReadStats {
    fn from(reads: ReadStats) -> Self {
        Self {
            keys: reads.keys,
            batches: reads.batches,
            miss_steps: reads.miss_steps,
            cache_hits: reads.cache_hits,
            cache_misses: reads.cache_misses,
            prefetched: reads.prefetched,
            prefetched_unused: reads.prefetched_unused,
            bytes: reads.bytes,
        }
    }
}

impl From<v1::ReadStats> for ReadStats {
    fn from(wire: v1::ReadStats) -> Self {
        Self {
            keys: wire.keys,
            batches: wire.batches,
            miss_steps: wire.miss_steps,
            cache_hits: wire.cache_hits,
            cache_misses: wire.cache_misses,
            prefetched: wire.prefetched,
            prefetched_unused: wire.prefetched_unused,
            bytes: wire.bytes,
        }
    }
}
