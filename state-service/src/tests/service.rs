//! The service as callers see it: a real actor, real threads, many callers at once.

use super::{
    plain::{Plain, Writes, ordered, writes},
    rng::Rng,
};
use crate::{
    StateHandle, StateShard,
    config::{Limits, StateConfig},
};
use alloy_primitives::{B256, keccak256};
use cluster::clock::{Clock, ManualClock};
use engine::{
    account::{SnapshotAnswer, SnapshotKey, TouchRule},
    ids::{BootId, Incarnation, JobId, SnapshotId, Term},
};
use proto::{
    state::{
        CommitRequest, Head, LoadGenesisRequest, LoadSnapshotRequest, ReadRequest, SealPurpose,
        SealRequest, SealResponse, SealedShard, SnapshotContents, StageRequest, StateService,
    },
    status::{Code, Status},
};
use std::{future::Future, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

const BOOT: BootId = BootId::new(11);
pub(super) const GENESIS: SnapshotId = SnapshotId::Block(B256::ZERO);

/// Runs a test on an actix system whose tasks run on two threads.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    };
    actix::System::with_tokio_rt(runtime).block_on(test)
}

pub(super) fn shard(config: StateConfig) -> StateHandle {
    StateShard::new(BOOT, config).start_in(&actix::Arbiter::new().handle()).unwrap()
}

/// A shard with a genesis.
pub(super) async fn filled(config: StateConfig, genesis: &Plain) -> StateHandle {
    let state = shard(config);
    load_genesis(&state, genesis).await;
    state
}

async fn load_genesis(state: &StateHandle, genesis: &Plain) {
    let request =
        LoadGenesisRequest { block_hash: B256::ZERO, block_number: 0, state: genesis.values() };
    let answer = state.load_genesis(request).await.unwrap();
    assert_eq!(answer.boot, BOOT);
    assert_eq!(keccak256(answer.root_node.unwrap()), genesis.root());
}

pub(super) fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

pub(super) fn sealed(sequence: u64) -> SnapshotId {
    SnapshotId::Job(job(sequence))
}

pub(super) fn seal(sequence: u64, parent: SnapshotId, writes: Writes) -> SealRequest {
    let (order, digest) = ordered(&writes, 1);
    SealRequest {
        job: job(sequence),
        parent,
        block_number: sequence,
        touch_rule: TouchRule::Clears,
        purpose: SealPurpose::Commit,
        order,
        digest,
        values: writes,
        roots_by_index: false,
    }
}

/// Returns the shard's part of the new state; fails if the shard says that it has other writes.
pub(super) fn shard_of(answer: Result<SealResponse, Status>) -> SealedShard {
    match answer {
        Ok(SealResponse::Sealed(sealed)) => sealed,
        other => panic!("not sealed: {other:?}"),
    }
}

fn staged(sequence: u64, writes: &Writes) -> StageRequest {
    let writes = writes.iter().map(|(index, set)| (*index, Incarnation::new(1), set.clone()));
    StageRequest { job: job(sequence), writes: writes.collect() }
}

pub(super) async fn read(
    state: &StateHandle,
    snapshot: SnapshotId,
    keys: Vec<SnapshotKey>,
) -> Result<Vec<SnapshotAnswer>, Status> {
    let response = state.read(ReadRequest { snapshot, keys }).await?;
    assert_eq!(response.boot, BOOT);
    Ok(response.values)
}

/// Fails if a Snapshot answers any key otherwise than a plain state.
pub(super) async fn assert_reads(
    state: &StateHandle,
    snapshot: SnapshotId,
    plain: &Plain,
    seed: u64,
) {
    let (keys, answers): (Vec<_>, Vec<_>) = plain.answers().into_iter().unzip();
    assert_eq!(read(state, snapshot, keys).await, Ok(answers), "seed {seed}, {snapshot}");
}

pub(super) fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map(|_| ()).unwrap_err().code
}

