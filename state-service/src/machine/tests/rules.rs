//! Rules one by one.

use super::{Driven, block, job, request};
use crate::{
    config::Limits,
    error::StateError,
    machine::{Found, GenesisStep, SealStep},
    tests::{
        plain::{Plain, Writes, writes},
        rng::Rng,
    },
};
use alloy_primitives::{Address, B256, U256, keccak256};
use engine::{
    access::{AccountWrite, WriteSet},
    account::Account,
    block::Code,
    ids::{AccessIndex, Incarnation, JobId, SnapshotId},
};
use proto::state::{AccountState, Head, LoadGenesisRequest, StageRequest, StateValues};
use std::{num::NonZeroUsize, sync::Arc};

const GENESIS: B256 = B256::repeat_byte(0);

fn n(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn credit(amount: u64) -> Writes {
    let mut set = WriteSet::default();
    set.account_mut(Address::ZERO).add_credit(U256::from(amount));
    vec![(AccessIndex::new(1), Arc::new(set))]
}

/// A shard with a genesis and, on it, a chain of sealed jobs 1, 2, ...
fn chain(n_jobs: u64, limits: Limits) -> Driven {
    let mut driven = Driven::new(limits);
    driven.genesis(&Plain::random(&mut Rng::new(1)), GENESIS).unwrap();
    for sequence in 1..=n_jobs {
        let parent = if sequence == 1 { block(0) } else { SnapshotId::Job(job(sequence - 1)) };
        driven.seal(&request(job(sequence), parent, sequence, credit(sequence))).unwrap();
    }
    driven
}

fn hash(number: u8) -> B256 {
    B256::repeat_byte(number)
}

fn head(number: u8) -> Option<Head> {
    Some(Head { block_hash: hash(number), block_number: number.into() })
}

#[test]
fn blocks_are_committed_after_their_parents_and_move_the_head() {
    let mut driven = chain(2, Limits::default());
    assert_eq!(driven.machine.head(), head(0));

    let parent = SnapshotId::Job(job(1));
    let too_early = StateError::ParentUndecided { job: job(2), parent };
    assert_eq!(driven.commit(job(2), hash(2), 2), Err(too_early));
    driven.commit(job(1), hash(1), 1).unwrap();
    assert_eq!(driven.machine.head(), head(1));
    driven.commit(job(2), hash(2), 2).unwrap();
    assert_eq!(driven.machine.head(), head(2));
}

#[test]
fn a_sibling_of_the_head_is_committed_and_leaves_the_head() {
    let mut driven = chain(1, Limits::default());
    driven.seal(&request(job(9), block(0), 1, credit(9))).unwrap();
    driven.commit(job(1), hash(1), 1).unwrap();

    driven.commit(job(9), hash(9), 1).unwrap();

    assert_eq!(driven.machine.head(), head(1));
    assert!(driven.find(&block(9)).is_ok());
}

#[test]
fn a_commit_is_repeated_without_effect_and_never_becomes_another_block() {
    let mut driven = chain(2, Limits::default());
    driven.commit(job(1), hash(1), 1).unwrap();
    driven.commit(job(2), hash(2), 2).unwrap();

    assert_eq!(driven.commit(job(1), hash(1), 1), Ok(()));
    assert_eq!(driven.machine.head(), head(2));
    let other = StateError::CommittedOtherwise { job: job(1), hash: hash(1) };
    assert_eq!(driven.commit(job(1), hash(3), 1), Err(other.clone()));
    assert_eq!(driven.commit(job(1), hash(1), 2), Err(other));
}

#[test]
fn a_commit_needs_a_seal_of_that_number() {
    let mut driven = chain(1, Limits::default());
    assert_eq!(driven.commit(job(5), hash(5), 2), Err(StateError::NotSealed { job: job(5) }));
    let other = StateError::OtherNumber { job: job(1), sealed: 1, given: 2 };
    assert_eq!(driven.commit(job(1), hash(1), 2), Err(other));
}

#[test]
fn two_jobs_of_one_block_both_become_it_if_their_states_are_equal() {
    let mut driven = chain(1, Limits::default());
    driven.seal(&request(job(2), block(0), 1, credit(1))).unwrap();
    driven.seal(&request(job(3), block(0), 1, credit(7))).unwrap();
    driven.commit(job(1), hash(1), 1).unwrap();

    assert_eq!(driven.commit(job(2), hash(1), 1), Ok(()));
    let other = StateError::OtherState { hash: hash(1), job: job(3) };
    assert_eq!(driven.commit(job(3), hash(1), 1), Err(other));
    driven.seal(&request(job(4), SnapshotId::Job(job(2)), 2, credit(4))).unwrap();
    driven.commit(job(4), hash(4), 2).unwrap();
    assert_eq!(driven.machine.head(), Some(Head { block_hash: hash(4), block_number: 2 }));
}

#[test]
fn a_committed_snapshot_keeps_its_jobs_name_for_reads_and_children() {
    let mut driven = chain(1, Limits::default());
    driven.commit(job(1), hash(1), 1).unwrap();

    let by_hash = driven.find(&block(1)).unwrap();
    assert!(Arc::ptr_eq(&by_hash, &driven.find(&SnapshotId::Job(job(1))).unwrap()));
    driven.seal(&request(job(2), SnapshotId::Job(job(1)), 2, credit(2))).unwrap();
    assert_eq!(driven.commit(job(2), hash(2), 2), Ok(()));
}

#[test]
fn a_seal_is_repeated_with_its_answer_and_refused_with_other_content() {
    let mut driven = chain(2, Limits::default());
    let again = request(job(2), SnapshotId::Job(job(1)), 2, credit(2));
    let answer = driven.seal(&again).unwrap();
    assert!(answer.root_node.is_some());
    driven.commit(job(1), hash(1), 1).unwrap();
    let renamed = request(job(2), block(1), 2, credit(2));
    assert_eq!(driven.seal(&renamed).unwrap().root_node, answer.root_node);
    driven.commit(job(2), hash(2), 2).unwrap();
    assert_eq!(driven.seal(&again).unwrap().root_node, answer.root_node);

    let otherwise = Err(StateError::SealedOtherwise { job: job(2) });
    let cases = [
        request(job(2), block(0), 2, credit(2)),
        request(job(2), block(1), 3, credit(2)),
        request(job(2), block(1), 2, credit(3)),
    ];
    for other in cases {
        assert_eq!(driven.seal(&other).map(|answer| answer.root_node), otherwise, "{other:?}");
    }
}

#[test]
fn a_copy_of_a_seal_and_a_seal_on_top_wait_while_it_is_computed() {
    let mut driven = chain(0, Limits::default());
    let first = Arc::new(request(job(1), block(0), 1, credit(1)));
    let child = Arc::new(request(job(2), SnapshotId::Job(job(1)), 2, credit(2)));
    let step = driven.step(|machine| machine.begin_seal(&first));
    let Ok(SealStep::Compute(task)) = step else { panic!("{step:?}") };

    for waiting in [&first, &child] {
        let step = driven.step(|machine| machine.begin_seal(waiting));
        assert!(matches!(step, Ok(SealStep::Wait(on)) if on == job(1)), "{step:?}");
    }
    assert!(driven.settled.is_empty());
    let ticket = task.ticket();
    driven.step(|machine| machine.finish_seal(ticket, Ok(task.run()))).unwrap();

    assert_eq!(driven.settled, [job(1)]);
    driven.seal(&first).unwrap();
    driven.seal(&child).unwrap();
}

#[test]
fn a_seal_whose_work_failed_can_be_made_again() {
    let mut driven = chain(0, Limits::default());
    let seal = request(job(1), block(0), 1, credit(1));
    let step = driven.step(|machine| machine.begin_seal(&Arc::new(seal.clone())));
    let Ok(SealStep::Compute(task)) = step else { panic!("{step:?}") };

    let failed = driven.step(|machine| machine.finish_seal(task.ticket(), Err(StateError::Broken)));

    assert_eq!(failed.map(|answer| answer.root_node), Err(StateError::Broken));
    assert_eq!(driven.settled, [job(1)]);
    assert!(driven.seal(&seal).is_ok());
}

#[test]
fn an_abort_drops_the_job_and_all_above_even_what_is_being_sealed() {
    let mut driven = chain(3, Limits::default());
    driven.seal(&request(job(8), SnapshotId::Job(job(1)), 2, credit(8))).unwrap();
    let on_top = request(job(9), SnapshotId::Job(job(3)), 4, credit(9));
    let step = driven.step(|machine| machine.begin_seal(&Arc::new(on_top)));
    let Ok(SealStep::Compute(task)) = step else { panic!("{step:?}") };
    driven.settled.clear();

    driven.step(|machine| machine.abort(job(2))).unwrap();

    for gone in [2, 3, 9] {
        let aborted = StateError::JobAborted { job: job(gone) };
        assert_eq!(driven.find(&SnapshotId::Job(job(gone))).err(), Some(aborted));
        assert!(driven.settled.contains(&job(gone)), "{gone}: {:?}", driven.settled);
    }
    let ticket = task.ticket();
    let late = driven.step(|machine| machine.finish_seal(ticket, Ok(task.run())));
    assert_eq!(late.map(|_| ()), Err(StateError::JobAborted { job: job(9) }));
    for kept in [1, 8] {
        assert!(driven.find(&SnapshotId::Job(job(kept))).is_ok(), "{kept}");
    }
}

#[test]
fn an_aborted_job_is_never_sealed_and_a_committed_one_never_aborted() {
    let mut driven = chain(1, Limits::default());
    driven.step(|machine| machine.abort(job(2))).unwrap();
    driven.step(|machine| machine.abort(job(2))).unwrap();
    driven.commit(job(1), hash(1), 1).unwrap();

    let late = driven.seal(&request(job(2), block(1), 2, credit(2)));
    assert_eq!(late.map(|_| ()), Err(StateError::JobAborted { job: job(2) }));
    let above = driven.seal(&request(job(3), SnapshotId::Job(job(2)), 3, credit(3)));
    assert_eq!(above.map(|_| ()), Err(StateError::JobAborted { job: job(2) }));
    let committed = StateError::Committed { job: job(1), hash: hash(1) };
    assert_eq!(driven.step(|machine| machine.abort(job(1))), Err(committed));
}

#[test]
fn a_seal_needs_its_parent_and_its_writes_in_order() {
    let mut driven = chain(1, Limits::default());
    for parent in [block(5), SnapshotId::Job(job(5)), SnapshotId::Loaded(5)] {
        let orphan = driven.seal(&request(job(2), parent, 2, credit(2)));
        assert_eq!(orphan.map(|_| ()), Err(StateError::UnknownSnapshot { snapshot: parent }));
    }
    let set = || Arc::new(WriteSet::default());
    for positions in [[1, 1], [2, 1]] {
        let writes = positions.map(|position| (AccessIndex::new(position), set())).to_vec();
        let unordered = driven.seal(&request(job(2), block(0), 1, writes));
        let index = AccessIndex::new(1);
        let expected = StateError::WritesOutOfOrder { job: job(2), index };
        assert_eq!(unordered.map(|_| ()), Err(expected));
    }
}

#[test]
fn what_stands_on_loaded_values_has_no_root_and_is_never_committed() {
    let mut driven = Driven::new(Limits::default());
    let loaded = driven.load(&Plain::random(&mut Rng::new(3))).unwrap();
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
        let task = driven.step(|machine| machine.begin_load(values)).unwrap();
        let loaded = driven.step(|machine| machine.finish_load(task.run()));
        assert_eq!(loaded, Err(expected));
    }
}

