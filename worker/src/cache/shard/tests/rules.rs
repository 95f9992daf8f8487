//! The rules of the cache, one by one.

use super::super::{Bounds, Emptied, ShardCache};
use crate::{cache::base::Cached, prefetch::KnownKey};
use alloy_primitives::{Address, B256, U256};
use engine::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    ids::{BootId, JobId, SnapshotId, Term},
};
use proto::state::FeedMessage;
use std::{collections::BTreeMap, sync::Arc};

const WIDE: Bounds = Bounds { bytes_max: 1 << 20, diffs_max: 10, diff_bytes_max: 1 << 20 };
const BOOT: BootId = BootId::new(5);
const OWNER: Address = Address::repeat_byte(7);

const fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

const fn hash(sequence: u8) -> B256 {
    B256::repeat_byte(sequence)
}

const fn at(sequence: u64) -> SnapshotId {
    SnapshotId::Job(job(sequence))
}

const fn start(sequence: u8) -> FeedMessage {
    FeedMessage::Start { boot: BOOT, head: Some((Some(job(sequence as u64)), hash(sequence))) }
}

fn slot(number: u64) -> KnownKey {
    KnownKey::Slot(OWNER, U256::from(number))
}

fn value(number: u64) -> Cached {
    Cached::Slot(U256::from(number))
}

/// Block `sequence` on its predecessor writes its number to one slot.
fn sealed(sequence: u64, slot: u64) -> FeedMessage {
    sealed_with(sequence, false, BTreeMap::from([(U256::from(slot), U256::from(sequence))]))
}

fn sealed_with(sequence: u64, wiped: bool, slots: BTreeMap<U256, U256>) -> FeedMessage {
    let account = AccountDiff { account: Some(Account::default()), wiped, slots };
    let accounts = BTreeMap::from([(OWNER, account)]);
    let diff = Arc::new(StateDiff { accounts, ..StateDiff::default() });
    FeedMessage::Sealed { boot: BOOT, job: job(sequence), parent: at(sequence - 1), diff }
}

fn committed(sequence: u8) -> FeedMessage {
    FeedMessage::Committed { job: job(u64::from(sequence)), block_hash: hash(sequence) }
}

fn started(bounds: Bounds) -> ShardCache {
    let mut cache = ShardCache::new(bounds);
    assert_eq!(cache.hear(start(1)), Some(Emptied::Start));
    cache
}

fn fill(cache: &mut ShardCache, snapshot: SnapshotId, number: u64, is: u64) {
    cache.fill(&snapshot, BOOT, std::iter::once((slot(number), value(is))));
}

#[test]
fn nothing_is_known_before_the_feed_starts_and_after_it_broke() {
    let mut cache = ShardCache::new(WIDE);
    fill(&mut cache, at(1), 3, 30);
    cache.hear(committed(1));
    assert_eq!(cache.get(&at(1), &slot(3)), None);

    cache.hear(start(1));
    fill(&mut cache, at(1), 3, 30);
    assert_eq!(cache.get(&at(1), &slot(3)), Some(value(30)));
    cache.break_off();

    assert_eq!(cache.get(&at(1), &slot(3)), None);
    assert_eq!(cache.boot(), None);
}

#[test]
fn a_start_in_the_middle_of_a_feed_forgets_all_and_names_the_tag() {
    let mut cache = ShardCache::new(WIDE);
    let genesis = SnapshotId::Block(hash(0));
    let at_genesis = FeedMessage::Start { boot: BOOT, head: Some((None, hash(0))) };
    cache.hear(FeedMessage::Start { boot: BOOT, head: None });
    fill(&mut cache, genesis, 3, 30);
    assert_eq!(cache.get(&genesis, &slot(3)), None, "an empty shard has no block");

    assert_eq!(cache.hear(at_genesis.clone()), Some(Emptied::Start));
    fill(&mut cache, genesis, 3, 30);
    let FeedMessage::Sealed { diff, .. } = sealed(1, 4) else { panic!("it is sealed") };
    cache.hear(FeedMessage::Sealed { boot: BOOT, job: job(1), parent: genesis, diff });
    cache.hear(committed(1));
    let on_first = SnapshotId::Block(hash(1));
    let known = [3, 4].map(|number| cache.get(&on_first, &slot(number)));
    assert_eq!(known, [Some(value(30)), Some(value(1))], "block 2 reads nothing again");

    cache.hear(sealed(2, 5));
    assert_eq!(cache.hear(at_genesis), Some(Emptied::Start));
    for snapshot in [genesis, at(1), on_first, at(2)] {
        assert_eq!([3, 4, 5].map(|number| cache.get(&snapshot, &slot(number))), [None; 3]);
    }
    assert_eq!(cache.bytes(), (0, 0));
}

#[test]
fn a_snapshot_is_known_by_its_job_and_once_committed_by_its_hash() {
    let mut cache = started(WIDE);
    let by_hash = |sequence| SnapshotId::Block(hash(sequence));
    fill(&mut cache, by_hash(1), 3, 30);
    assert_eq!(cache.get(&at(1), &slot(3)), Some(value(30)));
    cache.hear(sealed(2, 4));

    let before = (cache.get(&at(2), &slot(4)), cache.get(&by_hash(2), &slot(4)));
    assert_eq!(cache.hear(committed(2)), None);
    let after = (cache.get(&at(2), &slot(4)), cache.get(&by_hash(2), &slot(4)));

    assert_eq!(before, (Some(value(2)), None));
    assert_eq!(after, (Some(value(2)), Some(value(2))));
    assert_eq!(cache.get(&at(2), &slot(3)), Some(value(30)), "the block left it as it was");
    assert_eq!(cache.get(&at(1), &slot(3)), None, "older than the tag");
}

