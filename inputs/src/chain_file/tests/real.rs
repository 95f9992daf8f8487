//! Two real chains, from genesis through every fork to the state of their heads.

use crate::{Input, input::StateValues, open, testdata, tests::replay::replay, visit_files};
use alloy_primitives::{Address, B256, Bytes, U256};
use engine::{account::Account, sequential::SerialState};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

/// A dump of a state.
#[derive(Deserialize)]
struct Dump {
    root: String,
    accounts: BTreeMap<Address, DumpedAccount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DumpedAccount {
    balance: U256,
    nonce: u64,
    code_hash: B256,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<B256, String>,
}

fn dumps(archive: &Path) -> BTreeMap<String, Dump> {
    let mut dumps = BTreeMap::new();
    visit_files(archive, &mut |name, content| {
        if let Some(folder) = name.strip_suffix("/headstate.json") {
            dumps.insert(folder.to_owned(), serde_json::from_slice(&content).unwrap());
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    dumps
}

fn assert_is_dumped(name: &str, state: &SerialState, dump: &Dump) {
    for (address, dumped) in &dump.accounts {
        let what = format!("{name}: {address}");
        let DumpedAccount { balance, nonce, code_hash, .. } = *dumped;
        let expected = Account { balance, nonce, code_hash };
        assert_eq!(state.account(address), Some(expected), "{what}");
        for (slot, value) in &dumped.storage {
            let value = U256::from_str_radix(value, 16).unwrap();
            assert_eq!(state.slot(address, &(*slot).into()), value, "{what}, slot {slot}");
        }
        assert!(dumped.code.is_empty() || alloy_primitives::keccak256(&dumped.code) == code_hash);
    }
}

#[test]
fn real_chains_execute_from_genesis_to_the_state_of_their_heads() {
    let test = "real_chains_execute_from_genesis_to_the_state_of_their_heads";
    let Some(data) = testdata::folder(test) else { return };
    let archive = data.join("chains.tar.zst");
    let inputs: Vec<Input> = open(archive.to_str().unwrap(), &mut |_, _| {}).unwrap();
    let mut lengths: Vec<usize> = inputs.iter().map(|input| input.blocks.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [54, 600]);
    let dumps = dumps(&archive);
    for input in &inputs {
        let folder = input.name.strip_suffix("/chain.rlp").unwrap();
        let dump = &dumps[folder];
        let replayed = replay(input);
        assert_eq!(replayed.trie.root().unwrap(), dump.root.parse::<B256>().unwrap(), "{folder}");
        assert_is_dumped(folder, &replayed.state, dump);
        assert!(replayed.n_equal > 5 * input.blocks.len(), "{folder}");
        let first: &StateValues = input.parent.values().unwrap();
        assert!(dump.accounts.len() > first.accounts.len(), "{folder}: nothing was added");
    }
}