fn stage(job: JobId, index: u32, incarnation: u32, amount: u64) -> StageRequest {
    let set = WriteSet {
        accounts: vec![(Address::ZERO, AccountWrite::credit(U256::from(amount)))],
        codes: Vec::new(),
    };
    let writes = vec![(AccessIndex::new(index), Incarnation::new(incarnation), Arc::new(set))];
    StageRequest { job, writes }
}

#[test]
fn staged_writes_are_write_once_by_index_and_incarnation() {
    let mut driven = chain(0, Limits::default());
    let mut put = |request| driven.step(|machine| machine.stage(request));
    put(stage(job(1), 1, 1, 5)).unwrap();

    assert_eq!(put(stage(job(1), 1, 1, 5)), Ok(()));
    assert_eq!(put(stage(job(1), 1, 2, 6)), Ok(()));
    assert_eq!(put(stage(job(2), 1, 1, 6)), Ok(()));
    let mut both = stage(job(1), 2, 3, 7);
    both.writes.extend(stage(job(1), 1, 1, 6).writes);
    let otherwise = StateError::StagedOtherwise {
        job: job(1),
        index: AccessIndex::new(1),
        incarnation: Incarnation::new(1),
    };
    assert_eq!(put(both), Err(otherwise));
    assert_eq!(put(stage(job(1), 2, 3, 8)), Ok(()), "something of a refused message was kept");
}

