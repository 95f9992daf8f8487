//! What workers ask the state of, block by block: with caches only what is new to them.

mod asked;

use crate::faults::genesis_of;
use asked::{Asked, AskedOf};
use cluster::clock::SystemClock;
use coordinator::{Coordinator, CoordinatorHandle, WorkerFacts, config::CoordinatorConfig};
use engine::{
    account::SnapshotKey,
    ids::{BootId, SnapshotId, WorkerId},
};
use inputs::{Input, InputBlock};
use proto::{
    coordinator::{BlockOutcome, CoordinatorService, ExecuteBlockRequest, JobEnd, Mode, PlanWish},
    shards::StateShards,
    state::StateService,
};
use state_service::{StateShard, config::StateConfig};
use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};
use worker::{
    Worker, WorkerHandle,
    config::{Switch, WorkerConfig},
};

/// Longest wait for the feed.
const LIMIT: Duration = Duration::from_secs(30);

/// Few accounts, so that blocks touch the same ones, and some that only one of them touches.
pub(crate) const WORKLOADS: [&str; 2] = [
    "workload:transfers?txs=40&blocks=3&accounts=60&seed=8",
    "workload:erc20?txs=40&blocks=3&accounts=60&seed=8",
];

/// How large a cluster is, and whether its workers keep values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) n_workers: u64,
    pub(crate) n_shards: u64,
    pub(crate) cache: Switch,
}

struct Cluster {
    shape: Shape,
    coordinator: CoordinatorHandle,
    workers: Vec<(WorkerHandle, Arc<AskedOf>)>,
}

/// What a block was, to each worker.
pub(crate) struct Block {
    /// Keys that were asked, in the order in which they were.
    pub(crate) asked: Vec<Vec<SnapshotKey>>,
    outcome: BlockOutcome,
}

impl Cluster {
    async fn start(shape: Shape) -> Self {
        let shards: Vec<_> = (1..=shape.n_shards)
            .map(|boot| StateShard::new(BootId::new(boot), StateConfig::default()).start().unwrap())
            .collect();
        let services = |wrap: &dyn Fn(Arc<dyn StateService>) -> Arc<dyn StateService>| {
            let all = shards.iter().map(|shard| wrap(Arc::new(shard.clone()))).collect();
            StateShards::new(all).unwrap()
        };
        let coordinator = Coordinator::new(CoordinatorConfig::default(), services(&|it| it));
        let coordinator = coordinator.start().unwrap();
        let mut workers = Vec::new();
        for number in 1..=shape.n_workers {
            let asked = Arc::new(AskedOf::default());
            let links = services(&|shard| Arc::new(Asked { shard, asked: Arc::clone(&asked) }));
            let threads = NonZeroUsize::MIN;
            let config = WorkerConfig { cache: shape.cache, threads, ..WorkerConfig::default() };
            let id = WorkerId::new(number);
            let worker = Worker::new(id, config, links).start().unwrap();
            let (address, version) = (String::new(), String::new());
            let facts = WorkerFacts { id, cores: 1, address, version };
            assert!(coordinator.add_worker(facts, Arc::new(worker.clone())).await);
            workers.push((worker, asked));
        }
        Self { shape, coordinator, workers }
    }

    /// Waits until each worker took in so many messages of each shard's feed, if it listens.
    async fn until_heard(&self, n_messages: u64) {
        let clock = SystemClock::shared();
        let deadline = clock.now() + LIMIT;
        for (worker, _) in self.workers.iter().filter(|_| self.shape.cache == Switch::On) {
            let metrics = worker.metrics();
            let counts = [&metrics.feed_starts, &metrics.feed_sealed, &metrics.feed_committed];
            while counts.iter().map(|count| count.get()).sum::<u64>()
                < n_messages * self.shape.n_shards
            {
                assert!(clock.now() < deadline, "{:?}: the feed is silent", self.shape);
                tokio::task::yield_now().await;
            }
        }
    }

    async fn load(&self, input: &Input) -> SnapshotId {
        // Feeds that begin before the genesis are the hard case.
        self.until_heard(1).await;
        let genesis = genesis_of(input);
        let parent = SnapshotId::Block(genesis.block_hash);
        self.coordinator.configure().await.unwrap();
        self.coordinator.load_genesis(genesis).await.unwrap();
        self.until_heard(2).await;
        parent
    }

    async fn execute(&self, input: &Input, block: &InputBlock, parent: SnapshotId) -> Block {
        let request = ExecuteBlockRequest {
            block_rlp: block.block_rlp.clone(),
            chain: input.chain.clone(),
            parent,
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            ommers: block.ommers,
            mode: Mode::VerifyAndCommit,
            plan: PlanWish::Split,
            slice_gas: Some(1),
            seed: 1,
        };
        let outcome = self.coordinator.execute_block(request).await.unwrap();
        assert_eq!(outcome.end, JobEnd::Committed, "{}, block {}", input.name, block.number);
        let asked = self.workers.iter().map(|(_, asked)| asked.take()).collect();
        Block { asked, outcome }
    }
}

