//! Candidates: from bytes to transactions that may be tried.

use super::Dropped;
use alloy_consensus::{TxEip4844Variant, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Bytes, keccak256};
use std::sync::Arc;

/// Candidates, as far as they are transactions of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The transactions in order.
    pub transactions: Vec<Arc<TxEnvelope>>,
    /// Offset (from 0) of each transaction among the candidates.
    pub offsets: Vec<usize>,
    /// What is none, in order.
    pub dropped: Vec<Dropped>,
}

/// Decodes candidates from their EIP-2718 bytes.
pub fn decode(candidates: &[Bytes]) -> Candidates {
    let mut decoded = Candidates::default();
    for (candidate, bytes) in candidates.iter().enumerate() {
        match transaction(bytes) {
            Ok(transaction) => {
                decoded.transactions.push(Arc::new(transaction));
                decoded.offsets.push(candidate);
            }
            Err(reason) => {
                decoded.dropped.push(Dropped { candidate, hash: keccak256(bytes), reason });
            }
        }
    }
    decoded
}

fn transaction(bytes: &Bytes) -> Result<TxEnvelope, String> {
    let transaction = TxEnvelope::decode_2718_exact(bytes)
        .map_err(|error| format!("its bytes are no transaction: {error}"))?;
    match &transaction {
        TxEnvelope::Eip4844(signed)
            if matches!(signed.tx(), TxEip4844Variant::TxEip4844WithSidecar(_)) =>
        {
            Err("it comes with its blobs, of which a block holds hashes only".to_owned())
        }
        _ => Ok(transaction),
    }
}
