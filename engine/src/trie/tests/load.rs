//! States made of witnesses.

use super::{map::all_nodes, rng::Rng, state};
use crate::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    ids::ShardIndex,
    shard::ShardCount,
    trie::{Missing, StateTrie, Witness, WitnessError, join, storage_root},
};
use alloy_primitives::{Address, B256, Bytes, U256, bytes, keccak256};
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieAccount, TrieMask,
    nodes::{BranchNode, ExtensionNode, LeafNode, RlpNode},
};
use std::collections::BTreeMap;

const ALONE: ShardIndex = ShardIndex::new(0);

/// Every node of a state, by hash.
fn nodes_of(plain: &state::Plain) -> (B256, BTreeMap<B256, Bytes>) {
    let mut nodes = BTreeMap::new();
    let mut leaves = BTreeMap::new();
    for (address, (account, slots)) in plain {
        let slots: BTreeMap<_, _> = slots
            .iter()
            .filter(|(_, value)| !value.is_zero())
            .map(|(slot, value)| (keccak256(B256::from(*slot)), alloy_rlp::encode(value).into()))
            .collect();
        let (storage_root, below) = all_nodes(&slots);
        nodes.extend(below);
        let Account { balance, nonce, code_hash } = *account;
        let leaf = TrieAccount::new(nonce, balance, storage_root, code_hash);
        leaves.insert(keccak256(address), alloy_rlp::encode(leaf).into());
    }
    let (root, above) = all_nodes(&leaves);
    nodes.extend(above);
    (root, nodes)
}

/// A state of 40 accounts, some with slots, and a diff of it.
fn world(rng: &mut Rng) -> (state::Plain, StateDiff) {
    let mut plain = state::Plain::new();
    for byte in 0..40 {
        let n_slots = *rng.pick(&[0, 0, 1, 30]);
        let slots = (0..n_slots).map(|_| (U256::from(rng.below(40)), rng.word())).collect();
        plain.insert(Address::with_last_byte(byte), (state::account(rng), slots));
    }
    (plain, state::diff_of(rng, 60))
}

fn part(witness: &Witness, count: usize, index: u16) -> StateTrie {
    let count = ShardCount::new(count).unwrap();
    StateTrie::from_witness(witness, count, ShardIndex::new(index)).unwrap()
}

/// Joins the root nodes of a state's parts after a diff.
fn root_of_parts(witness: &Witness, n_shards: u16, diff: &StateDiff) -> Result<B256, Missing> {
    let count = ShardCount::new(n_shards.into()).unwrap();
    let mut root_nodes = Vec::new();
    for shard in count.indices() {
        let mut state = StateTrie::from_witness(witness, count, shard).unwrap();
        let mut own = diff.clone();
        own.accounts.retain(|address, _| count.shard_of(address) == shard);
        state.apply(&own)?;
        root_nodes.push(state.root_node());
    }
    Ok(join(root_nodes.iter().map(AsRef::as_ref)).unwrap())
}

/// Returns the least witness from which one shard can apply a diff.
fn recorded(root: B256, nodes: &BTreeMap<B256, Bytes>, diff: &StateDiff) -> Witness {
    let known = vec![nodes[&root].clone(), bytes!("80"), keccak256(root).to_vec().into()];
    let mut witness = Witness { state_root: root, nodes: known, codes: Vec::new() };
    loop {
        match root_of_parts(&witness, 1, diff) {
            Ok(_) => return witness,
            Err(missing) => witness.nodes.push(nodes[&missing.hash].clone()),
        }
    }
}

