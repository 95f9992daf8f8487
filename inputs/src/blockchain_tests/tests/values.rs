//! States as tests write them.

use super::handmade::{CASE, file_with_state, read, read_input, set_genesis_root};
use crate::input::{AccountValues, ExpectedState, ParentState, StateValues};
use alloy_primitives::{Address, B256, U256, keccak256};
use engine::{account::Account, block::Code};
use serde_json::json;

const CODE: [u8; 2] = [0x60, 0x01];

fn expected() -> StateValues {
    let empty = AccountValues { address: Address::repeat_byte(1), ..AccountValues::default() };
    let contract = AccountValues {
        address: Address::repeat_byte(0xee),
        account: Account { balance: U256::from(10), nonce: 1, code_hash: keccak256(CODE) },
        storage: vec![(U256::ZERO, U256::from(3)), (U256::from(16), U256::from(0x0abc))],
    };
    let code = Code { hash: keccak256(CODE), bytes: CODE.into() };
    StateValues { accounts: vec![empty, contract], codes: vec![code] }
}

#[test]
fn numbers_have_leading_zeroes_and_states_are_whole() {
    let mut file = file_with_state(json!({
        "0xEEeeEeeEeEeEeEeEeEeeEEeEEEEeeEeEeeEeeeEE": {
            "balance": "0x0a", "nonce": "0x01", "code": "0x6001",
            "storage": { "0x010": "0x0Abc", "0x00": "0x3", "0x05": "0x00" },
        },
        "0x0101010101010101010101010101010101010101": {
            "balance": "0x0", "nonce": "0x00", "code": "0x", "storage": {},
        },
    }));
    set_genesis_root(&mut file, &expected());
    let input = read_input(&file);
    let ParentState::Genesis { state, block_number: 0, .. } = &input.parent else {
        panic!("{:?}", input.parent)
    };
    assert_eq!(**state, expected());
    let Some(ExpectedState::Values(post)) = &input.expected.state else {
        panic!("{:?}", input.expected)
    };
    assert_eq!(**post, expected());
}

#[test]
fn a_state_may_be_expected_by_its_root() {
    let mut file = file_with_state(json!({}));
    file[CASE].as_object_mut().unwrap().remove("postState");
    file[CASE]["postStateHash"] = json!(B256::repeat_byte(9));
    match read_input(&file).expected.state {
        Some(ExpectedState::Root(root)) => assert_eq!(root, B256::repeat_byte(9)),
        other => panic!("{other:?}"),
    }
    file[CASE].as_object_mut().unwrap().remove("postStateHash");
    assert!(read(&file).unwrap_err().at().ends_with(".postState"));
}

#[test]
fn a_state_that_is_not_the_genesis_blocks_is_refused() {
    let mut file = file_with_state(json!({
        "0x0101010101010101010101010101010101010101": {
            "balance": "0x0", "nonce": "0x00", "code": "0x", "storage": {},
        },
    }));
    let error = read(&file).unwrap_err();
    assert!(error.at().ends_with(".pre"), "{}", error.at());
    file[CASE]["pre"] = json!({});
    read(&file).unwrap();
}