#[test]
fn staged_bytes_are_bounded_and_freed_by_seal_and_abort() {
    let room_for_two = crate::sizes::of_write_set(&stage(job(1), 1, 1, 5).writes[0].2) * 2;
    let limits = Limits { staged_bytes_max: n(room_for_two), ..Limits::default() };
    let mut driven = chain(0, limits);
    let full = Err(StateError::TooMuchStaged { staged_bytes_max: room_for_two });
    let put = |driven: &mut Driven, sequence| {
        driven.step(|machine| machine.stage(stage(job(sequence), 1, 1, 5)))
    };
    assert_eq!([put(&mut driven, 1), put(&mut driven, 2)], [Ok(()), Ok(())]);
    assert_eq!(put(&mut driven, 3), full);

    driven.seal(&request(job(1), block(0), 1, credit(1))).unwrap();
    assert_eq!(put(&mut driven, 3), Ok(()));
    assert_eq!(put(&mut driven, 4), full);
    driven.step(|machine| machine.abort(job(2))).unwrap();
    assert_eq!(put(&mut driven, 4), Ok(()));
}

#[test]
fn writes_staged_after_the_seal_or_the_abort_are_refused() {
    let mut driven = chain(2, Limits::default());
    driven.commit(job(1), hash(1), 1).unwrap();
    driven.step(|machine| machine.abort(job(3))).unwrap();
    for sealed in [1, 2] {
        let late = driven.step(|machine| machine.stage(stage(job(sealed), 1, 1, 5)));
        assert_eq!(late, Err(StateError::JobDecided { job: job(sealed) }));
    }
    let late = driven.step(|machine| machine.stage(stage(job(3), 1, 1, 5)));
    assert_eq!(late, Err(StateError::JobAborted { job: job(3) }));
}