#[test]
fn every_number_of_shards_finds_the_root_after_a_diff_from_the_nodes_that_it_asks_for() {
    let mut n_blind_roots = 0;
    for seed in 0..100 {
        let (mut plain, diff) = world(&mut Rng::new(seed));
        let (root, nodes) = nodes_of(&plain);
        let witness = recorded(root, &nodes, &diff);
        let before = part(&witness, 1, 0);
        assert_eq!(before.root(), Ok(root), "seed {seed}");
        for (address, (_, slots)) in &plain {
            if let Ok(found) = before.storage_root(address) {
                assert_eq!(found, Some(storage_root(slots.clone())), "seed {seed}");
                let missing = before.slot(address, &U256::from(1)).err();
                n_blind_roots += u32::from(missing.is_some_and(|it| it.at.nibbles.is_empty()));
            }
        }
        state::apply(&mut plain, &diff);
        let expected = state::plain_root(&plain);
        for n_shards in [1, 2, 4, 8, 16] {
            let unchanged = root_of_parts(&witness, n_shards, &StateDiff::default());
            assert_eq!(unchanged, Ok(root), "seed {seed}, {n_shards} shards");
            let found = root_of_parts(&witness, n_shards, &diff);
            assert_eq!(found, Ok(expected), "seed {seed}, {n_shards} shards");
        }
    }
    assert!(n_blind_roots > 20, "{n_blind_roots} storage tries with a blind root");
}

#[test]
fn a_witness_without_one_of_its_nodes_gives_the_right_root_or_none() {
    let mut n_missing = 0;
    for seed in 0..60 {
        let (mut plain, diff) = world(&mut Rng::new(seed));
        let (root, nodes) = nodes_of(&plain);
        let witness = recorded(root, &nodes, &diff);
        state::apply(&mut plain, &diff);
        let expected = state::plain_root(&plain);
        for at in 3..witness.nodes.len() {
            let mut fewer = witness.clone();
            let hash = keccak256(fewer.nodes.remove(at));
            for n_shards in [1, 16] {
                match root_of_parts(&fewer, n_shards, &diff) {
                    Ok(found) => assert_eq!(found, expected, "seed {seed} without node {at}"),
                    Err(missing) => {
                        assert_eq!(missing.hash, hash, "seed {seed}");
                        n_missing += 1;
                    }
                }
            }
        }
    }
    assert!(n_missing > 500, "{n_missing}");
}

#[test]
fn reads_of_what_a_witness_lacks_name_the_trie_and_the_node() {
    let (plain, _) = world(&mut Rng::new(7));
    let (root, nodes) = nodes_of(&plain);
    let with_slots = plain.iter().find(|(_, (_, slots))| slots.len() > 10);
    let (address, (account, slots)) = with_slots.unwrap();
    let storage_root = storage_root(slots.clone());
    let witness = |without: B256| Witness {
        state_root: root,
        nodes: nodes.values().filter(|node| keccak256(node) != without).cloned().collect(),
        codes: vec![bytes!("6001")],
    };

    let state = part(&witness(storage_root), 1, 0);

    assert_eq!(state.account(address), Ok(Some(*account)));
    let missing = state.slot(address, &U256::from(1)).unwrap_err();
    assert_eq!(missing.hash, storage_root);
    assert_eq!(missing.at.storage_of, Some(keccak256(address)));
    assert!(missing.to_string().contains(&format!("{}", keccak256(address))), "{missing}");
    assert_eq!(state.code(&keccak256(bytes!("6001"))), Some(&bytes!("6001")));
    assert_eq!(state.code(&B256::ZERO), None);
    let state = part(&witness(B256::ZERO), 1, 0);
    for (slot, value) in slots {
        assert_eq!(state.slot(address, slot), Ok(*value));
    }
    let without_root = StateTrie::from_witness(&witness(root), ShardCount::ONE, ALONE).unwrap_err();
    assert_eq!(without_root, WitnessError::RootMissing { hash: root });
    let empty = Witness { state_root: EMPTY_ROOT_HASH, ..Witness::default() };
    assert_eq!(part(&empty, 4, 2).root(), Ok(EMPTY_ROOT_HASH));
}

/// A node's bytes and how others refer to it.
fn made(node: impl alloy_rlp::Encodable) -> (Bytes, RlpNode) {
    let rlp = alloy_rlp::encode(node);
    let reference = RlpNode::from_rlp(&rlp);
    (rlp.into(), reference)
}

fn account_leaf(key: Nibbles, storage_root: B256) -> (Bytes, RlpNode) {
    let account = TrieAccount::new(1, U256::from(1), storage_root, Account::default().code_hash);
    made(LeafNode::new(key, alloy_rlp::encode(account)))
}

