//! Seals of what was staged: compared by digest, waited for, and said to differ.

use super::{Driven, block, chain, job, request};
use crate::{
    config::Limits,
    error::StateError,
    machine::{SealStep, Stages},
    tests::{
        plain::{Plain, Writes, writes},
        rng::Rng,
    },
};
use alloy_primitives::{Address, U256};
use engine::{
    access::{AccountWrite, WriteSet},
    digest,
    ids::{AccessIndex, Incarnation, JobId, SnapshotId},
};
use proto::state::{SealRequest, SealResponse, StageRequest};
use std::sync::Arc;

fn set(amount: u64) -> Arc<WriteSet> {
    let accounts = vec![(Address::ZERO, AccountWrite::credit(U256::from(amount)))];
    Arc::new(WriteSet { accounts, codes: Vec::new() })
}

/// Writes of indices 1, 2, ...
fn credits(amounts: &[u64]) -> Writes {
    (1..).map(AccessIndex::new).zip(amounts.iter().map(|amount| set(*amount))).collect()
}

fn stage(job: JobId, index: u32, amount: u64) -> StageRequest {
    let writes = vec![(AccessIndex::new(index), Incarnation::new(1), set(amount))];
    StageRequest { job, writes }
}

/// A seal that relies on what was staged.
fn bare(writes: Writes) -> SealRequest {
    SealRequest { values: Vec::new(), ..request(job(1), block(0), 1, writes) }
}

fn differing(driven: &mut Driven, seal: &SealRequest) -> Vec<Option<u64>> {
    let answer = driven.answer(seal).unwrap();
    let SealResponse::Differs { digests, .. } = answer else { panic!("{answer:?}") };
    let order: Vec<_> = seal.order.iter().map(|(index, _)| *index).collect();
    assert_eq!(digests.iter().map(|(index, _)| *index).collect::<Vec<_>>(), order);
    let amount = |digest| (0..10).find(|amount| digest::of_write_set(&set(*amount)) == digest);
    digests.into_iter().map(|(_, digest)| digest.map(|digest| amount(digest).unwrap())).collect()
}

#[test]
fn what_was_staged_is_sealed_without_values() {
    let mut driven = chain(0, Limits::default());
    for (index, amount) in [(2, 6), (1, 5)] {
        driven.stage(stage(job(1), index, amount)).unwrap();
    }
    let seal = bare(credits(&[5, 6]));
    let sealed = driven.seal(&seal).unwrap();

    let mut other = chain(0, Limits::default());
    let with_values = request(job(1), block(0), 1, credits(&[5, 6]));
    assert_eq!(other.seal(&with_values).unwrap(), sealed);
    assert_eq!(driven.seal(&seal), Ok(sealed.clone()), "a repetition");
    assert_eq!(driven.seal(&with_values), Ok(sealed), "a repetition with values");
}

#[test]
fn another_incarnation_is_not_what_was_staged() {
    let mut driven = chain(0, Limits::default());
    driven.stage(stage(job(1), 1, 5)).unwrap();
    let mut seal = bare(credits(&[5]));
    seal.order[0].1 = Incarnation::new(2);
    assert_eq!(differing(&mut driven, &seal), [None]);
}

#[test]
fn a_lying_worker_costs_an_answer_and_then_the_right_block_is_sealed() {
    let mut driven = chain(0, Limits::default());
    for (index, amount) in [(1, 5), (2, 9), (3, 7)] {
        driven.stage(stage(job(1), index, amount)).unwrap();
    }
    let mut seal = bare(credits(&[5, 6, 7]));

    assert_eq!(differing(&mut driven, &seal), [Some(5), Some(9), Some(7)]);
    let name = SnapshotId::Job(job(1));
    assert!(driven.find(&name).is_err(), "something was sealed");
    assert_eq!(driven.feed, []);
    seal.values = vec![(AccessIndex::new(2), set(8))];
    assert_eq!(differing(&mut driven, &seal), [Some(5), Some(8), Some(7)], "a wrong value");
    seal.values = vec![(AccessIndex::new(2), set(6))];
    let sealed = driven.seal(&seal).unwrap();

    assert_eq!(driven.seal(&seal), Ok(sealed.clone()), "a repetition with the values");
    assert_eq!(driven.seal(&bare(credits(&[5, 6, 7]))), Ok(sealed), "a repetition without");
    let expected = Plain::random(&mut Rng::new(1)).after(&credits(&[5, 6, 7]), seal.touch_rule);
    expected.assert_is(&driven.find(&name).unwrap(), "after a lie");
}