#[test]
fn undecided_and_loaded_snapshots_are_bounded() {
    let limits = Limits {
        provisional_snapshots_max: n(2),
        loaded_snapshots_max: n(1),
        load_values_max: n(20),
        ..Limits::default()
    };
    let mut driven = chain(2, limits);
    let third = request(job(3), block(0), 1, credit(3));
    let full = StateError::TooManyProvisional { max: 2 };
    assert_eq!(driven.seal(&third).map(|_| ()), Err(full));
    driven.commit(job(1), hash(1), 1).unwrap();
    assert!(driven.seal(&third).is_ok());

    let loaded = driven.load(&Plain::default()).unwrap();
    assert_eq!(driven.load(&Plain::default()), Err(StateError::TooManyLoaded { max: 1 }));
    driven.step(|machine| machine.drop_snapshot(loaded)).unwrap();
    let accounts = (0..21)
        .map(|byte| AccountState {
            address: Address::with_last_byte(byte),
            account: Account::default(),
            storage: Vec::new(),
        })
        .collect();
    let values = StateValues { accounts, codes: Vec::new() };
    let large = driven.step(|machine| machine.begin_load(values));
    let expected = StateError::TooManyValues { given: 21, load_values_max: 20 };
    assert_eq!(large.map(|_| ()), Err(expected));
}

#[test]
fn old_blocks_are_forgotten_but_never_the_head_or_a_parent_in_use() {
    let limits = Limits { committed_snapshots_max: n(2), ..Limits::default() };
    let mut driven = chain(4, limits);
    driven.seal(&request(job(9), block(0), 1, credit(9))).unwrap();
    for number in 1..=4 {
        driven.commit(job(number.into()), hash(number), number.into()).unwrap();
    }

    let kept: Vec<_> = (0..=4).filter(|number| driven.find(&block(*number)).is_ok()).collect();
    assert_eq!(kept, [0, 4], "0 is the parent of an undecided job, 4 the head");
    let gone = SnapshotId::Job(job(2));
    let expected = StateError::UnknownSnapshot { snapshot: gone };
    assert_eq!(driven.find(&gone).err(), Some(expected));
    assert_eq!(driven.commit(job(2), hash(2), 2), Ok(()), "a repeated commit of a forgotten block");
    assert_eq!(driven.commit(job(9), hash(9), 1), Ok(()));
}

#[test]
fn decided_jobs_are_remembered_up_to_their_bound() {
    let limits = Limits { decided_jobs_max: n(2), ..Limits::default() };
    let mut driven = chain(0, limits);
    for sequence in 1..=3 {
        driven.step(|machine| machine.abort(job(sequence))).unwrap();
    }

    let find = |sequence| driven.machine.find(&SnapshotId::Job(job(sequence)));
    assert!(matches!(find(1), Ok(Found::Awaited(_))));
    assert!(matches!(find(2), Err(StateError::JobAborted { .. })));
    assert!(matches!(find(3), Err(StateError::JobAborted { .. })));
}

#[test]
fn staging_changes_neither_states_nor_roots() {
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let (plain, writes) = (Plain::random(&mut rng), writes(&mut rng));
        let seal = request(job(1), block(0), 1, writes.clone());
        let answers = [true, false].map(|is_staged| {
            let mut driven = Driven::new(Limits::default());
            driven.genesis(&plain, GENESIS).unwrap();
            if is_staged {
                let staged = (0_u32..).zip(&writes).map(|(number, (index, set))| {
                    // The first index is staged with other writes than those that are sealed.
                    let set = if number == 0 { Arc::default() } else { Arc::clone(set) };
                    (*index, Incarnation::new(number), set)
                });
                let request = StageRequest { job: job(1), writes: staged.collect() };
                driven.step(|machine| machine.stage(request)).unwrap();
            }
            let answer = driven.seal(&seal).unwrap();
            let after = plain.after(&writes, seal.touch_rule);
            let sealed = driven.find(&SnapshotId::Job(job(1))).unwrap();
            after.assert_is(&sealed, &format!("seed {seed}, staged: {is_staged}"));
            answer.root_node.unwrap()
        });
        assert_eq!(answers[0], answers[1], "seed {seed}");
    }
}