fn branch_of(children: &[(u8, &RlpNode)]) -> (Bytes, RlpNode) {
    let mask = children.iter().fold(0, |mask, (nibble, _)| mask | 1 << nibble);
    let stack = children.iter().map(|(_, child)| (*child).clone()).collect();
    made(BranchNode::new(stack, TrieMask::new(mask)))
}

fn loaded(nodes: &[&(Bytes, RlpNode)]) -> Result<StateTrie, WitnessError> {
    let state_root = nodes[0].1.as_hash().unwrap();
    let nodes = nodes.iter().map(|(rlp, _)| rlp.clone()).collect();
    let witness = Witness { state_root, nodes, codes: Vec::new() };
    StateTrie::from_witness(&witness, ShardCount::ONE, ALONE)
}

fn nibbles(length: usize, nibble: u8) -> Nibbles {
    Nibbles::from_nibbles(vec![nibble; length])
}

#[test]
fn bytes_that_cannot_stand_where_they_are_referred_to_are_refused_by_hash_and_path() {
    let leaf = account_leaf(nibbles(63, 1), EMPTY_ROOT_HASH);
    let good = account_leaf(nibbles(63, 2), EMPTY_ROOT_HASH);
    assert!(loaded(&[&branch_of(&[(1, &leaf.1), (2, &good.1)]), &leaf, &good]).is_ok());
    let no_list =
        (bytes!("a00000000000000000000000000000000000000000000000000000000000000000"), ());
    let no_list = (no_list.0.clone(), RlpNode::from_rlp(&no_list.0));
    // What the extension leads to, in a place where it can stand.
    let below = account_leaf(nibbles(61, 2), EMPTY_ROOT_HASH);
    let long_branch = made(ExtensionNode::new(nibbles(63, 4), leaf.1.clone()));
    let longer = |mut rlp: Vec<u8>| {
        rlp.push(0);
        rlp
    };
    let good_account = alloy_rlp::encode(TrieAccount::default());
    let longer_node = Bytes::from(longer(leaf.0.to_vec()));
    let longer_node = (longer_node.clone(), RlpNode::from_rlp(&longer_node));
    let bad = [
        ("does not decode", no_list),
        ("not of 64 nibbles", account_leaf(nibbles(62, 1), EMPTY_ROOT_HASH)),
        ("not of 64 nibbles", account_leaf(nibbles(64, 1), EMPTY_ROOT_HASH)),
        ("no account", made(LeafNode::new(nibbles(63, 1), vec![7; 60]))),
        ("no account", made(LeafNode::new(nibbles(63, 1), longer(good_account)))),
        ("does not decode", longer_node),
        ("fewer than two children", branch_of(&[(3, &good.1)])),
        ("leads to no branch", made(ExtensionNode::new(nibbles(2, 4), below.1.clone()))),
        ("no or too many nibbles", made(ExtensionNode::new(nibbles(64, 4), leaf.1.clone()))),
    ];
    for (reason, bad) in &bad {
        let root = branch_of(&[(1, &bad.1), (9, &good.1)]);
        let found = loaded(&[&root, bad, &good, &below]);
        let (found, hash) = (found.unwrap_err(), keccak256(&bad.0));
        let WitnessError::NotANode { at, hash: named, .. } = &found else { panic!("{found:?}") };
        assert!(found.to_string().contains(reason), "{found}");
        assert_eq!((at.nibbles, *named), (Nibbles::from_nibbles([1]), hash), "{found}");
    }
    let unseen = branch_of(&[(1, &leaf.1), (2, &good.1)]);
    let others: Vec<_> = bad.iter().map(|(_, bad)| bad).collect();
    let with_junk: Vec<_> = [&unseen, &leaf, &good].into_iter().chain(others).collect();
    assert!(loaded(&with_junk).is_ok(), "what nobody refers to is not looked at");
    assert!(loaded(&[&unseen, &long_branch]).is_ok(), "what is not there is blind");
}

