//! A block that is to be built: what somebody chooses of it, and what came of it.

use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B64, B256, Bytes, U256};
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