#[test]
fn a_block_is_sealed_read_committed_and_read_under_both_names() {
    run(async {
        let mut rng = Rng::new(1);
        let (genesis, block) = (Plain::random(&mut rng), writes(&mut rng));
        let after = genesis.after(&block, TouchRule::Clears);
        let state = filled(StateConfig::default(), &genesis).await;

        let answer = shard_of(state.seal(seal(1, GENESIS, block)).await);
        assert_eq!(keccak256(answer.root_node.unwrap()), after.root());
        assert_reads(&state, sealed(1), &after, 1).await;
        let head = Head { block_hash: B256::repeat_byte(1), block_number: 1 };
        let commit = CommitRequest { job: job(1), block_hash: head.block_hash, block_number: 1 };
        state.commit(commit).await.unwrap();

        assert_eq!(state.head().await, Ok(Some(head)));
        for name in [sealed(1), SnapshotId::Block(head.block_hash)] {
            assert_reads(&state, name, &after, 1).await;
        }
        assert_reads(&state, GENESIS, &genesis, 1).await;
        assert_eq!(code(state.abort(job(1)).await), Code::FailedPrecondition);
    });
}

#[test]
fn a_loaded_snapshot_is_read_sealed_on_and_dropped() {
    run(async {
        let mut rng = Rng::new(2);
        let (values, block) = (Plain::random(&mut rng), writes(&mut rng));
        let state = shard(StateConfig::default());
        let request =
            LoadSnapshotRequest { number: 9, contents: SnapshotContents::Values(values.values()) };
        state.load_snapshot(request).await.unwrap();
        let loaded = SnapshotId::Loaded(9);

        let answer = shard_of(state.seal(seal(1, loaded, block.clone())).await);
        assert_eq!(answer.root_node, None);
        assert_reads(&state, sealed(1), &values.after(&block, TouchRule::Clears), 2).await;
        assert_reads(&state, loaded, &values, 2).await;
        state.drop_snapshot(loaded).await.unwrap();

        assert_eq!(code(read(&state, loaded, Vec::new()).await), Code::NotFound);
        assert_eq!(code(read(&state, sealed(1), Vec::new()).await), Code::Cancelled);
        assert_eq!(state.head().await, Ok(None));
    });
}

/// Starts a read that waits for a Snapshot, and waits until it does.
async fn waiting_read(
    state: &StateHandle,
    clock: &ManualClock,
    snapshot: SnapshotId,
    plain: &Plain,
) -> JoinHandle<Result<Vec<SnapshotAnswer>, Status>> {
    let (state, keys) = (state.clone(), plain.answers().into_iter().map(|(key, _)| key).collect());
    let n_sleepers = clock.n_sleepers() + 1;
    let mut waiting = tokio::spawn(async move { read(&state, snapshot, keys).await });
    tokio::select! {
        () = clock.until_sleepers(n_sleepers) => waiting,
        answer = &mut waiting => panic!("the read did not wait: {answer:?}"),
    }
}

/// Returns what somebody who waited was told; fails if nobody tells anything.
async fn told<T>(waiting: JoinHandle<T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("not woken").unwrap()
}

#[test]
fn a_read_before_the_seal_waits_and_is_woken_by_seal_abort_or_its_deadline() {
    run(async {
        let mut rng = Rng::new(3);
        let (genesis, block) = (Plain::random(&mut rng), writes(&mut rng));
        let after = genesis.after(&block, TouchRule::Clears);
        let clock = ManualClock::new();
        let state = StateShard::new(BOOT, StateConfig::default())
            .clock(Arc::new(clock.clone()))
            .start_in(&actix::Arbiter::new().handle())
            .unwrap();
        load_genesis(&state, &genesis).await;
        let for_seal = waiting_read(&state, &clock, sealed(1), &after).await;
        let for_abort = waiting_read(&state, &clock, sealed(2), &after).await;
        let in_vain = waiting_read(&state, &clock, sealed(3), &after).await;

        state.seal(seal(1, GENESIS, block)).await.unwrap();
        let answers = after.answers().into_iter().map(|(_, answer)| answer).collect();
        assert_eq!(told(for_seal).await, Ok(answers));
        state.abort(job(2)).await.unwrap();
        assert_eq!(code(told(for_abort).await), Code::Cancelled);
        assert!(!in_vain.is_finished());
        clock.advance(Limits::default().seal_wait);
        assert_eq!(code(told(in_vain).await), Code::DeadlineExceeded);
    });
}

