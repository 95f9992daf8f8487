//! Staging, and what happens at bounds.

use super::{Driven, block, chain, credit, hash, job, request};
use crate::{config::Limits, error::StateError, machine::Found, tests::plain::Plain};
use alloy_primitives::{Address, U256};
use engine::{
    access::{AccountWrite, WriteSet},
    account::Account,
    ids::{AccessIndex, Incarnation, JobId, SnapshotId},
};
use proto::state::{
    AccountState, LoadSnapshotRequest, SnapshotContents, StageRequest, StateValues,
};
use std::{num::NonZeroUsize, sync::Arc};

fn n(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
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
    let mut put = |request| driven.stage(request);
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
    let put = |driven: &mut Driven, sequence| driven.stage(stage(job(sequence), 1, 1, 5));
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
        let late = driven.stage(stage(job(sealed), 1, 1, 5));
        assert_eq!(late, Err(StateError::JobDecided { job: job(sealed) }));
    }
    let late = driven.stage(stage(job(3), 1, 1, 5));
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

    let loaded = driven.load(&Plain::default(), 1).unwrap();
    assert_eq!(driven.load(&Plain::default(), 2), Err(StateError::TooManyLoaded { max: 1 }));
    driven.step(|machine| machine.drop_snapshot(loaded)).unwrap();
    let accounts = (0..21)
        .map(|byte| AccountState {
            address: Address::with_last_byte(byte),
            account: Account::default(),
            storage: Vec::new(),
        })
        .collect();
    let state = StateValues { accounts, codes: Vec::new() };
    let large = LoadSnapshotRequest { number: 2, contents: SnapshotContents::Values(state) };
    let large = driven.step(|machine| machine.begin_load(large));
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
