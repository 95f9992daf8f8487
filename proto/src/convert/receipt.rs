//! Receipts as transactions give them.

use super::{
    At, DecodeError, Reason,
    columns::Column,
    ids::{address, bytes_of, fixed},
};
use crate::wire::v1;
use alloy_consensus::TxType;
use alloy_primitives::{Bloom, Log};
use bytes::Bytes;
use engine::outcome::{GasVector, TxReceipt};

/// Bits of a bloom from which on the whole bloom is shorter than their list.
const LISTED_BITS: u32 = 128;
/// Bits of a bloom.
const BLOOM_BITS: u16 = 2048;
/// Topics of a log at most.
const TOPICS_MAX: usize = 4;

impl From<&TxReceipt> for v1::TxReceipt {
    fn from(receipt: &TxReceipt) -> Self {
        let (bloom_bits, bloom) = bloom_message(&receipt.bloom);
        Self {
            tx_type: u8::from(receipt.tx_type).into(),
            success: receipt.success,
            gas_used: receipt.gas.used,
            gas_regular: receipt.gas.regular,
            gas_state: receipt.gas.state,
            gas_blob: receipt.gas.blob,
            logs: receipt.logs.iter().map(log_message).collect(),
            bloom_bits,
            bloom,
        }
    }
}

impl TryFrom<v1::TxReceipt> for TxReceipt {
    type Error = DecodeError;

    fn try_from(wire: v1::TxReceipt) -> Result<Self, DecodeError> {
        let given = u64::from(wire.tx_type);
        let tx_type = u8::try_from(wire.tx_type).ok().and_then(|byte| TxType::try_from(byte).ok());
        let logs = wire.logs.into_iter().enumerate();
        Ok(Self {
            tx_type: tx_type
                .ok_or_else(|| DecodeError::new("tx_type", Reason::Unknown { given }))?,
            success: wire.success,
            gas: GasVector {
                used: wire.gas_used,
                regular: wire.gas_regular,
                state: wire.gas_state,
                blob: wire.gas_blob,
            },
            logs: logs
                .map(|(position, wire)| log(&wire).at_position("logs", position))
                .collect::<Result<_, _>>()?,
            bloom: bloom(&wire.bloom_bits, wire.bloom.as_ref())?,
        })
    }
}

fn log_message(log: &Log) -> v1::Log {
    let topics = log.topics().iter().flat_map(|topic| topic.0);
    v1::Log {
        address: bytes_of(log.address),
        topics: topics.collect::<Vec<_>>().into(),
        data: log.data.data.0.clone(),
    }
}

fn log(wire: &v1::Log) -> Result<Log, DecodeError> {
    let n_topics = wire.topics.len() / 32;
    if n_topics > TOPICS_MAX {
        let reason = Reason::Length { given: wire.topics.len(), expected: TOPICS_MAX * 32 };
        return Err(DecodeError::new("topics", reason));
    }
    let mut column = Column::new("topics", &wire.topics);
    let topics = (0..n_topics).map(|_| column.hash()).collect::<Result<_, _>>()?;
    column.end()?;
    let data = wire.data.clone().into();
    Ok(Log::new_unchecked(address(&wire.address, "address")?, topics, data))
}

/// Writes a bloom as the list of its bits if that is shorter, else whole.
fn bloom_message(bloom: &Bloom) -> (Bytes, Option<Bytes>) {
    let n_bits: u32 = bloom.iter().map(|byte| byte.count_ones()).sum();
    if n_bits >= LISTED_BITS {
        return (Bytes::new(), Some(bytes_of(bloom)));
    }
    let mut bits = Vec::with_capacity(n_bits as usize * 2);
    if n_bits > 0 {
        let set = (0..BLOOM_BITS).filter(|bit| {
            let (byte, mask) = place(*bit);
            bloom[byte] & mask != 0
        });
        bits.extend(set.flat_map(u16::to_be_bytes));
    }
    (bits.into(), None)
}

fn bloom(bits: &Bytes, whole: Option<&Bytes>) -> Result<Bloom, DecodeError> {
    if let Some(whole) = whole {
        Column::new("bloom_bits", bits).end()?;
        return fixed(whole, "bloom").map(Bloom::new);
    }
    let mut bloom = Bloom::ZERO;
    let (pairs, rest) = bits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(DecodeError::new("bloom_bits", Reason::Short));
    }
    for pair in pairs {
        let bit = u16::from_be_bytes(*pair);
        if bit >= BLOOM_BITS {
            return Err(DecodeError::new("bloom_bits", Reason::Range { given: bit.into() }));
        }
        let (byte, mask) = place(bit);
        bloom[byte] |= mask;
    }
    Ok(bloom)
}

/// Returns the byte of a bloom's bit, and its mask there.
fn place(bit: u16) -> (usize, u8) {
    (255 - usize::from(bit / 8), 1 << (bit % 8))
}