#[test]
fn waiting_reads_are_bounded_and_those_that_gave_up_make_room() {
    run(async {
        let limits = Limits { waiting_max: NonZeroUsize::MIN, ..Limits::default() };
        let config = StateConfig { limits, ..StateConfig::default() };
        let clock = ManualClock::new();
        let state = StateShard::new(BOOT, config)
            .clock(Arc::new(clock.clone()))
            .start_in(&actix::Arbiter::new().handle())
            .unwrap();
        let first = waiting_read(&state, &clock, sealed(1), &Plain::default()).await;

        let second = read(&state, sealed(2), Vec::new()).await;
        assert_eq!(code(second), Code::ResourceExhausted);
        clock.advance(Limits::default().seal_wait);
        assert_eq!(code(told(first).await), Code::DeadlineExceeded);
        let third = waiting_read(&state, &clock, sealed(3), &Plain::default()).await;
        state.abort(job(3)).await.unwrap();
        assert_eq!(code(told(third).await), Code::Cancelled);
    });
}

#[test]
fn copies_of_a_seal_sent_at_once_get_one_answer() {
    run(async {
        let mut rng = Rng::new(4);
        let (genesis, block) = (Plain::random(&mut rng), writes(&mut rng));
        let root = genesis.after(&block, TouchRule::Clears).root();
        let state = filled(StateConfig::default(), &genesis).await;
        let copies: Vec<_> = (0..20)
            .map(|_| {
                let (state, request) = (state.clone(), seal(1, GENESIS, block.clone()));
                tokio::spawn(async move { state.seal(request).await })
            })
            .collect();

        for copy in copies {
            let answer = shard_of(told(copy).await);
            assert_eq!(keccak256(answer.root_node.unwrap()), root);
        }
        let other = seal(1, GENESIS, Vec::new());
        assert_eq!(code(state.seal(other).await), Code::FailedPrecondition);
    });
}

/// Starts a seal that waits for writes, and waits until it does.
async fn waiting_seal(
    state: &StateHandle,
    clock: &ManualClock,
    request: SealRequest,
) -> JoinHandle<Result<SealResponse, Status>> {
    let (state, n_sleepers) = (state.clone(), clock.n_sleepers() + 1);
    let mut sealing = tokio::spawn(async move { state.seal(request).await });
    tokio::select! {
        () = clock.until_sleepers(n_sleepers) => sealing,
        answer = &mut sealing => panic!("the seal did not wait: {answer:?}"),
    }
}

#[test]
fn a_seal_waits_for_writes_under_way_and_then_says_what_it_lacks() {
    run(async {
        let mut rng = Rng::new(9);
        let (genesis, block) = (Plain::random(&mut rng), writes(&mut rng));
        let clock = ManualClock::new();
        let state = StateShard::new(BOOT, StateConfig::default())
            .clock(Arc::new(clock.clone()))
            .start_in(&actix::Arbiter::new().handle())
            .unwrap();
        load_genesis(&state, &genesis).await;
        let bare = |sequence| {
            let whole = seal(sequence, GENESIS, block.clone());
            SealRequest { values: Vec::new(), ..whole }
        };
        let in_time = waiting_seal(&state, &clock, bare(1)).await;
        state.stage(staged(1, &block)).await.unwrap();
        let sealed = shard_of(told(in_time).await);
        let root = genesis.after(&block, TouchRule::Clears).root();
        assert_eq!(keccak256(sealed.root_node.unwrap()), root);

        let in_vain = waiting_seal(&state, &clock, bare(2)).await;
        clock.advance(Limits::default().stage_wait);
        let answer = told(in_vain).await.unwrap();
        let SealResponse::Differs { boot, digests } = answer else { panic!("{answer:?}") };
        assert_eq!(boot, BOOT);
        assert_eq!(digests.len(), block.len());
        assert!(digests.iter().all(|(_, digest)| digest.is_none()), "{digests:?}");
        assert!(state.seal(seal(2, GENESIS, block.clone())).await.is_ok());
    });
}

