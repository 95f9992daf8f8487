//! Real workers and shards in one process, with everything between them late, repeated, reordered,
//! cut and lost; workers die and others join in the middle of a block. Every block must be committed,
//! which means that it equals its header, state root included.

mod chance;
mod shard;
mod worker;

use self::worker::BadWorker;
use ::worker::{
    Worker,
    config::{Switch, WorkerConfig},
};
use chance::{ALL, Chance, Fault};
use coordinator::{Coordinator, CoordinatorHandle, WorkerFacts, config::CoordinatorConfig};
use engine::{
    ids::{BootId, SnapshotId, WorkerId},
    model::Numbers,
};
use inputs::{Input, ParentState, workload::Fork};
use proto::{
    coordinator::{CoordinatorService, ExecuteBlockRequest, JobEnd, Mode, PlanWish},
    shards::StateShards,
    state::{AccountState, LoadGenesisRequest, StateService, StateValues},
};
use shard::BadLink;
use state_service::{StateShard, config::StateConfig};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::mpsc;

const N_SEEDS: u64 = 12;

/// Workers of one run, those that join included.
const WORKERS_MAX: u64 = 24;

/// One cluster, with all that goes wrong in it.
struct Cluster {
    chance: Arc<Chance>,
    links: StateShards,
    coordinator: CoordinatorHandle,
    config: WorkerConfig,
    deaths: mpsc::Sender<()>,
    n_workers: u64,
}

impl Cluster {
    async fn start(numbers: &mut Numbers, deaths: mpsc::Sender<()>) -> Self {
        let chance = Arc::new(Chance::new(numbers.next()));
        let n_shards = 1 << numbers.below(5);
        let shards = (0..n_shards).map(|index| {
            let shard = StateShard::new(BootId::new(index + 1), StateConfig::default());
            let link =
                BadLink { shard: Arc::new(shard.start().unwrap()), chance: Arc::clone(&chance) };
            Arc::new(link) as Arc<dyn StateService>
        });
        let links = StateShards::new(shards.collect()).unwrap();
        let threads = usize::try_from(1 + numbers.below(2)).unwrap();
        let config = WorkerConfig {
            threads: threads.try_into().unwrap(),
            stage: if numbers.percent(70) { Switch::On } else { Switch::Off },
            cache: if numbers.percent(80) { Switch::On } else { Switch::Off },
            ..WorkerConfig::default()
        };
        let coordinator = Coordinator::new(CoordinatorConfig::default(), links.clone());
        let coordinator = coordinator.start().unwrap();
        let mut cluster = Self { chance, links, coordinator, config, deaths, n_workers: 0 };
        for _ in 0..=numbers.below(4) {
            cluster.join().await;
        }
        cluster
    }

    /// Starts a worker. The first one lives for ever, so that no job waits in vain.
    async fn join(&mut self) {
        self.n_workers += 1;
        let id = WorkerId::new(self.n_workers);
        let worker = Worker::new(id, self.config.clone(), self.links.clone());
        let bad = BadWorker {
            handle: worker.start().unwrap(),
            chance: Arc::clone(&self.chance),
            is_mortal: self.n_workers > 1,
            deaths: self.deaths.clone(),
            is_dead: AtomicBool::new(false),
        };
        let cores = u32::try_from(self.config.threads.get()).unwrap();
        let (address, version) = (String::new(), String::new());
        let facts = WorkerFacts { id, cores, address, version };
        assert!(self.coordinator.add_worker(facts, Arc::new(bad)).await);
    }

    /// Executes a block; for every worker that dies meanwhile another one joins.
    async fn execute(
        &mut self,
        request: ExecuteBlockRequest,
        died: &mut mpsc::Receiver<()>,
    ) -> JobEnd {
        let coordinator = self.coordinator.clone();
        let mut executing = Box::pin(async move { coordinator.execute_block(request).await });
        loop {
            tokio::select! {
                outcome = &mut executing => return outcome.unwrap().end,
                Some(()) = died.recv() => {
                    if self.n_workers < WORKERS_MAX && self.chance.strikes(Fault::WorkerJoined, 80) {
                        self.join().await;
                    }
                }
            }
        }
    }
}

pub(crate) fn genesis_of(input: &Input) -> LoadGenesisRequest {
    let ParentState::Genesis { block_hash, block_number, state: values } = &input.parent else {
        panic!("a workload begins at a genesis");
    };
    let accounts = values.accounts.iter().map(|values| AccountState {
        address: values.address,
        account: values.account,
        storage: values.storage.clone(),
    });
    let state = StateValues { accounts: accounts.collect(), codes: values.codes.clone() };
    LoadGenesisRequest { block_hash: *block_hash, block_number: *block_number, state }
}

fn pick<T: Copy, const N: usize>(numbers: &mut Numbers, of: [T; N]) -> T {
    of[usize::try_from(numbers.below(N as u64)).unwrap()]
}

fn workload(numbers: &mut Numbers) -> String {
    let (txs, blocks, seed) = (20 + numbers.below(40), 3 + numbers.below(3), numbers.below(1000));
    let kind = pick(numbers, ["transfers", "erc20", "swaps", "chain", "hybrid", "mint"]);
    let common = format!("txs={txs}&blocks={blocks}&accounts=300&seed={seed}");
    if numbers.percent(40) {
        let fork = pick(numbers, Fork::ALL).name();
        return format!("workload:edges?{common}&fork={fork}");
    }
    format!("workload:{kind}?{common}")
}

async fn run(seed: u64) -> BTreeMap<Fault, u64> {
    let mut numbers = Numbers::new(seed);
    let spec = workload(&mut numbers);
    let input = inputs::open(&spec, &mut |_, _| {}).unwrap().remove(0);
    let (deaths, mut died) = mpsc::channel(64);
    let mut cluster = Cluster::start(&mut numbers, deaths).await;
    let genesis = genesis_of(&input);
    let mut parent = SnapshotId::Block(genesis.block_hash);
    cluster.coordinator.configure().await.unwrap();
    cluster.coordinator.load_genesis(genesis).await.unwrap();
    for block in &input.blocks {
        let request = ExecuteBlockRequest {
            block_rlp: block.block_rlp.clone(),
            chain: input.chain.clone(),
            parent,
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            ommers: block.ommers,
            mode: Mode::VerifyAndCommit,
            plan: PlanWish::Split,
            slice_gas: pick(&mut numbers, [None, Some(1), Some(200_000)]),
            seed: numbers.next(),
        };
        let end = cluster.execute(request, &mut died).await;
        assert_eq!(end, JobEnd::Committed, "seed {seed}: {spec}, block {}", block.number);
        let hash = engine::block::Block::decode(&block.block_rlp).unwrap().hash;
        parent = SnapshotId::Block(hash);
    }
    cluster.chance.fired()
}

#[test]
fn blocks_are_equal_whatever_is_late_repeated_reordered_cut_or_lost_and_whoever_dies() {
    let mut fired = BTreeMap::<Fault, u64>::new();
    for seed in 0..N_SEEDS {
        let ran = actix::System::new()
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), run(seed)).await });
        let ran = ran.unwrap_or_else(|_| panic!("seed {seed}: blocks hang"));
        for (fault, n_times) in ran {
            *fired.entry(fault).or_default() += n_times;
        }
    }
    for fault in ALL {
        assert!(fired.contains_key(&fault), "{fault:?} never happened: {fired:?}");
    }
}
