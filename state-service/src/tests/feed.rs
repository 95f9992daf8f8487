//! The feed as listeners hear it.

use super::{
    plain::{Plain, ordered, writes},
    rng::Rng,
};
use crate::{
    StateHandle, StateShard,
    config::{Limits, StateConfig},
};
use alloy_primitives::B256;
use engine::{
    account::TouchRule,
    ids::{BootId, JobId, SnapshotId, Term},
};
use futures::StreamExt;
use proto::{
    state::{
        CommitRequest, Feed, FeedMessage, LoadGenesisRequest, LoadSnapshotRequest, SealPurpose,
        SealRequest, SealResponse, SnapshotContents, StateService,
    },
    status::{Code, Status},
};
use std::{num::NonZeroUsize, time::Duration};

const BOOT: BootId = BootId::new(3);
const GENESIS: SnapshotId = SnapshotId::Block(B256::ZERO);

async fn shard(limits: Limits, genesis: &Plain) -> StateHandle {
    let config = StateConfig { limits, ..StateConfig::default() };
    let state = StateShard::new(BOOT, config).start().unwrap();
    let request =
        LoadGenesisRequest { block_hash: B256::ZERO, block_number: 0, state: genesis.values() };
    state.load_genesis(request).await.unwrap();
    state
}

fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

fn seal(sequence: u64, parent: SnapshotId, seed: u64) -> SealRequest {
    let values = writes(&mut Rng::new(seed));
    let (order, digest) = ordered(&values, 1);
    SealRequest {
        job: job(sequence),
        parent,
        block_number: 1,
        touch_rule: TouchRule::Clears,
        purpose: SealPurpose::Commit,
        order,
        digest,
        values,
        roots_by_index: false,
    }
}

async fn commit(state: &StateHandle, sequence: u64, byte: u8) {
    let block_hash = B256::repeat_byte(byte);
    let request = CommitRequest { job: job(sequence), block_hash, block_number: 1 };
    state.commit(request).await.unwrap();
}

/// Returns the next message; fails if none comes.
async fn next(feed: &mut Feed) -> Option<Result<FeedMessage, Status>> {
    tokio::time::timeout(Duration::from_secs(60), feed.next()).await.expect("nothing was told")
}

#[actix::test]
async fn a_feed_begins_with_the_head_and_tells_each_step_in_order() {
    let genesis = Plain::random(&mut Rng::new(1));
    let state = shard(Limits::default(), &genesis).await;
    let mut early = state.feed().await.unwrap();
    let start = FeedMessage::Start { boot: BOOT, head: Some((None, B256::ZERO)) };
    assert_eq!(next(&mut early).await, Some(Ok(start)));

    let request = seal(1, GENESIS, 2);
    let after = genesis.after(&request.values, TouchRule::Clears);
    let sealed = state.seal(request).await.unwrap();
    assert!(matches!(sealed, SealResponse::Sealed(_)));
    // Sealing was answered: the message is there, and needs no waiting for.
    let Some(Some(Ok(message))) = futures::FutureExt::now_or_never(early.next()) else {
        panic!("the answer came before the message");
    };
    let FeedMessage::Sealed { boot, job: told, parent, diff } = message else {
        panic!("{message:?}")
    };
    assert_eq!((boot, told, parent), (BOOT, job(1), GENESIS));
    assert_eq!(genesis.after_diff(&diff).root(), after.root());

    commit(&state, 1, 1).await;
    state.seal(seal(2, SnapshotId::Job(job(1)), 3)).await.unwrap();
    state.abort(job(2)).await.unwrap();
    let block_hash = B256::repeat_byte(1);
    let committed = FeedMessage::Committed { job: job(1), block_hash };
    assert_eq!(next(&mut early).await, Some(Ok(committed)));
    let second = next(&mut early).await;
    assert!(matches!(second, Some(Ok(FeedMessage::Sealed { job, .. })) if job == self::job(2)));
    assert_eq!(next(&mut early).await, Some(Ok(FeedMessage::Dropped { job: job(2) })));

    let mut late = state.feed().await.unwrap();
    let start = FeedMessage::Start { boot: BOOT, head: Some((Some(job(1)), block_hash)) };
    assert_eq!(next(&mut late).await, Some(Ok(start)));
}