#[test]
fn writes_and_values_too_large_for_the_callers_thread_are_looked_through_on_another() {
    run(async {
        let mut rng = Rng::new(10);
        let (genesis, block) = (Plain::random(&mut rng), writes(&mut rng));
        let limits = Limits { stage_bytes_inline_max: NonZeroUsize::MIN, ..Limits::default() };
        let state = filled(StateConfig { limits, ..StateConfig::default() }, &genesis).await;
        let root = genesis.after(&block, TouchRule::Clears).root();
        for sequence in [1, 2] {
            let mut request = seal(sequence, GENESIS, block.clone());
            if sequence == 2 {
                state.stage(staged(sequence, &block)).await.unwrap();
                request.values.clear();
            }
            let sealed = shard_of(state.seal(request).await);
            assert_eq!(keccak256(sealed.root_node.unwrap()), root, "job {sequence}");
        }
    });
}

/// One of many chains of blocks that are sealed at once; returns its last state.
async fn chain_of_blocks(state: StateHandle, genesis: Plain, chain: u64, stage: bool) -> Plain {
    let mut rng = Rng::new(chain);
    let (mut parent, mut plain) = (GENESIS, genesis);
    for step in 0..20 {
        let sequence = 1_000 * (chain + 1) + step;
        let block = writes(&mut rng);
        plain = plain.after(&block, TouchRule::Clears);
        let staged = staged(sequence, &block);
        let mut request = seal(sequence, parent, block);
        if stage {
            request.values.clear();
        }
        // Staging and sealing race: the seal waits for what is under way.
        let (staged, answer) = tokio::join!(
            async { if stage { state.stage(staged).await } else { Ok(()) } },
            state.seal(request)
        );
        staged.unwrap();
        let answer = shard_of(answer);
        assert_eq!(keccak256(answer.root_node.unwrap()), plain.root(), "chain {chain}, {step}");
        parent = sealed(sequence);
        assert_reads(&state, parent, &plain, chain).await;
    }
    assert_reads(&state, parent, &plain, chain).await;
    plain
}

#[test]
fn many_chains_of_blocks_are_sealed_and_read_at_once_staged_or_not() {
    run(async {
        let genesis = Plain::random(&mut Rng::new(5));
        let limits = Limits { stage_wait: Duration::from_secs(60), ..Limits::default() };
        let state = filled(StateConfig { limits, ..StateConfig::default() }, &genesis).await;
        let chains: Vec<_> = (0..16)
            .map(|chain| {
                let chain = chain_of_blocks(state.clone(), genesis.clone(), chain, chain % 2 == 0);
                tokio::spawn(chain)
            })
            .collect();
        for chain in chains {
            chain.await.unwrap();
        }
        assert_reads(&state, GENESIS, &genesis, 5).await;
        assert_eq!(state.counts().seals, 16 * 20);
        assert_eq!(state.counts().refused, 0);
    });
}

