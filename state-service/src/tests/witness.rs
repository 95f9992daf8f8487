//! Snapshots made of witnesses, and seals that are hashed in parts.

use super::{
    plain::{Plain, Writes, writes_to},
    rng::Rng,
    service::{GENESIS, code, filled, job, read, run, seal, sealed, shard, shard_of},
};
use crate::{
    StateHandle,
    config::{Limits, StateConfig},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, TouchRule},
    ids::{AccessIndex, SnapshotId},
    trie::{StateTrie, Witness},
};
use proto::{
    state::{
        CommitRequest, LoadSnapshotRequest, SealPurpose, SealRequest, SnapshotContents,
        StateService,
    },
    status::{Code, Status},
};
use std::{collections::BTreeSet, sync::Arc};

const N_ADDRESSES: u64 = 200;
const N_SLOTS: u64 = 5;

fn address(number: u64) -> Address {
    Address::with_last_byte(u8::try_from(number).unwrap())
}

/// Makes a witness of what proofs of some addresses, with all their slots, show of a state.
fn witness(plain: &Plain, numbers: impl Iterator<Item = u64>) -> Witness {
    let values = plain.values();
    let accounts = values.accounts.iter();
    let accounts = accounts.map(|it| (it.address, it.account, it.storage.iter().copied()));
    let state = StateTrie::from_values(accounts, []);
    let slots: Vec<_> = (0..N_SLOTS).map(U256::from).collect();
    let mut nodes = BTreeSet::from([state.root_node()]);
    for number in numbers {
        let proof = state.account_proof(&address(number), &slots).unwrap();
        nodes.extend(proof.nodes);
        nodes.extend(proof.slots.into_iter().flat_map(|slot| slot.nodes));
    }
    let codes = values.codes.into_iter().map(|code| code.bytes).collect();
    Witness { state_root: plain.root(), nodes: nodes.into_iter().collect(), codes }
}

async fn load(state: &StateHandle, witness: Witness) -> Result<SnapshotId, Status> {
    let contents = SnapshotContents::Witness(Arc::new(witness));
    state.load_snapshot(LoadSnapshotRequest { number: 1, contents }).await?;
    Ok(SnapshotId::Loaded(1))
}

fn verify(sequence: u64, parent: SnapshotId, writes: Writes) -> SealRequest {
    SealRequest { purpose: SealPurpose::Verify, ..seal(sequence, parent, writes) }
}

fn credit(number: u64) -> Writes {
    let mut set = WriteSet::default();
    set.account_mut(address(number)).add_credit(U256::from(7));
    vec![(AccessIndex::new(1), Arc::new(set))]
}

#[test]
fn a_witness_answers_what_it_knows_and_nothing_else() {
    run(async {
        let plain = Plain::random_of(N_ADDRESSES, &mut Rng::new(1));
        let state = shard(StateConfig::default());
        let loaded = load(&state, witness(&plain, (0..N_ADDRESSES).step_by(3))).await.unwrap();
        let (keys, answers): (Vec<_>, Vec<_>) =
            plain.account_answers(N_ADDRESSES).into_iter().unzip();

        let found = read(&state, loaded, keys.clone()).await.unwrap();

        let (mut n_known, mut n_unavailable) = (0, 0);
        for ((key, found), answer) in keys.iter().zip(found).zip(answers) {
            let is_known = key.address()[19].is_multiple_of(3) && key.address() != &address(200);
            if found == SnapshotAnswer::Unavailable && !is_known {
                n_unavailable += 1;
            } else {
                assert_eq!(found, answer, "{key:?}");
                n_known += 1;
            }
        }
        assert!(n_known > 300 && n_unavailable > 100, "{n_known}, {n_unavailable}");
    });
}

