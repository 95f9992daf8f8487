//! Proofs, as anybody else verifies them.

use super::{
    map::{self, key, rebuilt, value},
    rng::Rng,
    state,
};
use crate::{
    account::Account,
    ids::ShardIndex,
    shard::ShardCount,
    trie::{AccountProof, StateTrie, Witness, join_proof, load::raw_trie, map::Trie},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use std::collections::BTreeMap;

#[test]
fn what_is_there_and_what_is_not_is_proved_for_keys_of_every_shape() {
    let (mut n_there, mut n_absent) = (0, 0);
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let (mut trie, mut leaves) = (Trie::<Bytes>::default(), BTreeMap::new());
        for _ in 0..rng.below(40) {
            let (key, value) = (key(&mut rng, &leaves), value(&mut rng));
            map::insert(&mut trie, key, value.clone());
            leaves.insert(key, value);
        }
        let root = rebuilt(&leaves).0;
        let mut keys: Vec<_> = leaves.keys().copied().collect();
        keys.extend((0..20).map(|_| key(&mut rng, &leaves)));
        for key in keys {
            let value = leaves.get(&key).map(|value| value.to_vec());
            n_there += u32::from(value.is_some());
            n_absent += u32::from(value.is_none());
            let proof = trie.proof(&key).unwrap();
            let verified = verify_proof(root, Nibbles::unpack(key), value, &proof);
            assert_eq!(verified, Ok(()), "seed {seed}, key {key}");
            // The nodes of a proof are a witness of all that it proves.
            if !proof.is_empty() {
                let little = raw_trie(&proof, root, 0..16).unwrap();
                assert_eq!(little.get(&key), Ok(leaves.get(&key)), "seed {seed}");
                assert_eq!(little.proof(&key), Ok(proof), "seed {seed}");
            }
        }
    }
    assert!(n_there > 1_000 && n_absent > 1_000, "{n_there} there, {n_absent} absent");
}

/// Verifies a proof of the whole state against plain values.
fn verify(root: B256, address: &Address, proof: &AccountProof, plain: &state::Plain) {
    let expected = plain.get(address);
    assert_eq!(proof.account, expected.map(|entry| entry.0));
    let leaf = proof.account.map(|Account { balance, nonce, code_hash }| {
        alloy_rlp::encode(TrieAccount::new(nonce, balance, proof.storage_root, code_hash))
    });
    let path = Nibbles::unpack(keccak256(address));
    assert_eq!(verify_proof(root, path, leaf, &proof.nodes), Ok(()), "{address}");
    for slot in &proof.slots {
        let value = expected.and_then(|entry| entry.1.get(&slot.slot)).copied();
        assert_eq!(slot.value, value.unwrap_or_default());
        let leaf = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
        let path = Nibbles::unpack(keccak256(B256::from(slot.slot)));
        assert_eq!(verify_proof(proof.storage_root, path, leaf, &slot.nodes), Ok(()));
    }
}

fn trie_of(plain: &state::Plain, is_here: impl Fn(&Address) -> bool) -> StateTrie {
    let here = plain.iter().filter(|(address, _)| is_here(address));
    StateTrie::from_values(
        here.map(|(address, (account, slots))| (*address, *account, slots.clone())),
        [],
    )
}

#[test]
fn proofs_of_parts_of_a_state_are_joined_to_those_of_the_whole() {
    let mut n_roots_alone = 0;
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut plain = state::Plain::new();
        for _ in 0..*rng.pick(&[0, 1, 2, 3, 40]) {
            let address = Address::with_last_byte(u8::try_from(rng.below(256)).unwrap());
            let slots = (0..rng.below(6)).map(|slot| (U256::from(slot), rng.word())).collect();
            plain.insert(address, (state::account(&mut rng), slots));
        }
        let root = state::plain_root(&plain);
        let whole = trie_of(&plain, |_| true);
        let slots: Vec<_> = (0..8).map(U256::from).collect();
        for n_shards in [1, 2, 4, 8, 16] {
            let count = ShardCount::new(n_shards).unwrap();
            let parts: Vec<StateTrie> = count
                .indices()
                .map(|shard| trie_of(&plain, |address| count.shard_of(address) == shard))
                .collect();
            let root_nodes: Vec<Bytes> = parts.iter().map(StateTrie::root_node).collect();
            for byte in 0..40 {
                let address = Address::with_last_byte(byte * 6);
                let owner = &parts[usize::from(count.shard_of(&address).get())];
                let mut proof = owner.account_proof(&address, &slots).unwrap();
                n_roots_alone += u32::from(proof.nodes.is_empty() && !plain.is_empty());
                let nodes = root_nodes.iter().map(AsRef::as_ref);
                proof.nodes = join_proof(nodes, &keccak256(address), &proof.nodes).unwrap();
                verify(root, &address, &proof, &plain);
                assert_eq!(proof, whole.account_proof(&address, &slots).unwrap(), "seed {seed}");
            }
        }
    }
    assert!(n_roots_alone > 100, "{n_roots_alone}");
}

#[test]
fn what_a_witness_lacks_is_not_proved() {
    let mut plain = state::Plain::new();
    for byte in 0..40 {
        plain.insert(Address::with_last_byte(byte), (Account::default(), BTreeMap::new()));
    }
    let whole = trie_of(&plain, |_| true);
    let address = Address::with_last_byte(7);
    let mut nodes = whole.account_proof(&address, &[]).unwrap().nodes;
    let leaf = nodes.pop().unwrap();
    let witness = Witness { state_root: whole.root().unwrap(), nodes, codes: Vec::new() };

    let state = StateTrie::from_witness(&witness, ShardCount::ONE, ShardIndex::new(0)).unwrap();

    assert_eq!(state.account_proof(&address, &[]).unwrap_err().hash, keccak256(leaf));
}