#[test]
fn a_read_of_many_keys_on_a_cpu_thread_has_the_answers_of_small_ones_and_too_many_are_refused() {
    run(async {
        let genesis = Plain::random(&mut Rng::new(6));
        let n_keys = NonZeroUsize::new(genesis.answers().len()).unwrap();
        let limits = Limits {
            read_keys_inline_max: NonZeroUsize::MIN,
            read_keys_max: n_keys,
            ..Limits::default()
        };
        let state = filled(StateConfig { limits, ..StateConfig::default() }, &genesis).await;
        assert_reads(&state, GENESIS, &genesis, 6).await;

        let mut keys: Vec<_> = genesis.answers().into_iter().map(|(key, _)| key).collect();
        keys.push(keys[0]);
        assert_eq!(code(read(&state, GENESIS, keys).await), Code::ResourceExhausted);
    });
}

#[test]
fn each_delayed_answer_pays_its_delay_once_and_many_pay_at_once() {
    run(async {
        let genesis = Plain::random(&mut Rng::new(7));
        let delay = Duration::from_millis(40);
        let config = StateConfig { read_delay: delay, ..StateConfig::default() };
        let state = filled(config, &genesis).await;
        let clock = cluster::clock::SystemClock::new();
        let reads: Vec<_> = (0..64)
            .map(|_| {
                let (state, genesis) = (state.clone(), genesis.clone());
                tokio::spawn(async move { assert_reads(&state, GENESIS, &genesis, 7).await })
            })
            .collect();
        for read in reads {
            read.await.unwrap();
        }
        let (all, counts) = (clock.now(), state.counts());

        assert_eq!(counts.reads_delayed, 64);
        assert!(counts.delay_paid >= 64 * delay, "{:?}", counts.delay_paid);
        assert!(all < 32 * delay, "64 answers waited one after the other: {all:?}");
    });
}

#[test]
fn each_handle_counts_its_own_messages_keys_and_bytes() {
    run(async {
        let genesis = Plain::random(&mut Rng::new(8));
        let coordinator = filled(StateConfig::default(), &genesis).await;
        let worker = coordinator.with_own_counts();
        let before = coordinator.counts();
        let keys = vec![SnapshotKey::Account(Default::default()); 3];
        read(&worker, GENESIS, keys).await.unwrap();
        let slot = SnapshotKey::Slot(Default::default(), Default::default());
        read(&worker, GENESIS, vec![slot]).await.unwrap();
        code(read(&worker, SnapshotId::Loaded(1), Vec::new()).await);
        coordinator.seal(seal(1, GENESIS, Vec::new())).await.unwrap();
        coordinator.abort(job(1)).await.unwrap();

        let (worker, coordinator) = (worker.counts(), coordinator.counts() - before);
        assert_eq!((worker.reads, worker.read_keys, worker.refused), (3, 4, 1));
        assert_eq!((worker.messages(), worker.seals), (3, 0));
        assert_eq!(worker.bytes_in, 3 * 33 + 3 * 21 + 53);
        assert!(worker.bytes_out >= 33 + 3, "{worker:?}");
        assert_eq!((coordinator.seals, coordinator.decisions), (1, 1));
        assert_eq!((coordinator.messages(), coordinator.reads), (2, 0));
        assert!(coordinator.bytes_out > 32, "a root node is longer than a hash: {coordinator:?}");
    });
}

#[test]
fn a_stopped_shard_is_unavailable_for_calls_to_come_and_for_those_that_wait() {
    run(async {
        let clock = ManualClock::new();
        let state = StateShard::new(BOOT, StateConfig::default())
            .clock(Arc::new(clock.clone()))
            .start_in(&actix::Arbiter::new().handle())
            .unwrap();
        let waiting = waiting_read(&state, &clock, sealed(1), &Plain::default()).await;

        state.stop().await;

        assert_eq!(code(told(waiting).await), Code::Unavailable);
        assert_eq!(code(state.head().await), Code::Unavailable);
        assert_eq!(code(state.seal(seal(1, GENESIS, Vec::new())).await), Code::Unavailable);
    });
}
