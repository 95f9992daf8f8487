//! A witness file made by hand: a block on top of a few headers. Nothing in it is executed.

use crate::{InputError, input::Input, witness};
use alloy_consensus::{Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope};
use alloy_primitives::{B256, Bytes, U256};
use serde_json::{Value, json};

pub(crate) const FILE: &str = "folder/block.witness";
/// The state below the block.
pub(crate) const STATE_ROOT: B256 = B256::repeat_byte(0x55);
/// Number of the oldest header.
pub(crate) const OLDEST: u64 = 17_000_000;

/// Returns `n` headers, each the parent of the next; the last is on the witness's state.
pub(crate) fn headers(n: usize) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for number in (OLDEST..).take(n) {
        headers.push(Header {
            parent_hash: headers.last().map_or(B256::repeat_byte(0x11), Header::hash_slow),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            state_root: STATE_ROOT,
            number,
            ..Header::default()
        });
    }
    headers
}

/// Returns the block on top of some headers.
pub(crate) fn block(headers: &[Header]) -> Header {
    let parent = headers.last().unwrap();
    Header {
        parent_hash: parent.hash_slow(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        number: parent.number + 1,
        state_root: B256::repeat_byte(0x66),
        receipts_root: B256::repeat_byte(0x67),
        transactions_root: B256::repeat_byte(0x68),
        withdrawals_root: Some(B256::repeat_byte(0x69)),
        gas_used: 21_000,
        difficulty: U256::ZERO,
        base_fee_per_gas: Some(7),
        ..Header::default()
    }
}

/// Returns the file of the block on top of some headers.
pub(crate) fn file(headers: &[Header]) -> Value {
    let header = block(headers);
    let hashes: Vec<B256> = headers.iter().map(Header::hash_slow).collect();
    let encoded: Vec<Bytes> =
        headers.iter().map(|header| alloy_rlp::encode(header).into()).collect();
    let whole = Block::<TxEnvelope>::new(
        header.clone(),
        BlockBody { withdrawals: Some(Vec::new().into()), ..BlockBody::default() },
    );
    json!({
        "network": "mainnet", "chain_id": 1, "fork": "shanghai",
        "number": header.number,
        "block_hash": header.hash_slow(),
        "pre_state_root": STATE_ROOT,
        "ancestor_hashes_oldest_first": hashes,
        "source": "made by hand",
        "block_rlp": Bytes::from(alloy_rlp::encode(whole)),
        "witness": {
            "state": ["0xc0", "0x80"], "codes": ["0x6001"], "keys": ["0x01"], "headers": encoded,
        },
        "expect": {
            "state_root": header.state_root,
            "transactions_root": header.transactions_root,
            "receipts_root": header.receipts_root,
            "logs_bloom": header.logs_bloom,
            "gas_used": header.gas_used,
            "withdrawals_root": header.withdrawals_root,
            "requests_hash": null,
        },
    })
}

pub(crate) fn read(file: &Value) -> Result<Input, InputError> {
    witness::read(FILE, file.to_string().as_bytes())
}
