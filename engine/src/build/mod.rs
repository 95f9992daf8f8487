//! A block that is to be built: what somebody chooses of it, and what came of it.

mod candidates;
mod close;
mod open;
#[cfg(test)]
mod tests;

pub use candidates::{Candidates, decode};
pub use close::{CloseError, close};
pub use open::{OpenError, open};

use crate::block::Block;
use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B64, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use std::sync::Arc;

/// What whoever builds a block chooses. All else of its header follows from the parent, the
/// chain's rules and execution: number, base fee, difficulty, excess blob gas, results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildAttributes {
    /// Seconds since the epoch.
    pub timestamp: u64,
    /// Who is paid the fees.
    pub beneficiary: Address,
    /// Gas limit of the block; has to be one that may follow the parent's.
    pub gas_limit: u64,
    /// Extra data of the header.
    pub extra_data: Bytes,
    /// Mix hash; from Paris on the random number of the beacon chain (EIP-4399).
    pub mix_hash: B256,
    /// Seal of proof of work, which is not checked; zero from Paris on.
    pub nonce: B64,
    /// Headers of the ommers (uncles); none from Paris on.
    pub ommers: Vec<Header>,
    /// Withdrawals in order (EIP-4895); none before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// Root of the parent's beacon block (EIP-4788); none before Cancun.
    pub parent_beacon_block_root: Option<B256>,
    /// Difficulty, where it is not the one that the chain's rule gives; seldom wanted.
    pub difficulty: Option<U256>,
}

/// Returns what whoever built a block chose of it. Its difficulty is left to the chain's rule.
pub fn attributes_of(block: &Block) -> BuildAttributes {
    let header = &block.header;
    BuildAttributes {
        timestamp: header.timestamp,
        beneficiary: header.beneficiary,
        gas_limit: header.gas_limit,
        extra_data: header.extra_data.clone(),
        mix_hash: header.mix_hash,
        nonce: header.nonce,
        ommers: block.ommers.clone(),
        withdrawals: block.withdrawals.clone(),
        parent_beacon_block_root: header.parent_beacon_block_root,
        difficulty: None,
    }
}

/// Returns the name of the job that builds a block on `parent`, a block's hash: Keccak-256 of the
/// RLP of what decides about the block, one item after the other.
pub fn name_of(parent: B256, attributes: &BuildAttributes, candidates: &[Bytes]) -> B256 {
    let mut bytes = Vec::new();
    let one_or_none = |root: Option<B256>| root.into_iter().collect::<Vec<_>>();
    parent.encode(&mut bytes);
    attributes.timestamp.encode(&mut bytes);
    attributes.beneficiary.encode(&mut bytes);
    attributes.gas_limit.encode(&mut bytes);
    attributes.extra_data.encode(&mut bytes);
    attributes.mix_hash.encode(&mut bytes);
    attributes.nonce.encode(&mut bytes);
    attributes.ommers.encode(&mut bytes);
    attributes.withdrawals.iter().cloned().collect::<Vec<_>>().encode(&mut bytes);
    one_or_none(attributes.parent_beacon_block_root).encode(&mut bytes);
    attributes.difficulty.into_iter().collect::<Vec<_>>().encode(&mut bytes);
    candidates.to_vec().encode(&mut bytes);
    keccak256(bytes)
}

/// A candidate that is not in the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its offset (from 0) among the candidates.
    pub candidate: usize,
    /// Hash of the transaction; of the bytes, if they are none.
    pub hash: B256,
    /// The rule that it broke.
    pub reason: String,
}

/// A block that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltBlock {
    /// Keccak-256 of the header's RLP.
    pub hash: B256,
    /// RLP of the whole block.
    pub block_rlp: Bytes,
    /// The header, results included.
    pub header: Header,
    /// The transactions that are in it, in order.
    pub transactions: Vec<Arc<TxEnvelope>>,
    /// Candidates that are not in it, in order.
    pub dropped: Vec<Dropped>,
}
