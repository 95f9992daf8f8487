//! `evmesh proof`: held against the header's state root by other code than that which made it.

use crate::{
    grpc::{INPUT, processes},
    program::{run, run_json},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, Nibbles, TrieAccount, proof::verify_proof};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    block_hash: B256,
    state_root: B256,
    address: Address,
    balance: U256,
    code_hash: B256,
    nonce: alloy_primitives::U64,
    storage_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<Slot>,
}

#[derive(Debug, Deserialize)]
struct Slot {
    key: U256,
    value: U256,
    proof: Vec<Bytes>,
}

impl Proof {
    fn account(&self) -> TrieAccount {
        TrieAccount::new(self.nonce.to(), self.balance, self.storage_hash, self.code_hash)
    }

    /// Holds the account and its slots against a state root.
    fn verify(&self, root: B256, exists: bool) -> bool {
        let key = |bytes: &[u8]| Nibbles::unpack(keccak256(bytes));
        let account = exists.then(|| alloy_rlp::encode(self.account()));
        let slots = self.storage_proof.iter().all(|slot| {
            let value = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
            let key = key(&slot.key.to_be_bytes::<32>());
            verify_proof(self.storage_hash, key, value, &slot.proof).is_ok()
        });
        slots
            && verify_proof(root, key(self.address.as_slice()), account, &self.account_proof)
                .is_ok()
    }
}

fn proof_of(args: &[&str]) -> Proof {
    let ended = run(&[&["proof", "--json"], args].concat());
    serde_json::from_value(ended.expect_code(0).lines().pop().unwrap()).unwrap()
}

#[test]
fn accounts_slots_and_their_absence_are_proved_against_the_headers_state_root() {
    let processes = processes();
    let url = processes.coordinator_url();
    let at = ["--coordinator", &url];
    let empty = run(&[&["proof", &Address::ZERO.to_string()], &at[..]].concat());
    assert!(empty.expect_code(4).stderr.contains("no head"), "{}", empty.stderr);
    run_json(&[&[INPUT], &at[..]].concat()).expect_code(0);
    let inputs = inputs::open(INPUT, &mut |_, _| ()).unwrap();
    let headers: Vec<_> = inputs[0]
        .blocks
        .iter()
        .map(|block| engine::block::Block::decode(&block.block_rlp).unwrap())
        .collect();
    let genesis = inputs[0].parent.values().unwrap();

    // Some of each shard.
    for account in genesis.accounts.iter().take(12) {
        let (address, slots) = (account.address.to_string(), account.storage.iter().take(3));
        let mut args: Vec<_> = slots.map(|(slot, _)| slot.to_string()).collect();
        args.push("0x123456".to_owned());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let proof = proof_of(&[&[&*address], &args[..], &at].concat());
        assert_eq!((proof.address, proof.block_hash), (account.address, headers[1].hash));
        assert_eq!(proof.state_root, headers[1].header.state_root);
        assert!(proof.verify(headers[1].header.state_root, true), "{proof:?}");
        // Another root is not proved, nor another balance.
        assert!(!proof.verify(headers[0].header.state_root, true));
        let richer = Proof { balance: proof.balance + U256::from(1), ..proof };
        assert!(!richer.verify(headers[1].header.state_root, true));
    }
    let first = headers[0].hash.to_string();
    let nobody = Address::repeat_byte(0xab).to_string();
    let absent = proof_of(&[&[&*nobody, "7", "--block", &first], &at[..]].concat());
    assert_eq!((absent.balance, absent.code_hash), (U256::ZERO, KECCAK_EMPTY));
    assert_eq!((absent.block_hash, absent.storage_hash), (headers[0].hash, EMPTY_ROOT_HASH));
    assert!(absent.verify(headers[0].header.state_root, false), "{absent:?}");
    assert_eq!(absent.storage_proof[0].value, U256::ZERO);
    let unknown = B256::repeat_byte(1).to_string();
    let args = [&["proof", "--json", &*nobody, "--block", &unknown], &at[..]].concat();
    let error: Value = run(&args).expect_code(4).lines().pop().unwrap();
    assert!(error["message"].as_str().unwrap().contains(&unknown), "{error}");
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
}