#[test]
fn a_seal_waits_for_writes_under_way_and_begins_again_when_the_last_is_there() {
    let mut driven = chain(0, Limits::default());
    driven.stage(stage(job(1), 1, 5)).unwrap();
    let seal = bare(credits(&[5, 6, 7]));
    let step = driven.begin(&seal, Stages::MayCome);
    assert!(matches!(step, Ok(SealStep::WaitForStages(on)) if on == job(1)), "{step:?}");

    driven.stage(stage(job(1), 2, 6)).unwrap();
    driven.stage(stage(job(2), 3, 7)).unwrap();
    assert_eq!(driven.staged, [], "not all are there");
    driven.stage(stage(job(1), 3, 7)).unwrap();
    assert_eq!(driven.staged, [job(1)]);
    assert!(driven.seal(&seal).is_ok());
}

#[test]
fn a_seal_on_top_waits_while_its_parent_waits_for_writes() {
    let mut driven = chain(0, Limits::default());
    let parent = bare(credits(&[5]));
    let child = request(job(2), SnapshotId::Job(job(1)), 2, credits(&[6]));
    let unknown = StateError::UnknownSnapshot { snapshot: child.parent };
    assert_eq!(driven.seal(&child), Err(unknown));
    driven.begin(&parent, Stages::MayCome).unwrap();

    let step = driven.begin(&child, Stages::MayCome);
    assert!(matches!(step, Ok(SealStep::Wait(on)) if on == job(1)), "{step:?}");
    driven.step(|machine| machine.abort(job(1))).unwrap();
    assert_eq!(driven.settled, [job(1)]);
    let aborted = Err(StateError::JobAborted { job: job(1) });
    assert_eq!(driven.seal(&child), aborted);
    assert_eq!(driven.seal(&parent), aborted);
}

#[test]
fn seals_that_wait_for_writes_count_as_undecided() {
    let limits = Limits { provisional_snapshots_max: 1.try_into().unwrap(), ..Limits::default() };
    let mut driven = chain(0, limits);
    let waiting = bare(credits(&[5]));
    driven.begin(&waiting, Stages::MayCome).unwrap();
    let second = request(job(2), block(0), 1, credits(&[6]));

    assert_eq!(driven.seal(&second), Err(StateError::TooManyProvisional { max: 1 }));
    assert_eq!(differing(&mut driven, &waiting), [None], "it does not count itself");
    assert!(driven.seal(&second).is_ok(), "who stopped waiting makes room");
}

#[test]
fn an_empty_block_is_sealed_without_any_write() {
    let mut driven = chain(0, Limits::default());
    let before = driven.genesis(&Plain::default(), super::hash(0)).unwrap();
    assert_eq!(driven.seal(&bare(Vec::new())), Ok(before));
}

/// How the shard comes to a block's writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// None is staged.
    Values,
    /// All are staged.
    Staged,
    /// Some are not staged, some otherwise.
    Partly,
}

#[test]
fn staging_changes_neither_states_nor_roots() {
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let (plain, writes) = (Plain::random(&mut rng), writes(&mut rng));
        let seal = request(job(1), block(0), 1, writes.clone());
        let answers = [Way::Values, Way::Staged, Way::Partly].map(|way| {
            let mut driven = Driven::new(Limits::default());
            driven.genesis(&plain, super::hash(0)).unwrap();
            for (index, set) in &writes {
                let set = match rng.below(3) {
                    _ if way == Way::Values => continue,
                    0 if way == Way::Partly => continue,
                    1 if way == Way::Partly => Arc::default(),
                    _ => Arc::clone(set),
                };
                let staged = vec![(*index, Incarnation::new(1), set)];
                driven.stage(StageRequest { job: job(1), writes: staged }).unwrap();
            }
            let answer = sealed_at_last(&mut driven, &seal);
            let after = plain.after(&writes, seal.touch_rule);
            let sealed = driven.find(&SnapshotId::Job(job(1))).unwrap();
            after.assert_is(&sealed, &format!("seed {seed}, {way:?}"));
            answer.root_node.unwrap()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "seed {seed}");
    }
}

/// Seals as a coordinator does: without values first, then with those that differ.
fn sealed_at_last(driven: &mut Driven, whole: &SealRequest) -> proto::state::SealedShard {
    let mut seal = SealRequest { values: Vec::new(), ..whole.clone() };
    if let SealResponse::Differs { digests, .. } = driven.answer(&seal).unwrap() {
        for ((index, value), (_, staged)) in whole.values.iter().zip(digests) {
            if staged != Some(digest::of_write_set(value)) {
                seal.values.push((*index, Arc::clone(value)));
            }
        }
    }
    driven.seal(&seal).unwrap()
}
