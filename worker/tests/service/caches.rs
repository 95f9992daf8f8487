//! What is kept across jobs, and fed by the shard.

use crate::{
    state::MemoryState,
    world::{CHASE, PARENT, Person, call, contract, frame, frame_on, job, task, worker_with},
};
use alloy_primitives::{Address, B256, U256};
use engine::{
    access::BalanceWrite,
    account::{Account, SnapshotKey, SnapshotValue, TouchRule},
    fold::{StateDiff, fold},
    ids::{BootId, SnapshotId},
    outcome::SliceOutcome,
    task::{SliceKind, SliceTask},
};
use proto::{state::FeedMessage, worker::WorkerService};
use std::sync::{Arc, atomic::Ordering};
use tokio::task::yield_now;
use worker::{
    WorkerHandle,
    config::{Switch, WorkerConfig},
};

struct World {
    state: Arc<MemoryState>,
    worker: WorkerHandle,
    alice: Person,
    bob: Person,
}

const FRIEND: Address = Address::repeat_byte(0xaa);

/// A worker whose shard has [`PARENT`] as its head, and has said so.
async fn world(config: WorkerConfig) -> World {
    let state = Arc::new(MemoryState::default());
    let (alice, bob) = (Person::number(1), Person::number(2));
    state.put_balance(alice.address, 1_000);
    state.put_code(contract(1), &CHASE);
    state.put_slot(contract(1), 0, 9);
    let SnapshotId::Block(head) = PARENT else { panic!("no block: {PARENT}") };
    *state.head.lock().unwrap() = Some(head);
    let worker = worker_with(&state, config).start().unwrap();
    let world = World { state, worker, alice, bob };
    world.until_heard(1).await;
    world
}

impl World {
    /// Waits until the worker took in so many messages of the feed.
    async fn until_heard(&self, n_messages: u64) {
        let metrics = self.worker.metrics();
        let n_heard = || {
            let counters = [
                &metrics.feed_starts,
                &metrics.feed_sealed,
                &metrics.feed_committed,
                &metrics.feed_dropped,
            ];
            counters.map(|counter| counter.get()).iter().sum::<u64>()
        };
        while n_heard() < n_messages {
            yield_now().await;
        }
    }

    /// Sends the block of two transactions: alice pays the friend, bob calls the contract.
    fn block(&self, snapshot: SnapshotId, sequence: u64) -> SliceTask {
        let nonce = sequence - 1;
        let transactions = [
            (self.alice, self.alice.sends(FRIEND, 7, nonce)),
            (self.bob, self.bob.sends(contract(1), 0, nonce)),
        ];
        task(&frame_on(snapshot, sequence, 2), 0, 1, &transactions)
    }

    /// Writes what a block changed into the shard's values, and returns it.
    fn seal(&self, outcome: &SliceOutcome) -> Arc<StateDiff> {
        let writes = outcome.transactions.iter();
        let writes: Vec<_> =
            writes.map(|it| (it.index, Arc::clone(&it.executed().unwrap().writes))).collect();
        let account = |address: &Address| self.state.account(address);
        let diff = fold(&writes, TouchRule::Clears, account);
        diff.accounts.iter().for_each(|(address, account)| self.state.put(*address, account));
        Arc::new(diff)
    }

    fn tell_sealed(&self, sequence: u64, parent: SnapshotId, diff: Arc<StateDiff>) {
        let boot = BootId::new(1);
        self.state.tell(&FeedMessage::Sealed { boot, job: job(sequence), parent, diff });
    }
}

fn balance_of(outcome: &SliceOutcome, whose: Address) -> Option<BalanceWrite> {
    let writes = &outcome.transactions[0].executed().unwrap().writes.accounts;
    writes.iter().find(|(address, _)| *address == whose)?.1.balance
}

#[actix::test]
async fn a_second_block_on_the_state_after_the_first_reads_only_what_is_new_to_it() {
    let world = world(WorkerConfig::default()).await;
    let first = world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
    let n_first = world.state.keys_asked().len();
    assert_eq!(n_first, 6, "two senders, two recipients, two slots");
    let stats = first.reads;
    assert_eq!((stats.cache_hits, stats.cache_misses), (0, 6));
    let diff = world.seal(&first);
    world.tell_sealed(1, PARENT, diff);
    world.until_heard(2).await;

    // The second block runs before the first is decided, the third after.
    let on_first = SnapshotId::Job(job(1));
    let second = world.worker.execute_slice(world.block(on_first, 2)).await.unwrap();

    assert_eq!(world.state.keys_asked().len(), n_first, "{:?}", world.state.keys_asked());
    assert_eq!((second.reads.cache_hits, second.reads.cache_misses), (6, 0));
    assert_eq!((second.reads.batches, second.reads.keys), (0, 0));
    let after_both = Some(BalanceWrite::Set(U256::from(1_000 - 7 - 7)));
    assert_eq!(balance_of(&second, world.alice.address), after_both);
    assert_eq!(balance_of(&second, FRIEND), Some(BalanceWrite::Credit(U256::from(7))));
    let diff = world.seal(&second);
    let hash = B256::repeat_byte(2);
    world.tell_sealed(2, on_first, diff);
    for (sequence, block_hash) in [(1, B256::repeat_byte(1)), (2, hash)] {
        world.state.tell(&FeedMessage::Committed { job: job(sequence), block_hash });
    }
    world.until_heard(5).await;
    let carol = Person::number(3);
    let on_second = frame_on(SnapshotId::Block(hash), 3, 1);
    let third = call(&on_second, 0, carol, contract(1));

    let third = world.worker.execute_slice(third).await.unwrap();

    let asked = world.state.keys_asked().split_off(n_first);
    assert_eq!(asked, [SnapshotKey::Account(carol.address)], "new to this block");
    assert_eq!((third.reads.cache_hits, third.reads.cache_misses), (3, 1));
    assert_eq!(world.worker.metrics().caches_emptied_start.get(), 1);
}

