//! Rules of loading.

use super::{Driven, block, credit, hash, job, request};
use crate::{
    config::Limits,
    error::StateError,
    machine::GenesisStep,
    tests::{plain::Plain, rng::Rng},
};
use alloy_primitives::{Address, U256, keccak256};
use engine::{account::Account, block::Code, ids::SnapshotId};
use proto::state::{
    AccountState, LoadGenesisRequest, LoadSnapshotRequest, SnapshotContents, StateValues,
};

#[test]
fn what_stands_on_loaded_values_has_no_root_and_is_never_committed() {
    let mut driven = Driven::new(Limits::default());
    let loaded = driven.load(&Plain::random(&mut Rng::new(3)), 7).unwrap();
    let first = driven.seal(&request(job(1), loaded, 1, credit(1))).unwrap();
    let second = driven.seal(&request(job(2), SnapshotId::Job(job(1)), 2, credit(2))).unwrap();

    assert_eq!((first.root_node, second.root_node), (None, None));
    for sequence in [1, 2] {
        let refused = driven.commit(job(sequence), hash(1), sequence);
        assert_eq!(refused, Err(StateError::OnLoaded { job: job(sequence) }));
    }
    driven.step(|machine| machine.drop_snapshot(loaded)).unwrap();
    assert!(driven.directory.is_empty(), "{:?}", driven.directory.keys());
    let again = driven.step(|machine| machine.drop_snapshot(loaded));
    assert_eq!(again, Err(StateError::UnknownSnapshot { snapshot: loaded }));
    let not_loaded = driven.step(|machine| machine.drop_snapshot(block(0)));
    assert_eq!(not_loaded, Err(StateError::NotLoaded { snapshot: block(0) }));
}

#[test]
fn a_number_is_taken_from_the_begin_of_a_load_until_it_fails_or_is_dropped() {
    let mut driven = Driven::new(Limits::default());
    let values = Plain::random(&mut Rng::new(5));
    let request =
        || LoadSnapshotRequest { number: 7, contents: SnapshotContents::Values(values.values()) };
    let task = driven.step(|machine| machine.begin_load(request())).unwrap();
    let taken = StateError::NumberTaken { number: 7 };

    let second = driven.step(|machine| machine.begin_load(request()));
    assert_eq!(second.map(|_| ()), Err(taken.clone()));
    driven.step(|machine| machine.finish_load(task.number(), Err(StateError::Broken))).unwrap_err();
    let loaded = driven.load(&values, 7).unwrap();
    assert_eq!(driven.load(&values, 7), Err(taken));
    driven.step(|machine| machine.drop_snapshot(loaded)).unwrap();
    assert_eq!(driven.load(&values, 7), Ok(loaded));
}

#[test]
fn one_genesis_is_taken_once_and_another_is_refused() {
    let mut driven = Driven::new(Limits::default());
    let plain = Plain::random(&mut Rng::new(4));
    let answer = driven.genesis(&plain, hash(1)).unwrap();

    assert_eq!(keccak256(answer.root_node.clone().unwrap()), plain.root());
    assert_eq!(driven.genesis(&plain, hash(1)).unwrap().root_node, answer.root_node);
    let other = StateError::OtherGenesis { present: hash(1), given: hash(2) };
    assert_eq!(driven.genesis(&plain, hash(2)).map(|_| ()), Err(other));
}

#[test]
fn a_second_genesis_waits_for_the_first_and_a_bad_one_leaves_the_shard_empty() {
    let mut driven = Driven::new(Limits::default());
    let account = Account { code_hash: hash(9), ..Account::default() };
    let state = AccountState { address: Address::ZERO, account, storage: Vec::new() };
    let codeless = StateValues { accounts: vec![state], codes: Vec::new() };
    let request = LoadGenesisRequest { block_hash: hash(1), block_number: 0, state: codeless };
    let step = driven.step(|machine| machine.begin_genesis(request));
    let Ok(GenesisStep::Compute(task)) = step else { panic!("{step:?}") };

    let second = driven.genesis(&Plain::default(), hash(1));
    assert_eq!(second.map(|_| ()), Err(StateError::GenesisUnderWay));
    let bad = driven.step(|machine| machine.finish_genesis(task.run()));
    let missing = StateError::CodeMissing { address: Address::ZERO, hash: hash(9) };
    assert_eq!(bad.map(|_| ()), Err(missing));
    assert_eq!(driven.machine.head(), None);
    assert!(driven.genesis(&Plain::default(), hash(1)).is_ok());
}

#[test]
fn values_that_contradict_each_other_are_refused_by_name() {
    let mut driven = Driven::new(Limits::default());
    let address = Address::with_last_byte(1);
    let slots = |slots: &[u64]| slots.iter().map(|slot| (U256::from(*slot), U256::ONE)).collect();
    let account =
        |storage| AccountState { address, account: Account::default(), storage: slots(storage) };
    let code = Code { hash: hash(1), bytes: vec![1].into() };
    let cases = [
        (vec![account(&[]), account(&[])], vec![], StateError::AccountTwice { address }),
        (vec![account(&[1, 2, 1])], vec![], StateError::SlotTwice { address, slot: U256::from(1) }),
        (vec![], vec![code], StateError::OtherCode { hash: hash(1) }),
    ];
    for (accounts, codes, expected) in cases {
        let values = StateValues { accounts, codes };
        let request = LoadSnapshotRequest { number: 1, contents: SnapshotContents::Values(values) };
        let task = driven.step(|machine| machine.begin_load(request)).unwrap();
        let loaded = driven.step(|machine| machine.finish_load(1, task.run()));
        assert_eq!(loaded, Err(expected));
    }
}