#[test]
fn blocks_on_a_witness_have_their_roots_and_can_be_parents_and_are_not_committed() {
    run(async {
        let mut rng = Rng::new(2);
        let plain = Plain::random_of(N_ADDRESSES, &mut rng);
        let state = shard(StateConfig::default());
        let mut parent = load(&state, witness(&plain, 0..N_ADDRESSES)).await.unwrap();
        let mut expected = plain;
        for sequence in 1..5 {
            let writes = writes_to(N_ADDRESSES, &mut rng);
            expected = expected.after(&writes, TouchRule::Clears);

            let answer = shard_of(state.seal(verify(sequence, parent, writes)).await);

            assert_eq!(keccak256(answer.root_node.unwrap()), expected.root(), "job {sequence}");
            parent = sealed(sequence);
            let (keys, answers): (Vec<_>, Vec<_>) =
                expected.account_answers(N_ADDRESSES - 1).into_iter().unzip();
            assert_eq!(read(&state, parent, keys).await, Ok(answers), "job {sequence}");
        }
        let commit = CommitRequest { job: job(1), block_hash: B256::ZERO, block_number: 1 };
        assert_eq!(code(state.commit(commit).await), Code::FailedPrecondition);
    });
}

#[test]
fn a_seal_that_needs_a_node_that_the_witness_lacks_fails_by_its_name() {
    run(async {
        let plain = Plain::random_of(N_ADDRESSES, &mut Rng::new(3));
        let state = shard(StateConfig::default());
        let loaded = load(&state, witness(&plain, 0..1)).await.unwrap();

        let refused = state.seal(verify(1, loaded, credit(100))).await.unwrap_err();

        // Not a code that makes callers try again: the node will not come.
        assert_eq!(refused.code, Code::FailedPrecondition);
        assert!(refused.message.contains("is not known: take a witness"), "{refused}");
        assert!(refused.message.contains("of the accounts' trie"), "{refused}");
        // The shard goes on, and the witness with it.
        let after = plain.after(&credit(0), TouchRule::Clears);
        let answer = shard_of(state.seal(verify(2, loaded, credit(0))).await);
        assert_eq!(keccak256(answer.root_node.unwrap()), after.root());
    });
}

#[test]
fn a_witness_that_is_none_is_refused() {
    run(async {
        let plain = Plain::random_of(N_ADDRESSES, &mut Rng::new(4));
        let whole = witness(&plain, 0..N_ADDRESSES);
        let limits = Limits { load_values_max: 10.try_into().unwrap(), ..Limits::default() };
        let small = shard(StateConfig { limits, ..StateConfig::default() });
        assert_eq!(code(load(&small, whole.clone()).await), Code::ResourceExhausted);
        let state = shard(StateConfig::default());
        let rootless = Witness { state_root: B256::repeat_byte(1), ..whole.clone() };
        assert_eq!(code(load(&state, rootless).await), Code::InvalidArgument);
        let mut nonsense = whole.clone();
        nonsense.nodes.push(Bytes::from_static(&[0xc1, 0x05]));
        nonsense.state_root = keccak256([0xc1, 0x05]);
        let refused = load(&state, nonsense).await.unwrap_err();
        assert_eq!(refused.code, Code::InvalidArgument);
        assert!(refused.message.contains("contents: "), "{refused}");
        assert!(load(&state, whole).await.is_ok(), "the number is free again");
    });
}

#[test]
fn a_seal_that_is_hashed_in_parts_has_the_same_root() {
    run(async {
        for hash_part_keys_min in [1, 20, 100_000] {
            let mut rng = Rng::new(5);
            let hash_part_keys_min = hash_part_keys_min.try_into().unwrap();
            let limits = Limits { hash_part_keys_min, ..Limits::default() };
            let mut plain = Plain::random_of(N_ADDRESSES, &mut rng);
            let state = filled(StateConfig { limits, ..StateConfig::default() }, &plain).await;
            let mut parent = GENESIS;
            for sequence in 1..20 {
                let writes = writes_to(N_ADDRESSES, &mut rng);
                plain = plain.after(&writes, TouchRule::Clears);
                let answer = shard_of(state.seal(seal(sequence, parent, writes)).await);
                let root = keccak256(answer.root_node.unwrap());
                assert_eq!(root, plain.root(), "job {sequence}, {hash_part_keys_min} keys");
                parent = sealed(sequence);
            }
        }
    });
}
