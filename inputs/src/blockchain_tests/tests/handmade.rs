//! A small file of tests, written down as the official ones are. Nothing in it is executed.

use crate::{
    InputError,
    blockchain_tests::{Case, cases},
    input::{Input, StateValues},
};
use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope, constants::EMPTY_ROOT_HASH,
};
use alloy_primitives::{B256, Bytes, U256};
use engine::trie::StateTrie;
use serde_json::{Value, json};

pub(crate) const FILE: &str = "folder/file.json";
pub(crate) const CASE: &str = "a case";

/// A block on a parent; `extra` tells blocks of one number apart.
pub(crate) fn block(parent: &Header, extra: &'static str) -> (Header, Bytes) {
    let header = Header {
        parent_hash: parent.hash_slow(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        number: parent.number + 1,
        difficulty: U256::from(10),
        extra_data: Bytes::from_static(extra.as_bytes()),
        transactions_root: EMPTY_ROOT_HASH,
        gas_limit: 30_000_000,
        ..Header::default()
    };
    (header.clone(), encode(header))
}

pub(crate) fn encode(header: Header) -> Bytes {
    alloy_rlp::encode(Block::<TxEnvelope>::new(header, BlockBody::default())).into()
}

pub(crate) fn genesis(state_root: B256) -> Header {
    Header {
        state_root,
        difficulty: U256::from(0x20000),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        ..Header::default()
    }
}

/// A file of one case; its state is empty.
pub(crate) fn file(network: &str, blocks: Value) -> Value {
    let genesis = genesis(StateTrie::default().root().unwrap());
    json!({ CASE: {
        "_info": { "comment": "made by hand", "blocks": [1, 2.5, -3, true, null] },
        "network": network,
        "pre": {},
        "genesisBlockHeader": { "hash": genesis.hash_slow(), "number": "0x00" },
        "genesisRLP": encode(genesis),
        "blocks": blocks,
        "lastblockhash": B256::repeat_byte(0x77),
        "postState": {},
        "sealEngine": "NoProof",
    } })
}

/// A file with accounts; the genesis block does not have their root yet.
pub(crate) fn file_with_state(pre: Value) -> Value {
    let mut file = file("London", json!([]));
    file[CASE]["pre"] = pre.clone();
    file[CASE]["postState"] = pre;
    file
}

/// Puts the root of a state into a file's genesis.
pub(crate) fn set_genesis_root(file: &mut Value, state: &StateValues) {
    let genesis = genesis(state.root());
    file[CASE]["genesisBlockHeader"]["hash"] = json!(genesis.hash_slow());
    file[CASE]["genesisRLP"] = json!(encode(genesis));
}

pub(crate) fn read(file: &Value) -> Result<Case, InputError> {
    let json = file.to_string();
    let mut read: Vec<_> = cases(FILE, json.as_bytes())?.collect();
    assert_eq!(read.len(), 1);
    read.remove(0)
}

pub(crate) fn read_input(file: &Value) -> Input {
    read(file).unwrap().input.unwrap()
}
