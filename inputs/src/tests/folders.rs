//! Folders of blocks with their pre-state: what is read, and what is refused.

use super::{
    archives::gzip,
    execute,
    handmade::{CONTRACT, EMPTY, Files, NUMBER},
    open_path,
};
use crate::{Input, InputError, ParentState};
use alloy_primitives::{B256, U256, keccak256};
use engine::{
    account::Account,
    block::{Block, Ommers},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn only(folder: &Path) -> Input {
    let mut inputs = open_path(folder).unwrap();
    assert_eq!(inputs.len(), 1);
    inputs.remove(0)
}

#[test]
fn a_folder_gives_the_block_and_the_values_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(NUMBER);
    files.write(folder.path());
    let input = only(folder.path());
    assert_eq!(input.chain.chain_id(), 1);
    let [block] = &input.blocks[..] else { panic!("{} blocks", input.blocks.len()) };
    let decoded = Block::decode(&block.block_rlp).unwrap();
    assert_eq!(json!(decoded.hash), files.block["hash"]);
    assert_eq!((decoded.transactions.len(), block.number), (1, NUMBER));
    assert_eq!(decoded.withdrawals.as_ref().unwrap()[0].amount, 3);
    assert_eq!((block.ommers, block.expects_invalid.as_deref()), (Ommers::Known, None));
    assert_eq!(block.ancestors.get(NUMBER - 1), B256::repeat_byte(0x11));
    assert_eq!(block.ancestors.get(NUMBER - 2), B256::repeat_byte(0x22));

    assert!(matches!(input.parent, ParentState::Values(_)));
    let values = input.parent.values().unwrap();
    let empty = values.accounts.iter().find(|account| account.address == EMPTY).unwrap();
    assert_eq!(empty.account, Account::default(), "it exists and is empty");
    let contract = values.accounts.iter().find(|account| account.address == CONTRACT).unwrap();
    let slots: Vec<(u64, u64)> =
        contract.storage.iter().map(|(slot, value)| (slot.to(), value.to())).collect();
    assert_eq!(slots, [(1, 11), (16, 1)], "slots that are zero are left out");
    assert_eq!(values.codes[0].hash, keccak256(&values.codes[0].bytes));

    let mut state = values.to_serial_state();
    let outcome = execute(&input, block, &state);
    state.apply(&outcome.post);
    assert_eq!(state.slot(&CONTRACT, &U256::from(2)), U256::from(11));
    assert_eq!(values.to_trie().slot(&CONTRACT, &U256::from(1)), Ok(U256::from(11)));
}

#[test]
fn folders_may_lie_anywhere_and_blocks_come_in_order_of_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (place, number) in [("a", NUMBER + 5), ("b/c/z", NUMBER + 1), ("b/c/y", NUMBER + 10)] {
        Files::new(number).write(&folder.path().join(place));
    }
    fs::write(folder.path().join("list.txt"), "not a block").unwrap();
    let inputs = open_path(folder.path()).unwrap();
    let numbers: Vec<u64> = inputs.iter().map(|input| input.blocks[0].number - NUMBER).collect();
    assert_eq!(numbers, [1, 5, 10]);
    assert!(inputs[0].name.ends_with("b/c/z"), "{}", inputs[0].name);
}

#[test]
fn each_file_of_a_folder_may_be_packed() {
    let folder = tempfile::tempdir().unwrap();
    Files::new(NUMBER).write(folder.path());
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let packed = gzip(&fs::read(&path).unwrap());
        fs::write(path.with_extension("json.gz"), packed).unwrap();
        fs::remove_file(path).unwrap();
    }
    assert_eq!(only(folder.path()).blocks[0].number, NUMBER);
}

#[test]
fn hashes_of_ommers_mean_that_the_ommers_are_withheld() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(NUMBER);
    let mut header: alloy_consensus::Header = serde_json::from_value(files.block.clone()).unwrap();
    header.ommers_hash = B256::repeat_byte(0x33);
    files.block["sha3Uncles"] = json!(header.ommers_hash);
    files.block["hash"] = json!(keccak256(alloy_rlp::encode(&header)));
    files.write(folder.path());
    let error = open_path(folder.path()).unwrap_err();
    assert!(error.at().ends_with("block.json, $.uncles"), "{}", error.at());
    files.block["uncles"] = json!([B256::repeat_byte(0x44)]);
    files.write(folder.path());
    assert_eq!(only(folder.path()).blocks[0].ommers, Ommers::Withheld);
}

type Change = fn(&mut Files);

