//! A block as it comes in, decoded and with its results set apart.

use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{B256, Bloom, Bytes, keccak256};
use alloy_rlp::Decodable;
use std::{collections::BTreeMap, sync::Arc};

/// Largest block that is decoded, in bytes of RLP; far above what any chain allows.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Whether the bodies of a block's ommers came with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ommers {
    /// The block's bytes hold them all.
    #[default]
    Known,
    /// The source had only their hashes: their rewards and the ommers hash cannot be checked.
    Withheld,
}

/// A decoded block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Keccak-256 of the header's RLP.
    pub hash: B256,
    /// The header, results included.
    pub header: Header,
    /// The transactions in order.
    pub transactions: Vec<Arc<TxEnvelope>>,
    /// Headers of the ommers (uncles).
    pub ommers: Vec<Header>,
    /// Withdrawals in order; none before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal>>,
}

/// Why bytes are no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockDecodeError {
    /// The bytes are not the RLP of a block.
    #[error("block RLP cannot be decoded: {reason}")]
    Rlp {
        /// What the decoder found.
        reason: alloy_rlp::Error,
    },
    /// Bytes follow the block's end.
    #[error("{n_bytes} bytes follow the end of the block's RLP")]
    Trailing {
        /// How many.
        n_bytes: usize,
    },
    /// The block is larger than [`BLOCK_BYTES_MAX`].
    #[error("block of {n_bytes} bytes is larger than the limit of {BLOCK_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        n_bytes: usize,
    },
}

impl Block {
    /// Decodes a block from its RLP (header, transactions, ommers, withdrawals).
    ///
    /// # Errors
    /// If the bytes are not exactly one block, or more than [`BLOCK_BYTES_MAX`].
    pub fn decode(rlp: &[u8]) -> Result<Self, BlockDecodeError> {
        if rlp.len() > BLOCK_BYTES_MAX {
            return Err(BlockDecodeError::TooLarge { n_bytes: rlp.len() });
        }
        let mut rest = rlp;
        let block = alloy_consensus::Block::<TxEnvelope>::decode(&mut rest)
            .map_err(|reason| BlockDecodeError::Rlp { reason })?;
        if !rest.is_empty() {
            return Err(BlockDecodeError::Trailing { n_bytes: rest.len() });
        }
        Ok(Self {
            hash: keccak256(alloy_rlp::encode(&block.header)),
            header: block.header,
            transactions: block.body.transactions.into_iter().map(Arc::new).collect(),
            ommers: block.body.ommers,
            withdrawals: block.body.withdrawals.map(|list| list.into_inner()),
        })
    }

    /// Returns what execution may know of the block: everything but its results.
    pub fn attributes(&self) -> BlockAttributes {
        let header = Header {
            state_root: B256::ZERO,
            transactions_root: B256::ZERO,
            receipts_root: B256::ZERO,
            withdrawals_root: self.header.withdrawals_root.map(|_| B256::ZERO),
            logs_bloom: Bloom::ZERO,
            gas_used: 0,
            blob_gas_used: self.header.blob_gas_used.map(|_| 0),
            requests_hash: self.header.requests_hash.map(|_| B256::ZERO),
            ..self.header.clone()
        };
        BlockAttributes {
            header,
            ommers: self.ommers.clone(),
            withdrawals: self.withdrawals.clone(),
            n_transactions: self.transactions.len(),
        }
    }
}

/// What execution may know of a block; the header's results are blank.
#[derive(Clone, Debug)]
pub struct BlockAttributes {
    /// The header with zeroes for state, transactions, receipts and withdrawals roots, bloom,
    /// gas used, blob gas used and requests hash.
    pub header: Header,
    /// Headers of the ommers (uncles).
    pub ommers: Vec<Header>,
    /// Withdrawals in order; none before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// Number of transactions of the block.
    pub n_transactions: usize,
}

/// Hashes of the blocks before this one, by number: what BLOCKHASH answers (256 at most).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AncestorHashes(pub BTreeMap<u64, B256>);

impl AncestorHashes {
    /// Returns the hash of a block, or zero if it is not among the known ones.
    pub fn get(&self, number: u64) -> B256 {
        self.0.get(&number).copied().unwrap_or_default()
    }
}

/// Code with its hash, as a Snapshot or a deployment gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Keccak-256 of the bytes.
    pub hash: B256,
    /// The code itself.
    pub bytes: Bytes,
}
