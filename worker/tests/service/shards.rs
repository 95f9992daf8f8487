//! Several state shards: each is asked for what it owns, and told what it owns.

use crate::{
    state::MemoryState,
    world::{CHASE, Person, contract, frame, task},
};
use alloy_primitives::{Address, U256};
use engine::{
    account::SnapshotKey,
    ids::{ShardIndex, WorkerId},
    outcome::SliceOutcome,
    shard::ShardCount,
    task::SliceTask,
};
use futures::join;
use proto::{shards::StateShards, worker::WorkerService};
use std::sync::Arc;
use worker::{Worker, WorkerHandle, config::WorkerConfig};

/// Shards that would all answer everything alike.
struct World {
    count: ShardCount,
    states: Vec<Arc<MemoryState>>,
    worker: WorkerHandle,
    task: SliceTask,
    people: [Person; 2],
    contracts: [Address; 2],
}

/// Two people call two contracts that different shards own, if there are several.
fn world(n_shards: usize, config: WorkerConfig) -> World {
    let count = ShardCount::new(n_shards).unwrap();
    let first = contract(1);
    let is_elsewhere = |address: &Address| count.shard_of(address) != count.shard_of(&first);
    let second = (2..50).map(contract).find(is_elsewhere).unwrap_or_else(|| contract(2));
    let states: Vec<_> = (0..n_shards).map(|_| Arc::new(MemoryState::default())).collect();
    for state in &states {
        for contract in [first, second] {
            state.put_code(contract, &CHASE);
            state.put_slot(contract, 0, 9);
        }
    }
    let people = [Person::number(1), Person::number(2)];
    let transactions =
        [(people[0], people[0].sends(first, 0, 0)), (people[1], people[1].sends(second, 0, 0))];
    let task = task(&frame(1, 2), 0, 1, &transactions);
    let services = states.iter().map(|state| Arc::clone(state) as _).collect();
    let shards = StateShards::new(services).unwrap();
    let worker = Worker::new(WorkerId::new(3), config, shards).start().unwrap();
    World { count, states, worker, task, people, contracts: [first, second] }
}

impl World {
    fn state(&self, address: &Address) -> &MemoryState {
        &self.states[usize::from(self.count.shard_of(address).get())]
    }

    fn shards(&self) -> impl Iterator<Item = (ShardIndex, &Arc<MemoryState>)> {
        self.count.indices().zip(&self.states)
    }

    fn n_reads(&self) -> usize {
        self.states.iter().map(|state| state.reads().len()).sum()
    }
}

fn without_times(outcome: SliceOutcome) -> SliceOutcome {
    let reads = engine::outcome::ReadStats::default();
    SliceOutcome { cpu_us: 0, n_stages: 0, reads, ..outcome }
}

#[actix::test]
async fn every_key_is_asked_of_its_owner_and_the_outcome_is_that_of_one_shard() {
    let mut outcomes = Vec::new();
    for n_shards in [1, 2, 4, 8, 16] {
        let world = world(n_shards, WorkerConfig::default());

        let outcome = world.worker.execute_slice(world.task.clone()).await.unwrap();

        for (shard, state) in world.shards() {
            for key in state.keys_asked() {
                assert_eq!(world.count.shard_of(key.address()), shard, "{key:?}");
            }
        }
        assert_eq!(outcome.reads.batches, world.n_reads() as u64);
        assert_eq!((outcome.reads.keys, outcome.reads.miss_steps), (8, 2), "{n_shards} shards");
        outcomes.push(without_times(outcome));
    }
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
}

#[actix::test]
async fn the_shards_of_one_step_are_asked_at_once() {
    let world = world(16, WorkerConfig::default());
    let [first, second] = world.contracts.map(|address| world.state(&address));
    let people = world.people.map(|person| person.address);
    let predicted: std::collections::BTreeSet<_> = people
        .iter()
        .chain(&world.contracts)
        .map(|address| world.count.shard_of(address))
        .collect();
    world.states.iter().for_each(|state| state.hold());
    let watch = async {
        for shard in &predicted {
            world.states[usize::from(shard.get())].until_reads(1).await;
        }
        assert_eq!(world.n_reads(), predicted.len());
        world.states.iter().for_each(|state| state.release());
        let slot = |address: Address| SnapshotKey::Slot(address, U256::ZERO);
        first.until_reads(2).await;
        assert!(first.keys_asked().contains(&slot(world.contracts[0])));
        second.until_reads(2).await;
        assert!(second.keys_asked().contains(&slot(world.contracts[1])));
    };

    let (outcome, ()) = join!(world.worker.execute_slice(world.task.clone()), watch);

    let reads = outcome.unwrap().reads;
    assert_eq!((reads.batches, reads.miss_steps), (predicted.len() as u64 + 4, 2));
}

#[actix::test]
async fn each_shard_is_sent_one_stage_message_with_what_it_owns_and_the_outcome_counts_them() {
    for n_shards in [1, 2, 16] {
        let world = world(n_shards, WorkerConfig::default());

        let outcome = world.worker.execute_slice(world.task.clone()).await.unwrap();

        let mut n_stages = 0;
        for (shard, state) in world.shards() {
            let mut expected = Vec::new();
            for it in &outcome.transactions {
                let parts = world.count.split(&it.executed().unwrap().writes);
                let mine = parts.into_iter().filter(|(owner, _)| *owner == shard);
                expected.extend(mine.map(|(_, writes)| (it.index, it.incarnation, writes)));
            }
            if !expected.is_empty() {
                n_stages += 1;
                state.until_staged(1).await;
                assert_eq!(state.staged()[0].writes, expected, "shard {shard} of {n_shards}");
                assert_eq!(state.staged()[0].job, outcome.job);
            }
        }
        assert_eq!(outcome.n_stages, n_stages);
        let sent: usize = world.states.iter().map(|state| state.staged().len()).sum();
        assert_eq!(u32::try_from(sent).unwrap(), n_stages, "none else, none twice");
    }
}

#[actix::test]
async fn what_is_not_staged_is_not_counted() {
    let off = WorkerConfig { stage: worker::config::Switch::Off, ..WorkerConfig::default() };
    let mut few = WorkerConfig::default();
    few.limits.stages_in_flight_max = 1.try_into().unwrap();
    for (config, expected) in [(off, 0), (few, 1)] {
        let world = world(16, config);
        let outcome = world.worker.execute_slice(world.task.clone()).await.unwrap();
        assert_eq!(outcome.n_stages, expected);
        assert_eq!(world.worker.metrics().stages.get(), u64::from(expected));
    }
}
