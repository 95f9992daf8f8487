//! A short chain made by hand. Nothing in it is executed.

use crate::{
    InputError,
    chain_file::{Content, read},
    input::{Input, StateValues},
};
use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope,
    constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS},
};
use alloy_primitives::{B256, U256};
use serde_json::{Value, json};

/// A genesis of Berlin with no accounts.
pub(crate) fn genesis() -> Value {
    json!({
        "config": {
            "chainId": 77, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0,
            "eip158Block": 0, "byzantiumBlock": 0, "constantinopleBlock": 0,
            "petersburgBlock": 0, "istanbulBlock": 0, "berlinBlock": 0, "ethash": {},
        },
        "nonce": "0x42", "timestamp": "0x10", "extraData": "0x1234", "gasLimit": "0x1c9c380",
        "difficulty": "0x20000",
        "mixHash": B256::repeat_byte(9),
        "coinbase": "0x0101010101010101010101010101010101010101",
        "alloc": {},
    })
}

/// Header of that genesis, written down field by field.
pub(crate) fn genesis_header() -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: alloy_primitives::Address::repeat_byte(1),
        state_root: StateValues::default().root(),
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        difficulty: U256::from(0x20000),
        gas_limit: 30_000_000,
        timestamp: 16,
        extra_data: vec![0x12, 0x34].into(),
        mix_hash: B256::repeat_byte(9),
        nonce: 0x42_u64.into(),
        ..Header::default()
    }
}

/// Returns `n` blocks on a header, each the parent of the next, with their bytes.
pub(crate) fn blocks(on: &Header, n: u64) -> Vec<(Header, Vec<u8>)> {
    let mut parent = on.clone();
    let mut blocks = Vec::new();
    for _ in 0..n {
        parent = Header {
            parent_hash: parent.hash_slow(),
            number: parent.number + 1,
            timestamp: parent.timestamp + 10,
            difficulty: U256::from(100),
            ..parent
        };
        blocks.push((parent.clone(), encode(parent.clone())));
    }
    blocks
}

pub(crate) fn encode(header: Header) -> Vec<u8> {
    alloy_rlp::encode(Block::<TxEnvelope>::new(header, BlockBody::default()))
}

/// Returns a chain file of blocks.
pub(crate) fn chain(blocks: &[(Header, Vec<u8>)]) -> Vec<u8> {
    blocks.iter().flat_map(|(_, rlp)| rlp.clone()).collect()
}

pub(crate) fn open_both(chain: Vec<u8>, genesis: &Value) -> Result<Input, InputError> {
    let chain = Content { path: "folder/chain.rlp".to_owned(), bytes: chain };
    let genesis =
        Content { path: "folder/genesis.json".to_owned(), bytes: genesis.to_string().into() };
    read(chain, &genesis, &mut |_, _| {})
}
