//! Header fields: what they have to be, what they are made of, how they compare.

mod body;
mod child;
mod compare;
mod difficulty;
mod draft;
mod lineage;
mod ommers;
mod results;

use crate::block::Block;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::B256;

/// A block of Prague without transactions that breaks no rule.
fn block() -> Block {
    let header = Header {
        number: 10,
        timestamp: 1_000,
        gas_limit: 30_000_000,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        base_fee_per_gas: Some(7),
        withdrawals_root: Some(B256::ZERO),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(B256::ZERO),
        ..Header::default()
    };
    Block {
        hash: B256::ZERO,
        header,
        transactions: Vec::new(),
        ommers: Vec::new(),
        withdrawals: Some(Vec::new()),
    }
}
