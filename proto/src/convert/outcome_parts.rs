//! A block's outcome in parts, so that no message grows with the block.

use super::{
    At, DecodeError, Reason, Required,
    access::{indexed, indexed_message},
    ids::{bytes_of, hash, job},
    outcome_head::results,
};
use crate::{coordinator::BlockOutcome, wire::v1};
use alloy_consensus::ReceiptEnvelope;
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use engine::{access::WriteSet, ids::AccessIndex};
use prost::Message;
use std::sync::Arc;
use v1::execute_block_response::Part;

/// Bytes that a field needs beside its contents, at most.
const FIELD_BYTES: usize = 8;

/// Cuts a block's outcome into its head and pieces. A piece has `bytes_max` bytes at most, unless
/// a single receipt or write set is larger.
#[derive(Debug)]
pub struct OutcomeParts {
    head: Option<v1::OutcomeHead>,
    receipts: std::vec::IntoIter<ReceiptEnvelope>,
    writes: std::vec::IntoIter<(AccessIndex, Arc<WriteSet>)>,
    /// What did not fit the last piece.
    left: Option<v1::OutcomePiece>,
    bytes_max: usize,
}

impl OutcomeParts {
    /// Starts to cut.
    ///
    /// # Panics
    /// Never: a block has fewer than 2^32 - 1 transactions.
    pub fn new(outcome: BlockOutcome, bytes_max: usize) -> Self {
        let count = |n: usize| u32::try_from(n).expect("as many as transactions, and two");
        let head = v1::OutcomeHead {
            job_id: Some(outcome.job.into()),
            block_hash: bytes_of(outcome.block_hash),
            end: Some(outcome.end.into()),
            results: outcome.results.as_ref().map(Into::into),
            n_receipts: count(outcome.receipts.len()),
            n_writes: count(outcome.writes.len()),
            plan: Some(outcome.plan.into()),
            counts: Some(outcome.counts.into()),
            times: Some(outcome.times.into()),
            trace_id: outcome.trace_id,
            built: outcome.built.map(Into::into),
        };
        Self {
            head: Some(head),
            receipts: outcome.receipts.into_iter(),
            writes: outcome.writes.into_iter(),
            left: None,
            bytes_max,
        }
    }

    /// Returns the next receipt or write set as a piece of its own.
    fn next_one(&mut self) -> Option<v1::OutcomePiece> {
        if let Some(left) = self.left.take() {
            return Some(left);
        }
        if let Some(receipt) = self.receipts.next() {
            let receipts = vec![receipt.encoded_2718().into()];
            return Some(v1::OutcomePiece { receipts, writes: Vec::new() });
        }
        let writes = vec![indexed_message(&self.writes.next()?)];
        Some(v1::OutcomePiece { receipts: Vec::new(), writes })
    }
}

impl Iterator for OutcomeParts {
    type Item = v1::ExecuteBlockResponse;

    fn next(&mut self) -> Option<v1::ExecuteBlockResponse> {
        if let Some(head) = self.head.take() {
            return Some(v1::ExecuteBlockResponse { part: Some(Part::Head(head)) });
        }
        let mut piece = self.next_one()?;
        let mut n_bytes = piece.encoded_len();
        while let Some(one) = self.next_one() {
            n_bytes += one.encoded_len() + FIELD_BYTES;
            if n_bytes > self.bytes_max {
                self.left = Some(one);
                break;
            }
            piece.receipts.extend(one.receipts);
            piece.writes.extend(one.writes);
        }
        Some(v1::ExecuteBlockResponse { part: Some(Part::Piece(piece)) })
    }
}

/// Puts a block's outcome together from its parts.
#[derive(Debug, Default)]
pub struct OutcomeAssembler {
    head: Option<v1::OutcomeHead>,
    receipts: Vec<ReceiptEnvelope>,
    writes: Vec<(AccessIndex, Arc<WriteSet>)>,
}

impl OutcomeAssembler {
    /// Takes the next part.
    ///
    /// # Errors
    /// If it is damaged, comes at the wrong place, or is more than the head announced.
    pub fn take(&mut self, wire: v1::ExecuteBlockResponse) -> Result<(), DecodeError> {
        match wire.part.required("part")? {
            Part::Head(head) if self.head.is_none() => self.head = Some(head),
            Part::Head(_) => return Err(DecodeError::new("head", Reason::Unexpected)),
            Part::Piece(piece) => self.take_piece(piece).at("piece")?,
        }
        Ok(())
    }

    fn take_piece(&mut self, piece: v1::OutcomePiece) -> Result<(), DecodeError> {
        let head = self.head.as_ref().required("head")?;
        for (position, bytes) in piece.receipts.iter().enumerate() {
            let field = || format!("receipts[{position}]");
            if self.receipts.len() >= head.n_receipts as usize {
                return Err(DecodeError::new(field(), Reason::Unexpected));
            }
            let receipt = ReceiptEnvelope::decode_2718_exact(bytes)
                .map_err(|error| DecodeError::malformed(&field(), "receipt", error))?;
            self.receipts.push(receipt);
        }
        if self.writes.len() + piece.writes.len() > head.n_writes as usize {
            return Err(DecodeError::new("writes", Reason::Unexpected));
        }
        self.writes.extend(indexed(piece.writes, "writes")?);
        Ok(())
    }

    /// Returns the whole outcome.
    ///
    /// # Errors
    /// If parts are missing or the head is damaged.
    pub fn finish(self) -> Result<BlockOutcome, DecodeError> {
        let head = self.head.required("head")?;
        for (given, expected, field) in [
            (self.receipts.len(), head.n_receipts, "piece.receipts"),
            (self.writes.len(), head.n_writes, "piece.writes"),
        ] {
            let expected = expected as usize;
            if given != expected {
                return Err(DecodeError::new(field, Reason::Length { given, expected }));
            }
        }
        let whole = || {
            Ok(BlockOutcome {
                job: job(head.job_id)?,
                block_hash: hash(&head.block_hash, "block_hash")?,
                end: head.end.required("end")?.try_into().at("end")?,
                results: results(head.results)?,
                receipts: self.receipts,
                writes: self.writes,
                plan: head.plan.required("plan")?.into(),
                counts: head.counts.required("counts")?.try_into().at("counts")?,
                times: head.times.required("times")?.into(),
                trace_id: head.trace_id,
                built: head.built.map(TryInto::try_into).transpose().at("built")?,
            })
        };
        whole().at("head")
    }
}
