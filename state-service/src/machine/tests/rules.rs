//! Rules of seals, commits and aborts, one by one.

use super::{block, chain, credit, hash, head, job, request};
use crate::{
    config::Limits,
    error::StateError,
    machine::{SealStep, Stages},
    tests::{plain::Plain, rng::Rng},
};
use engine::{
    access::WriteSet,
    account::TouchRule,
    ids::{AccessIndex, SnapshotId},
};
use proto::state::{Head, SealPurpose, SealRequest};
use std::{num::NonZeroUsize, sync::Arc};

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
        SealRequest { purpose: SealPurpose::Verify, ..again.clone() },
        SealRequest { touch_rule: TouchRule::Creates, ..again.clone() },
        SealRequest { roots_by_index: true, ..again.clone() },
    ];
    for other in cases {
        assert_eq!(driven.seal(&other).map(|answer| answer.root_node), otherwise, "{other:?}");
    }
}

#[test]
fn a_copy_of_a_seal_and_a_seal_on_top_wait_while_it_is_computed() {
    let mut driven = chain(0, Limits::default());
    let first = request(job(1), block(0), 1, credit(1));
    let child = request(job(2), SnapshotId::Job(job(1)), 2, credit(2));
    let task = driven.begin_task(&first);

    for waiting in [&first, &child] {
        let step = driven.begin(waiting, Stages::MayCome);
        assert!(matches!(step, Ok(SealStep::Wait(on)) if on == job(1)), "{step:?}");
    }
    assert!(driven.settled.is_empty());
    driven.finish(task).unwrap();

    assert_eq!(driven.settled, [job(1)]);
    driven.seal(&first).unwrap();
    driven.seal(&child).unwrap();
}

#[test]
fn a_seal_whose_work_failed_can_be_made_again() {
    let mut driven = chain(0, Limits::default());
    let seal = request(job(1), block(0), 1, credit(1));
    let task = driven.begin_task(&seal);

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
    let task = driven.begin_task(&on_top);
    driven.settled.clear();

    driven.step(|machine| machine.abort(job(2))).unwrap();

    for gone in [2, 3, 9] {
        let aborted = StateError::JobAborted { job: job(gone) };
        assert_eq!(driven.find(&SnapshotId::Job(job(gone))).err(), Some(aborted));
        assert!(driven.settled.contains(&job(gone)), "{gone}: {:?}", driven.settled);
    }
    let late = driven.finish(task);
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
fn an_answer_from_before_an_abort_is_not_taken_for_the_jobs_new_seal() {
    let limits = Limits { decided_jobs_max: NonZeroUsize::MIN, ..Limits::default() };
    let mut driven = chain(0, limits);
    let [old, new] = [1, 2].map(|amount| request(job(1), block(0), 1, credit(amount)));
    let old = driven.begin_task(&old);
    // The second abort makes the shard forget the first.
    for aborted in [1, 2] {
        driven.step(|machine| machine.abort(job(aborted))).unwrap();
    }
    let task = driven.begin_task(&new);

    let late = driven.finish(old);
    assert_eq!(late.map(|_| ()), Err(StateError::JobAborted { job: job(1) }));
    driven.finish(task).unwrap();
    assert!(driven.seal(&new).is_ok());
    let mut expected = Plain::random(&mut Rng::new(1));
    expected = expected.after(&credit(2), new.touch_rule);
    expected.assert_is(&driven.find(&SnapshotId::Job(job(1))).unwrap(), "the old answer was taken");
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
fn a_seal_brings_values_for_its_order_and_each_once() {
    let mut driven = chain(0, Limits::default());
    let seal = request(job(1), block(0), 1, credit(1));
    let value = seal.values[0].1.clone();
    for index in [AccessIndex::new(1), AccessIndex::new(2)] {
        let mut other = seal.clone();
        other.values.push((index, value.clone()));
        let expected = StateError::ValueUnasked { job: job(1), index };
        assert_eq!(driven.seal(&other).map(|_| ()), Err(expected));
    }
    assert!(driven.seal(&seal).is_ok());
}

#[test]
fn what_is_sealed_to_be_verified_is_never_committed_and_no_feed_speaks_of_it() {
    let mut driven = chain(1, Limits::default());
    driven.commit(job(1), hash(1), 1).unwrap();
    driven.feed.clear();
    let verify = request(job(2), block(1), 2, credit(2));
    let verify = SealRequest { purpose: SealPurpose::Verify, ..verify };
    let loaded = driven.load(&Plain::default(), 1).unwrap();

    assert!(driven.seal(&verify).unwrap().root_node.is_some());
    driven.seal(&request(job(3), SnapshotId::Job(job(2)), 3, credit(3))).unwrap();
    driven.seal(&request(job(4), loaded, 1, credit(4))).unwrap();

    let only_verified = StateError::OnlyVerified { job: job(2) };
    assert_eq!(driven.commit(job(2), hash(2), 2), Err(only_verified));
    let parent = SnapshotId::Job(job(2));
    let undecided = StateError::ParentUndecided { job: job(3), parent };
    assert_eq!(driven.commit(job(3), hash(3), 3), Err(undecided));
    for dropped in [4, 2] {
        driven.step(|machine| machine.abort(job(dropped))).unwrap();
    }
    assert_eq!(driven.feed, []);
}
