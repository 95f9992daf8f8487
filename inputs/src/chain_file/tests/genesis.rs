//! The genesis block that a genesis file makes.

use super::handmade::{blocks, chain, genesis, genesis_header, open_both};
use crate::chain_file::{Content, read};
use crate::input::{AccountValues, ParentState};
use alloy_consensus::{Header, constants::EMPTY_WITHDRAWALS};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::{Address, B256, U256, keccak256};
use engine::account::Account;
use serde_json::{Value, json};

/// Tells whether a genesis makes exactly this header: a chain on it is taken, one on any other is
/// refused.
fn makes(genesis: &Value, header: &Header) -> bool {
    let opened = open_both(chain(&blocks(header, 1)), genesis);
    opened.is_ok_and(|input| match input.parent {
        ParentState::Genesis { block_hash, block_number, .. } => {
            (block_hash, block_number) == (header.hash_slow(), header.number)
        }
        _ => false,
    })
}

#[test]
fn a_genesis_file_makes_the_header_that_geth_makes_of_it() {
    assert!(makes(&genesis(), &genesis_header()));
    assert!(!makes(&genesis(), &Header { gas_limit: 30_000_001, ..genesis_header() }));
    let mut without_limit = genesis();
    without_limit["gasLimit"] = json!("0x0");
    assert!(makes(&without_limit, &Header { gas_limit: 4_712_388, ..genesis_header() }));
}

#[test]
fn later_forks_put_their_fields_into_the_genesis_header() {
    let mut file = genesis();
    let mut header = genesis_header();
    file["config"]["londonBlock"] = json!(0);
    header.base_fee_per_gas = Some(1_000_000_000);
    assert!(makes(&file, &header));
    file["baseFeePerGas"] = json!("0x7");
    header.base_fee_per_gas = Some(7);
    assert!(makes(&file, &header));
    file["config"]["terminalTotalDifficulty"] = json!(0);
    // Active at the genesis block's time, and one second after it.
    file["config"]["shanghaiTime"] = json!(17);
    assert!(makes(&file, &header));
    file["config"]["shanghaiTime"] = json!(16);
    header.withdrawals_root = Some(EMPTY_WITHDRAWALS);
    assert!(makes(&file, &header));
    file["config"]["cancunTime"] = json!(16);
    header.parent_beacon_block_root = Some(B256::ZERO);
    header.blob_gas_used = Some(0);
    header.excess_blob_gas = Some(0);
    assert!(makes(&file, &header));
    file["excessBlobGas"] = json!("0x20000");
    header.excess_blob_gas = Some(0x20000);
    assert!(makes(&file, &header));
    file["config"]["pragueTime"] = json!(16);
    header.requests_hash = Some(EMPTY_REQUESTS_HASH);
    assert!(makes(&file, &header));
}

#[test]
fn the_first_state_is_what_alloc_says() {
    let code = [0x60, 0x01];
    let mut file = genesis();
    file["alloc"] = json!({
        "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee": { "balance": "12" },
        "0x1111111111111111111111111111111111111111": {
            "balance": "0x0", "nonce": "0x1", "code": "0x6001",
            "storage": {
                "0x0000000000000000000000000000000000000000000000000000000000000002":
                "0x0000000000000000000000000000000000000000000000000000000000000abc",
                "0x01": "0x00",
            },
        },
    });
    let contract = AccountValues {
        address: Address::repeat_byte(0x11),
        account: Account { balance: U256::ZERO, nonce: 1, code_hash: keccak256(code) },
        storage: vec![(U256::from(2), U256::from(0xabc))],
    };
    let rich = AccountValues {
        address: Address::repeat_byte(0xee),
        account: Account { balance: U256::from(12), ..Account::default() },
        storage: Vec::new(),
    };
    let mut header = genesis_header();
    let values = crate::StateValues { accounts: vec![contract, rich], codes: Vec::new() };
    header.state_root = values.root();
    let input = open_both(chain(&blocks(&header, 2)), &file).unwrap();
    let state = input.parent.values().unwrap();
    assert_eq!(state.accounts, values.accounts);
    assert_eq!((state.codes.len(), state.codes[0].hash), (1, keccak256(code)));
}

#[test]
fn what_geth_takes_is_taken_however_it_is_written() {
    let header = Header { difficulty: U256::from(1_u128 << 70), ..genesis_header() };
    let rich = AccountValues {
        address: Address::repeat_byte(0xee),
        account: Account { balance: U256::MAX, ..Account::default() },
        storage: Vec::new(),
    };
    let values = crate::StateValues { accounts: vec![rich], codes: Vec::new() };
    let header = Header { state_root: values.root(), ..header };
    let mut file = genesis();
    file["difficulty"] = json!("BIG");
    file["baseFeePerGas"] = Value::Null;
    file["blobGasUsed"] = Value::Null;
    file["gasUsed"] = json!("0x0");
    file["comment"] = json!("a number in a text: 115792089237316195423570985008687907853");
    file["config"]["terminalTotalDifficulty"] = json!("MAX");
    file["config"]["comment"] = json!("nothing");
    file["config"]["regolithTime"] = Value::Null;
    file["alloc"] = json!({
        "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee": {
            "balance": "MAX", "privateKey": "8f2a", "comment": "\\\"", "nonce": null, "code": null,
        },
    });
    let text = file.to_string();
    let text = text.replace("\"BIG\"", &header.difficulty.to_string());
    let text = text.replace("\"MAX\"", &U256::MAX.to_string());
    let chain = Content { path: "chain.rlp".to_owned(), bytes: chain(&blocks(&header, 1)) };
    let genesis = Content { path: "genesis.json".to_owned(), bytes: text.into() };
    let input = read(chain, &genesis, &mut |_, _| {}).unwrap();
    assert_eq!(input.parent.values().unwrap().accounts, values.accounts);
    let paris = input.chain.ethereum_fork_activation(EthereumHardfork::Paris);
    let ForkCondition::TTD { total_difficulty, .. } = paris else { panic!("{paris:?}") };
    assert_eq!(total_difficulty, U256::MAX);
}

#[test]
fn a_genesis_that_lacks_what_it_needs_is_refused_by_field() {
    for field in ["config", "alloc", "gasLimit", "difficulty"] {
        let mut file = genesis();
        file.as_object_mut().unwrap().remove(field);
        let error = open_both(chain(&blocks(&genesis_header(), 1)), &file).unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    let mut file = genesis();
    file["difficulty"] = json!("9".repeat(1_000_000));
    let error = open_both(chain(&blocks(&genesis_header(), 1)), &file).unwrap_err();
    assert!(error.to_string().len() < 1_000, "{}", error.to_string().len());
    let mut file = genesis();
    file["timestamp"] = json!("0x10000000000000000");
    let error = open_both(chain(&blocks(&genesis_header(), 1)), &file).unwrap_err();
    assert!(error.at().ends_with("$.timestamp"), "{}", error.at());
}