#[actix::test]
async fn with_caches_off_every_block_asks_for_everything_and_has_the_same_outcome() {
    let mut outcomes = Vec::new();
    for cache in [Switch::On, Switch::Off] {
        let config = WorkerConfig { cache, ..WorkerConfig::default() };
        let state = Arc::new(MemoryState::default());
        let worker = worker_with(&state, config).start().unwrap();
        let world = World { state, worker, alice: Person::number(1), bob: Person::number(2) };
        world.state.put_balance(world.alice.address, 1_000);
        world.state.put_code(contract(1), &CHASE);
        let SnapshotId::Block(head) = PARENT else { panic!("no block") };
        if cache == Switch::On {
            world.until_heard(1).await;
            world.state.tell(&FeedMessage::Committed { job: job(0), block_hash: head });
            world.until_heard(2).await;
        }
        let first = world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
        let n_first = world.state.keys_asked().len();

        let again = SliceTask { frame: frame(9, 2), ..world.block(PARENT, 1) };
        let again = world.worker.execute_slice(again).await.unwrap();

        let n_again = world.state.keys_asked().len() - n_first;
        let expected = if cache == Switch::On { 0 } else { n_first };
        assert_eq!((n_first > 0, n_again), (true, expected), "{cache:?}");
        outcomes.push([first, again].map(|it| (it.transactions, it.snapshot)));
        if cache == Switch::Off {
            assert_eq!(world.worker.metrics().feed_starts.get(), 0);
            assert_eq!(world.worker.metrics().code_cache_bytes.get(), 0);
        }
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[actix::test]
async fn a_confirmation_and_a_loaded_snapshot_use_no_cache() {
    let world = world(WorkerConfig::default()).await;
    world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
    let n_first = world.state.keys_asked().len();

    let frame = frame_on(PARENT, 2, 2);
    let confirmation = SliceTask { frame, kind: SliceKind::Confirmation, ..world.block(PARENT, 1) };
    let confirmed = world.worker.execute_slice(confirmation).await.unwrap();
    let n_confirmed = world.state.keys_asked().len() - n_first;
    let loaded = world.block(SnapshotId::Loaded(4), 1);
    let loaded = SliceTask { frame: frame_on(SnapshotId::Loaded(4), 3, 2), ..loaded };
    let loaded = world.worker.execute_slice(loaded).await.unwrap();
    let n_loaded = world.state.keys_asked().len() - n_first - n_confirmed;

    assert_eq!((n_confirmed, n_loaded), (n_first, n_first));
    for outcome in [confirmed, loaded] {
        assert_eq!((outcome.reads.cache_hits, outcome.reads.cache_misses), (0, 0));
    }
}

#[actix::test]
async fn a_feed_that_breaks_empties_the_cache_and_is_subscribed_to_again() {
    let world = world(WorkerConfig::default()).await;
    world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
    let n_first = world.state.keys_asked().len();
    world.state.break_feeds();
    world.state.until_feeds(2).await;
    world.until_heard(2).await;

    let again = SliceTask { frame: frame_on(PARENT, 2, 2), ..world.block(PARENT, 1) };
    let outcome = world.worker.execute_slice(again).await.unwrap();

    // The codes stay: they go by their hashes.
    assert_eq!(world.state.keys_asked().len(), 2 * n_first);
    assert_eq!((outcome.reads.cache_hits, world.worker.metrics().feed_breaks.get()), (0, 1));
    let third = SliceTask { frame: frame_on(PARENT, 3, 2), ..world.block(PARENT, 1) };
    let outcome = world.worker.execute_slice(third).await.unwrap();
    assert_eq!(outcome.reads.cache_misses, 0, "the new feed's cache filled");
}

#[actix::test]
async fn a_job_whose_cached_values_are_from_another_boot_than_its_reads_ends() {
    let world = world(WorkerConfig::default()).await;
    world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
    // The shard restarted; the worker has not heard of it.
    world.state.boot.store(2, Ordering::Relaxed);

    let carol = Person::number(3);
    let on_parent = frame_on(PARENT, 2, 1);
    let failed = world.worker.execute_slice(call(&on_parent, 0, carol, contract(1))).await;

    let failed = failed.unwrap_err();
    assert!(failed.message.contains("restarted: boot id 1 became 2"), "{failed}");
}

#[actix::test]
async fn a_worker_without_owners_lets_go_of_its_feeds() {
    let world = world(WorkerConfig::default()).await;
    let World { state, worker, .. } = world;
    assert_eq!(state.n_open_feeds(), 1);
    drop(worker);
    while state.n_open_feeds() > 0 {
        yield_now().await;
    }
}

#[actix::test]
async fn what_the_cache_answers_is_reported_as_read_from_the_snapshot() {
    let world = world(WorkerConfig::default()).await;
    let first = world.worker.execute_slice(world.block(PARENT, 1)).await.unwrap();
    let again = SliceTask { frame: frame_on(PARENT, 2, 2), ..world.block(PARENT, 1) };
    let again = world.worker.execute_slice(again).await.unwrap();

    assert_eq!(first.snapshot, again.snapshot);
    let alice = Account { balance: U256::from(1_000), ..Account::default() };
    let expected = SnapshotValue::Account(world.alice.address, Some(alice));
    assert!(again.snapshot.contains(&expected), "{:?}", again.snapshot);
}