#[test]
fn a_node_that_is_referred_to_again_and_again_is_refused_after_the_first_time() {
    let mut chain = vec![branch_of(&[
        (0, &RlpNode::word_rlp(&B256::ZERO)),
        (1, &RlpNode::word_rlp(&B256::ZERO)),
    ])];
    for _ in 0..60 {
        let below = &chain[chain.len() - 1].1;
        let all: Vec<_> = (0..16).map(|nibble| (nibble, below)).collect();
        let above = branch_of(&all);
        chain.push(above);
    }
    chain.reverse();
    let found = loaded(&chain.iter().collect::<Vec<_>>()).unwrap_err();
    let WitnessError::NodeTwice { at, also_at, .. } = found else { panic!("{found:?}") };
    assert_eq!(at.nibbles.len(), also_at.nibbles.len());
    assert_eq!(also_at.nibbles.last(), Some(1));
}

#[test]
fn accounts_can_share_a_storage_trie() {
    let slots: BTreeMap<B256, Bytes> = (0..50_u64)
        .map(|slot| (keccak256(B256::from(U256::from(slot))), alloy_rlp::encode(slot + 1).into()))
        .collect();
    let (storage_root, storage) = all_nodes(&slots);
    let addresses = [1, 2, 3].map(Address::with_last_byte);
    let account = Account { nonce: 1, ..Account::default() };
    let leaf = TrieAccount::new(1, U256::ZERO, storage_root, account.code_hash);
    let leaves: BTreeMap<_, _> = addresses
        .iter()
        .map(|address| (keccak256(address), Bytes::from(alloy_rlp::encode(leaf))))
        .collect();
    let (state_root, accounts) = all_nodes(&leaves);
    let nodes = storage.into_values().chain(accounts.into_values()).collect();
    let state = part(&Witness { state_root, nodes, codes: Vec::new() }, 1, 0);
    for address in &addresses {
        assert_eq!(state.slot(address, &U256::from(7)), Ok(U256::from(8)));
        assert_eq!(state.account(address), Ok(Some(account)));
    }
}

#[test]
fn a_state_with_one_node_of_unknown_kind_below_its_root_has_no_root_of_its_own() {
    let addresses = [1, 2].map(Address::with_last_byte);
    let whole = StateTrie::from_values(addresses.map(|it| (it, Account::default(), [])), []);
    let mut nodes = whole.account_proof(&addresses[0], &[]).unwrap().nodes;
    let left = whole.account_proof(&addresses[1], &[]).unwrap().nodes.pop().unwrap();
    let state_root = whole.root().unwrap();
    let mut gone = StateDiff::default();
    gone.accounts.insert(addresses[0], AccountDiff { wiped: true, ..AccountDiff::default() });

    let mut blind = part(&Witness { state_root, nodes: nodes.clone(), codes: Vec::new() }, 1, 0);
    blind.apply(&gone).unwrap();
    nodes.push(left.clone());
    let mut seeing = part(&Witness { state_root, nodes, codes: Vec::new() }, 1, 0);
    seeing.apply(&gone).unwrap();

    assert_eq!(blind.root().unwrap_err().hash, keccak256(left));
    let expected = StateTrie::from_values([(addresses[1], Account::default(), [])], []);
    assert_eq!(seeing.root(), expected.root());
}

#[test]
fn a_diff_that_cannot_be_applied_whole_is_not_applied_at_all() {
    let mut n_failed = 0;
    for seed in 0..60 {
        let (plain, diff) = world(&mut Rng::new(seed));
        let (root, nodes) = nodes_of(&plain);
        let mut witness = recorded(root, &nodes, &diff);
        if witness.nodes.len() < 8 {
            continue;
        }
        // Without what was asked for last.
        let hash = keccak256(witness.nodes.pop().unwrap());
        let mut state = part(&witness, 1, 0);
        assert_eq!(state.apply(&diff).unwrap_err().hash, hash, "seed {seed}");
        assert_eq!(state.root(), Ok(root), "seed {seed}");
        n_failed += 1;
    }
    assert!(n_failed > 20, "{n_failed}");
}