/// Runs a workload; each block begins when every worker heard of the one before.
pub(crate) fn blocks_of(workload: &str, shape: Shape) -> Vec<Block> {
    let input = inputs::open(workload, &mut |_, _| {}).unwrap().remove(0);
    actix::System::new().block_on(async {
        let cluster = Cluster::start(shape).await;
        let mut parent = cluster.load(&input).await;
        let mut blocks = Vec::new();
        for block in &input.blocks {
            let done = cluster.execute(&input, block, parent).await;
            parent = SnapshotId::Block(done.outcome.block_hash);
            blocks.push(done);
            cluster.until_heard(2 + 2 * blocks.len() as u64).await;
        }
        blocks
    })
}

/// A key without what only changes how it is asked.
const fn plain(key: &SnapshotKey) -> SnapshotKey {
    match *key {
        SnapshotKey::AccountWithCode(address) => SnapshotKey::Account(address),
        key => key,
    }
}

fn plain_of(keys: &[SnapshotKey]) -> BTreeSet<SnapshotKey> {
    keys.iter().map(plain).collect()
}

impl Block {
    /// Returns the keys that its final writes changed: every worker hears of them.
    fn written(&self) -> impl Iterator<Item = SnapshotKey> {
        let sets = self.outcome.writes.iter();
        let accounts = sets.flat_map(|(_, set)| set.accounts.iter());
        accounts.flat_map(|(address, write)| {
            let slots = write.slots.iter().map(|(slot, _)| SnapshotKey::Slot(*address, *slot));
            std::iter::once(SnapshotKey::Account(*address)).chain(slots)
        })
    }
}

/// Without the codes, which go by their hashes.
fn values(keys: &BTreeSet<SnapshotKey>) -> BTreeSet<SnapshotKey> {
    keys.iter().filter(|key| !matches!(key, SnapshotKey::Code(..))).copied().collect()
}

#[test]
fn a_block_on_the_state_after_another_reads_only_what_its_worker_neither_read_nor_was_told() {
    for workload in WORKLOADS {
        let one = |cache| Shape { n_workers: 1, n_shards: 1, cache };
        let with = blocks_of(workload, one(Switch::On));
        let without = blocks_of(workload, one(Switch::Off));
        let mut known = BTreeSet::new();
        for (number, (with, without)) in with.iter().zip(&without).enumerate() {
            let place = format!("{workload}, block {}", number + 1);
            let (asked, all) = (plain_of(&with.asked[0]), plain_of(&without.asked[0]));
            let again = values(&all).intersection(&known).count();
            let new: BTreeSet<_> = values(&all).difference(&known).copied().collect();

            assert_eq!(values(&asked), new, "{place}");
            assert_eq!(with.asked[0].len(), asked.len(), "{place}: a key was asked twice");
            // With caches off the same block asks for it all, so there was something to save.
            assert_eq!(again > 20, number > 0, "{place}: {again}");
            let (on, off) = (with.outcome.counts.reads, without.outcome.counts.reads);
            assert_eq!((on.keys, off.keys), (count(&with.asked), count(&without.asked)), "{place}");
            assert_eq!((on.cache_hits > 0, off.cache_hits), (number > 0, 0), "{place}: {on:?}");
            assert_eq!(with.outcome.receipts, without.outcome.receipts, "{place}");
            known.extend(values(&all).into_iter().chain(with.written()));
        }
    }
}

#[test]
fn with_several_workers_and_shards_none_asks_for_what_it_read_or_was_told() {
    for workload in WORKLOADS {
        let two = |cache| Shape { n_workers: 2, n_shards: 4, cache };
        let [with, without] = [Switch::On, Switch::Off].map(|it| blocks_of(workload, two(it)));
        let mut n_workers_asking = 0;
        for worker in 0..2 {
            let mut known = BTreeSet::new();
            for (number, block) in with.iter().enumerate() {
                let asked = plain_of(&block.asked[worker]);
                let again: Vec<_> = asked.intersection(&known).collect();
                assert!(again.is_empty(), "{workload}, block {}: {again:?}", number + 1);
                n_workers_asking += usize::from(number == 0 && !asked.is_empty());
                known.extend(asked.into_iter().chain(block.written()));
            }
        }
        assert_eq!(n_workers_asking, 2, "{workload}: one of them did nothing");
        let keys = |blocks: &[Block]| -> u64 { blocks.iter().map(|it| count(&it.asked)).sum() };
        assert!(2 * keys(&with) < keys(&without), "{} {}", keys(&with), keys(&without));
    }
}

/// Returns the number of keys that were asked.
pub(crate) fn count(asked: &[Vec<SnapshotKey>]) -> u64 {
    asked.iter().map(|keys| keys.len() as u64).sum()
}