#[actix::test]
async fn who_listened_to_an_empty_shard_hears_its_feed_start_anew_when_a_genesis_is_loaded() {
    let state = StateShard::new(BOOT, StateConfig::default()).start().unwrap();
    let mut feed = state.feed().await.unwrap();
    let empty = FeedMessage::Start { boot: BOOT, head: None };
    assert_eq!(next(&mut feed).await, Some(Ok(empty)));
    let values = Plain::random(&mut Rng::new(1)).values();
    let request = LoadGenesisRequest { block_hash: B256::ZERO, block_number: 0, state: values };
    // Repeated, it is answered and nothing more is told.
    state.load_genesis(request.clone()).await.unwrap();
    state.load_genesis(request).await.unwrap();
    state.seal(seal(1, GENESIS, 2)).await.unwrap();

    let start = FeedMessage::Start { boot: BOOT, head: Some((None, B256::ZERO)) };
    assert_eq!(next(&mut feed).await, Some(Ok(start)));
    let sealed = next(&mut feed).await.unwrap().unwrap();
    assert!(matches!(sealed, FeedMessage::Sealed { parent: GENESIS, .. }), "{sealed:?}");
}

#[actix::test]
async fn an_empty_block_has_a_message_and_loaded_or_verified_ones_have_none() {
    let state = shard(Limits::default(), &Plain::default()).await;
    let mut feed = state.feed().await.unwrap();
    next(&mut feed).await.unwrap().unwrap();
    let load = LoadSnapshotRequest {
        number: 1,
        contents: SnapshotContents::Values(Plain::random(&mut Rng::new(4)).values()),
    };
    state.load_snapshot(load).await.unwrap();
    state.seal(seal(1, SnapshotId::Loaded(1), 5)).await.unwrap();
    state.drop_snapshot(SnapshotId::Loaded(1)).await.unwrap();
    let verify = SealRequest { purpose: SealPurpose::Verify, ..seal(2, GENESIS, 6) };
    state.seal(verify).await.unwrap();
    state.abort(job(2)).await.unwrap();

    let (order, digest) = ordered(&Vec::new(), 1);
    let empty = SealRequest { order, digest, values: Vec::new(), ..seal(3, GENESIS, 7) };
    state.seal(empty).await.unwrap();

    let message = next(&mut feed).await.unwrap().unwrap();
    let FeedMessage::Sealed { job: told, diff, .. } = message else { panic!("{message:?}") };
    assert_eq!(told, job(3));
    assert_eq!(*diff, Default::default());
}

#[actix::test]
async fn a_slow_listener_is_cut_off_with_what_it_was_told_and_others_hear_on() {
    let limits = Limits { feed_len_max: NonZeroUsize::new(2).unwrap(), ..Limits::default() };
    let state = shard(limits, &Plain::default()).await;
    let mut slow = state.feed().await.unwrap();
    let mut quick = state.feed().await.unwrap();
    next(&mut quick).await.unwrap().unwrap();
    for sequence in 1..=5 {
        let parent = if sequence == 1 { GENESIS } else { SnapshotId::Job(job(sequence - 1)) };
        state.seal(seal(sequence, parent, sequence)).await.unwrap();
        let heard = next(&mut quick).await.unwrap().unwrap();
        assert!(matches!(heard, FeedMessage::Sealed { job, .. } if job == self::job(sequence)));
    }

    for _ in 0..3 {
        assert!(next(&mut slow).await.unwrap().is_ok(), "the start and two more were kept");
    }
    let end = next(&mut slow).await.unwrap().unwrap_err();
    assert_eq!(end.code, Code::ResourceExhausted, "{end}");
    assert_eq!(next(&mut slow).await, None);
    assert_eq!(state.counts().feed_messages, 6 + 3);
}

#[actix::test]
async fn listeners_are_bounded_and_those_that_left_make_room() {
    let limits = Limits { feeds_max: NonZeroUsize::MIN, ..Limits::default() };
    let state = shard(limits, &Plain::default()).await;
    let first = state.feed().await.unwrap();
    let second = state.feed().await.map(|_| ()).unwrap_err();
    assert_eq!(second.code, Code::ResourceExhausted, "{second}");
    drop(first);
    assert!(state.feed().await.is_ok());
}

#[actix::test]
async fn a_feed_ends_as_unavailable_when_the_shard_stops() {
    let state = shard(Limits::default(), &Plain::default()).await;
    let mut feed = state.feed().await.unwrap();
    next(&mut feed).await.unwrap().unwrap();
    state.stop().await;
    assert_eq!(next(&mut feed).await.unwrap().unwrap_err().code, Code::Unavailable);
    assert_eq!(next(&mut feed).await, None);
}