#[test]
fn an_answer_is_kept_only_if_no_diff_up_to_its_snapshot_changed_or_wiped_the_key() {
    let mut cache = started(WIDE);
    cache.hear(sealed(2, 4));
    cache.hear(sealed_with(3, true, BTreeMap::new()));
    // Read at block 2: slot 3 is as the tag has it, slot 4 is not.
    fill(&mut cache, at(2), 3, 30);
    fill(&mut cache, at(2), 4, 2);
    // Read at block 3: all slots are what the wipe made of them.
    fill(&mut cache, at(3), 5, 0);

    let at_tag = [3, 4, 5].map(|number| cache.get(&at(1), &slot(number)));
    let at_end = [3, 4, 5].map(|number| cache.get(&at(3), &slot(number)));

    assert_eq!(at_tag, [Some(value(30)), None, None]);
    assert_eq!(at_end, [Some(value(0)); 3]);
}

#[test]
fn an_answer_of_a_snapshot_that_is_not_in_the_chain_any_more_is_not_kept() {
    let mut cache = started(WIDE);
    cache.hear(sealed(2, 4));
    cache.hear(FeedMessage::Dropped { job: job(2) });
    fill(&mut cache, at(2), 3, 30);
    cache.fill(&at(1), BOOT.next(), std::iter::once((slot(5), value(50))));

    assert_eq!([3, 5].map(|number| cache.get(&at(1), &slot(number))), [None, None]);
}

#[test]
fn an_aborted_block_takes_all_above_it_along() {
    let mut cache = started(WIDE);
    (2..5).for_each(|sequence| assert_eq!(cache.hear(sealed(sequence, 4)), None));
    fill(&mut cache, at(1), 3, 30);
    cache.hear(FeedMessage::Dropped { job: job(3) });

    let known = [1, 2, 3, 4].map(|sequence| cache.get(&at(sequence), &slot(3)).is_some());
    assert_eq!(known, [true, true, false, false]);
}

#[test]
fn a_confirmation_that_is_not_the_chains_first_empties_and_what_extends_it_is_taken_up() {
    let mut cache = started(WIDE);
    fill(&mut cache, at(1), 3, 30);
    cache.hear(sealed(3, 4));
    cache.hear(sealed(4, 5));
    assert_eq!(cache.get(&at(3), &slot(4)), None, "a diff after a gap answers nothing");

    assert_eq!(cache.hear(committed(2)), Some(Emptied::NotFirst));

    assert_eq!(cache.get(&at(2), &slot(3)), None);
    assert_eq!(cache.get(&at(4), &slot(4)), Some(value(3)), "it follows from the new tag");
    assert_eq!(cache.hear(committed(3)), None);
    assert_eq!(cache.get(&SnapshotId::Block(hash(3)), &slot(4)), Some(value(3)));
}

#[test]
fn a_chain_beyond_its_bounds_empties_and_the_next_confirmation_begins_anew() {
    let by_number = Bounds { diffs_max: 2, ..WIDE };
    let by_bytes = Bounds { diff_bytes_max: 500, ..WIDE };
    for bounds in [by_number, by_bytes] {
        let mut cache = started(bounds);
        fill(&mut cache, at(1), 3, 30);
        let mut sequence = 2;
        while cache.hear(sealed(sequence, 4)) != Some(Emptied::TooLong) {
            sequence += 1;
            assert!(sequence < 5, "{bounds:?} do not bound");
        }
        assert_eq!(cache.get(&at(1), &slot(3)), None);
        assert_eq!(cache.bytes(), (0, 0));

        cache.hear(committed(6));
        fill(&mut cache, at(6), 3, 31);
        assert_eq!(cache.get(&at(6), &slot(3)), Some(value(31)));
    }
}

#[test]
fn repeated_messages_change_nothing() {
    let mut cache = started(WIDE);
    fill(&mut cache, at(1), 3, 30);
    for message in [sealed(2, 4), sealed(2, 4), committed(2), committed(2), sealed(2, 4)] {
        assert_eq!(cache.hear(message), None);
    }
    assert_eq!(cache.get(&at(2), &slot(3)), Some(value(30)));
    assert_eq!(cache.get(&at(2), &slot(4)), Some(value(2)));
    assert_eq!(cache.bytes().1, 0, "no diff is left");
}

#[test]
fn an_undisturbed_feed_forgets_nothing_and_only_what_a_block_changed_is_new() {
    let mut cache = started(WIDE);
    (0..20).for_each(|number| fill(&mut cache, at(1), number, 100 + number));
    let mut expected: Vec<_> = (0..20).map(|number| value(100 + number)).collect();
    for sequence in 2..30_u8 {
        let written = u64::from(sequence) % 20;
        cache.hear(sealed(sequence.into(), written));
        expected[usize::try_from(written).unwrap()] = value(sequence.into());
        if sequence % 3 == 0 {
            (sequence - 2..=sequence).filter(|it| *it > 1).for_each(|it| {
                assert_eq!(cache.hear(committed(it)), None);
            });
        }
        for (number, expected) in (0..).zip(&expected) {
            let known = cache.get(&at(sequence.into()), &slot(number));
            assert_eq!(known, Some(*expected), "slot {number} after block {sequence}");
        }
    }
}
