//! What workers are asked: to recover senders, and to run slices. The job's frame travels apart.

use super::{
    At, DecodeError, Reason,
    access::writes,
    columns::Numbers,
    ids::{address, bytes_of, enumeration, unknown},
    outcome::reads,
};
use crate::{wire::v1, worker::PrepareRequest};
use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use bytes::Bytes;
use engine::{
    header::GasLeft,
    ids::{AccessIndex, Attempt, Incarnation, SliceId},
    task::{JobFrame, OverlayEntry, SignedBy, SliceKind, SliceTask, Standing, TaskItem},
};
use std::sync::Arc;

fn transaction(bytes: &Bytes, field: &str) -> Result<Arc<TxEnvelope>, DecodeError> {
    let decoded = TxEnvelope::decode_2718_exact(bytes);
    decoded.map(Arc::new).map_err(|error| DecodeError::malformed(field, "transaction", error))
}

impl From<&PrepareRequest> for v1::Prepare {
    fn from(request: &PrepareRequest) -> Self {
        let transactions = request.transactions.iter();
        Self {
            job_id: Some(request.frame.job.into()),
            indices: transactions.clone().map(|(index, _)| index.position()).collect(),
            transactions: transactions.map(|(_, tx)| tx.encoded_2718().into()).collect(),
        }
    }
}

/// Reads a request to recover senders, of the job that `frame` belongs to.
pub(super) fn prepare(
    wire: v1::Prepare,
    frame: Arc<JobFrame>,
) -> Result<PrepareRequest, DecodeError> {
    let mut indices = Numbers::new("indices", &wire.indices);
    let mut transactions = Vec::with_capacity(wire.transactions.len());
    for (position, bytes) in wire.transactions.iter().enumerate() {
        let index = AccessIndex::new(indices.number()?);
        transactions.push((index, transaction(bytes, &format!("transactions[{position}]"))?));
    }
    indices.end()?;
    Ok(PrepareRequest { frame, transactions })
}

impl From<&SliceTask> for v1::ExecuteSlice {
    fn from(task: &SliceTask) -> Self {
        let kind = match task.kind {
            SliceKind::Round => v1::SliceKind::Round,
            SliceKind::Whole => v1::SliceKind::Whole,
            SliceKind::Tail => v1::SliceKind::Tail,
            SliceKind::Confirmation => v1::SliceKind::Confirmation,
        };
        let overlay = task.overlay.iter().map(|entry| v1::OverlayEntry {
            index: entry.index.position(),
            writes: entry.writes.as_deref().map(Into::into),
        });
        Self {
            job_id: Some(task.frame.job.into()),
            slice_id: task.slice.get(),
            attempt: task.attempt.get(),
            kind: kind.into(),
            items: task.items.iter().map(Into::into).collect(),
            final_below: task.final_below.position(),
            overlay: overlay.collect(),
            gas_left: task.gas_left.map(Into::into),
        }
    }
}

/// Reads an attempt of a slice, of the job that `frame` belongs to.
pub(super) fn slice_task(
    wire: v1::ExecuteSlice,
    frame: Arc<JobFrame>,
) -> Result<SliceTask, DecodeError> {
    let kind = match enumeration(wire.kind, "kind")? {
        v1::SliceKind::Unspecified => return Err(unknown(0, "kind")),
        v1::SliceKind::Round => SliceKind::Round,
        v1::SliceKind::Whole => SliceKind::Whole,
        v1::SliceKind::Tail => SliceKind::Tail,
        v1::SliceKind::Confirmation => SliceKind::Confirmation,
    };
    let items = wire.items.into_iter().enumerate();
    let overlay = wire.overlay.into_iter().enumerate();
    Ok(SliceTask {
        frame,
        slice: SliceId::new(wire.slice_id),
        attempt: Attempt::new(wire.attempt),
        kind,
        items: items
            .map(|(position, item)| item.try_into().at_position("items", position))
            .collect::<Result<_, _>>()?,
        final_below: AccessIndex::new(wire.final_below),
        gas_left: wire.gas_left.map(Into::into),
        overlay: overlay
            .map(|(position, entry)| overlay_entry(entry).at_position("overlay", position))
            .collect::<Result<_, _>>()?,
    })
}

impl From<GasLeft> for v1::GasLeft {
    fn from(left: GasLeft) -> Self {
        Self { gas: left.gas, blob_gas: left.blob_gas }
    }
}

impl From<v1::GasLeft> for GasLeft {
    fn from(wire: v1::GasLeft) -> Self {
        Self { gas: wire.gas, blob_gas: wire.blob_gas }
    }
}

fn overlay_entry(wire: v1::OverlayEntry) -> Result<OverlayEntry, DecodeError> {
    let writes = wire.writes.map(|given| writes(Some(given))).transpose()?;
    Ok(OverlayEntry { index: AccessIndex::new(wire.index), writes })
}

impl From<&TaskItem> for v1::TaskItem {
    fn from(item: &TaskItem) -> Self {
        let signed = item.transaction.as_ref();
        Self {
            index: item.index.position(),
            incarnation: item.incarnation.get(),
            transaction: signed.map(|signed| signed.transaction.encoded_2718().into()),
            sender: signed.map(|signed| bytes_of(signed.sender)),
            standing: item.standing.as_ref().map(|standing| v1::Standing {
                incarnation: standing.incarnation.get(),
                reads: Some(standing.reads.as_ref().into()),
                writes: standing.writes.as_deref().map(Into::into),
                gas_used: standing.gas_used,
            }),
        }
    }
}

impl TryFrom<v1::TaskItem> for TaskItem {
    type Error = DecodeError;

    fn try_from(wire: v1::TaskItem) -> Result<Self, DecodeError> {
        let signed = match (&wire.transaction, &wire.sender) {
            (Some(bytes), Some(sender)) => Some(SignedBy {
                transaction: transaction(bytes, "transaction")?,
                sender: address(sender, "sender")?,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(DecodeError::new("sender", Reason::Missing)),
            (None, Some(_)) => return Err(DecodeError::new("transaction", Reason::Missing)),
        };
        Ok(Self {
            index: AccessIndex::new(wire.index),
            incarnation: Incarnation::new(wire.incarnation),
            transaction: signed,
            standing: wire.standing.map(standing).transpose().at("standing")?,
        })
    }
}

fn standing(wire: v1::Standing) -> Result<Standing, DecodeError> {
    Ok(Standing {
        incarnation: Incarnation::new(wire.incarnation),
        reads: Arc::new(reads(wire.reads)?),
        writes: wire.writes.map(|given| writes(Some(given))).transpose()?,
        gas_used: wire.gas_used,
    })
}