/// What is changed, how the place ends that the error names, and what the message holds.
const REFUSED: [(Change, &str, &str); 13] = [
    (|f| f.block["gasUsed"] = json!("0x1"), "block.json, $.hash", "the header's hash is"),
    (|f| f.block["transactions"][0]["value"] = json!("0x8"), "$.transactions[0].hash", "root"),
    (|f| f.block["transactions"] = json!([]), "$.transactionsRoot", "root"),
    (|f| f.block["withdrawals"][0]["amount"] = json!("0x4"), "$.withdrawals", "withdrawals"),
    (|f| f.block["withdrawals"] = Value::Null, "$.withdrawals", "withdrawals"),
    (|f| f.block["hash"] = json!(1), "block.json, line 1, column", "32 bytes"),
    (|f| f.block["transactions"][0]["r"] = json!("?"), "block.json, line 1, column", "hex string"),
    (|f| f.block = json!([]), "block.json, line 1, column", ""),
    (|f| rename(&mut f.bytecodes, &B256::ZERO.to_string()), "bytecodes.json, $[\"0x00", "hash"),
    (|f| code(f)["original_len"] = json!(5), "bytecodes.json, $[\"0x", "hash"),
    (|f| code(f)["original_len"] = json!(1_u64 << 40), "bytecodes.json, $[\"0x", "fewer"),
    (|f| f.pre_state["0x01"] = json!({}), "pre_state.json, line 1, column", ""),
    (|f| f.block_hashes = json!({ "x": B256::ZERO }), "block_hashes.json, line 1, column", ""),
];

fn code(files: &mut Files) -> &mut Value {
    files.bytecodes.as_object_mut().unwrap().values_mut().next().unwrap()
}

fn rename(object: &mut Value, name: &str) {
    let first = object.as_object().unwrap().values().next().unwrap().clone();
    *object = json!({ name: first });
}

#[test]
fn what_cannot_be_right_is_refused_with_its_place() {
    for (n, (change, place, message)) in REFUSED.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(NUMBER);
        change(&mut files);
        files.write(folder.path());
        let error = open_path(folder.path()).unwrap_err();
        assert!(error.at().contains(place), "{n}: {} at {}", error, error.at());
        assert!(error.to_string().contains(message), "{n}: {error}");
        assert!(!error.advice().is_empty());
    }
}

#[test]
fn a_chain_that_is_not_known_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(NUMBER);
    let tx = files.block["transactions"][0].clone();
    let mut tx: alloy_consensus::TxEnvelope = serde_json::from_value(tx).unwrap();
    let alloy_consensus::TxEnvelope::Legacy(legacy) = &tx else { panic!("{tx:?}") };
    let other = alloy_consensus::TxLegacy { chain_id: Some(5), ..legacy.tx().clone() };
    tx = alloy_consensus::SignableTransaction::into_signed(other, *legacy.signature()).into();
    let mut header: alloy_consensus::Header = serde_json::from_value(files.block.clone()).unwrap();
    header.transactions_root =
        alloy_consensus::proofs::calculate_transaction_root(std::slice::from_ref(&tx));
    files.block["transactions"] = json!([tx]);
    files.block["transactionsRoot"] = json!(header.transactions_root);
    files.block["hash"] = json!(keccak256(alloy_rlp::encode(&header)));
    files.write(folder.path());
    let error = open_path(folder.path()).unwrap_err();
    assert!(error.at().ends_with("$.transactions[0].chainId"), "{}", error.at());
    assert!(error.to_string().contains("chain 5"), "{error}");
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(NUMBER);
    files.write(folder.path());
    let text = files.pre_state.to_string();
    let doubled = format!("{},{}", &text[..text.len() - 1], &text[1..]);
    fs::write(folder.path().join("pre_state.json"), doubled).unwrap();
    let error = open_path(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is there twice"), "{error}");
}

#[test]
fn a_folder_that_lacks_a_file_is_refused_by_the_files_name() {
    for (missing, is_needed) in [
        ("block.json", true),
        ("pre_state.json", true),
        ("bytecodes.json", true),
        ("block_hashes.json", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        Files::new(NUMBER).write(folder.path());
        fs::remove_file(folder.path().join(missing)).unwrap();
        match open_path(folder.path()) {
            Err(InputError::Incomplete { file, .. }) => assert!(is_needed && file == missing),
            Ok(_) => assert!(!is_needed, "{missing}"),
            Err(other) => panic!("{missing}: {other}"),
        }
    }
}

#[test]
fn the_same_block_may_not_be_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    Files::new(NUMBER).write(&folder.path().join("a"));
    Files::new(NUMBER).write(&folder.path().join("b"));
    let error = open_path(folder.path()).unwrap_err();
    assert!(matches!(error, InputError::Twice { .. }), "{error:?}");
    assert!(error.at().ends_with('b'), "{}", error.at());
}

#[test]
fn what_holds_no_blocks_is_said_to_hold_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open_path(folder.path()), Err(InputError::NoBlocks { .. })));
    let file = folder.path().join("some.txt");
    for content in ["", "text", "{}"] {
        fs::write(&file, content).unwrap();
        assert!(matches!(open_path(&file), Err(InputError::NoBlocks { .. })), "{content}");
    }
    let nowhere = open_path(&folder.path().join("nowhere")).unwrap_err();
    assert!(matches!(nowhere, InputError::NotFound { .. }), "{nowhere:?}");
    assert!(nowhere.at().ends_with("nowhere"));
}
