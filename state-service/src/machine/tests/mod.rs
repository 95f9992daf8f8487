//! The machine, driven without threads: every task is run where it is handed out, or later.

mod bounds;
mod cache;
mod heads;
mod history;
mod loads;
mod model;
mod places;
mod roots;
mod rules;
mod shards;
mod stages;

use super::{Effect, Found, GenesisStep, Machine, SealStep, SealTask, Sealed, Stages};
use crate::{
    config::Limits,
    error::StateError,
    place::Place,
    snapshot::Snapshot,
    tests::{
        plain::{Plain, Writes, ordered},
        rng::Rng,
    },
    writes::{SealOrder, StagedWrites},
};
use alloy_primitives::{Address, B256, U256};
use engine::{
    access::WriteSet,
    account::TouchRule,
    ids::{AccessIndex, BootId, JobId, SnapshotId, Term},
    trie::ChangePart,
};
use proto::state::{
    CommitRequest, FeedMessage, Head, LoadGenesisRequest, LoadSnapshotRequest, SealPurpose,
    SealRequest, SealResponse, SealedShard, SnapshotContents, StageRequest, StateValues,
};
use std::{collections::BTreeMap, sync::Arc};

/// Computes a seal; whatever storage can be changed in parts is.
fn computed(task: SealTask) -> Result<Sealed, StateError> {
    let folded = task.fold()?;
    let parts = folded.change_parts(1)?;
    let changed = parts.into_iter().map(ChangePart::run).collect::<Result<_, _>>()?;
    folded.change(changed)?.root()
}

/// A machine, and what its effects made of the world outside.
#[derive(Debug)]
struct Driven {
    machine: Machine,
    /// What reads find.
    directory: BTreeMap<SnapshotId, Arc<Snapshot>>,
    /// Jobs that were settled since somebody looked.
    settled: Vec<JobId>,
    /// Jobs whose missing writes came since somebody looked.
    staged: Vec<JobId>,
    /// What the feed told since somebody looked.
    feed: Vec<FeedMessage>,
    place: Place,
}

impl Driven {
    fn new(limits: Limits) -> Self {
        let machine = Machine::new(BootId::new(7), limits);
        Self {
            machine,
            directory: BTreeMap::new(),
            settled: Vec::new(),
            staged: Vec::new(),
            feed: Vec::new(),
            place: Place::ALONE,
        }
    }

    fn step<T>(&mut self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let value = change(&mut self.machine);
        for effect in self.machine.take_effects() {
            match effect {
                Effect::Publish(name, snapshot) => {
                    assert!(self.directory.insert(name, snapshot).is_none(), "{name} twice");
                }
                Effect::Withdraw(name) => {
                    assert!(self.directory.remove(&name).is_some(), "{name} was not there");
                }
                Effect::Settle(job) => self.settled.push(job),
                Effect::Staged(job) => self.staged.push(job),
                Effect::Feed(message) => self.feed.push(message),
                Effect::Place(place) => self.place = place,
                Effect::Discard(_) => {}
            }
        }
        value
    }

    /// Begins a seal.
    fn begin(&mut self, request: &SealRequest, stages: Stages) -> Result<SealStep, StateError> {
        let order = SealOrder::of(request.clone(), self.place)?;
        self.step(|machine| machine.begin_seal(&order, stages))
    }

    /// Begins a seal that has to be computed.
    fn begin_task(&mut self, request: &SealRequest) -> SealTask {
        match self.begin(request, Stages::WaitedFor) {
            Ok(SealStep::Compute(task)) => task,
            step => panic!("{step:?}"),
        }
    }

    fn finish(&mut self, task: SealTask) -> Result<SealedShard, StateError> {
        let ticket = task.ticket();
        self.step(|machine| machine.finish_seal(ticket, computed(task)))
    }

    /// Seals at once, without waiting for writes.
    fn answer(&mut self, request: &SealRequest) -> Result<SealResponse, StateError> {
        match self.begin(request, Stages::WaitedFor)? {
            SealStep::Answer(answer) => Ok(answer),
            SealStep::Compute(task) => self.finish(task).map(SealResponse::Sealed),
            step => panic!("it has to wait: {step:?}"),
        }
    }

    /// Seals at once what the shard has.
    fn seal(&mut self, request: &SealRequest) -> Result<SealedShard, StateError> {
        match self.answer(request)? {
            SealResponse::Sealed(sealed) => Ok(sealed),
            SealResponse::Differs { digests, .. } => panic!("it differs: {digests:?}"),
        }
    }

    fn stage(&mut self, request: StageRequest) -> Result<(), StateError> {
        let writes = StagedWrites::of(request, self.place)?;
        self.step(|machine| machine.stage(writes))
    }

    fn commit(&mut self, job: JobId, hash: B256, number: u64) -> Result<(), StateError> {
        self.step(|machine| {
            machine.commit(CommitRequest { job, block_hash: hash, block_number: number })
        })
    }

    fn genesis(&mut self, plain: &Plain, hash: B256) -> Result<SealedShard, StateError> {
        self.genesis_of(plain.values(), hash)
    }

    fn genesis_of(&mut self, state: StateValues, hash: B256) -> Result<SealedShard, StateError> {
        let request = LoadGenesisRequest { block_hash: hash, block_number: 0, state };
        let task = match self.step(|machine| machine.begin_genesis(request))? {
            GenesisStep::Answer(answer) => return Ok(answer),
            GenesisStep::Compute(task) => task,
        };
        let sealed = self.step(|machine| machine.finish_genesis(task.run()))?;
        // Feeds begin with it.
        assert_eq!(self.feed.pop(), Some(self.machine.feed_start()));
        Ok(sealed)
    }

    /// Loads values under a number.
    fn load(&mut self, plain: &Plain, number: u64) -> Result<SnapshotId, StateError> {
        let request =
            LoadSnapshotRequest { number, contents: SnapshotContents::Values(plain.values()) };
        let task = self.step(|machine| machine.begin_load(request))?;
        self.step(|machine| machine.finish_load(number, task.run()))?;
        Ok(SnapshotId::Loaded(number))
    }

    fn find(&self, name: &SnapshotId) -> Result<Arc<Snapshot>, StateError> {
        match self.machine.find(name)? {
            Found::Ready(snapshot) => Ok(snapshot),
            Found::Awaited(_) => Err(StateError::UnknownSnapshot { snapshot: *name }),
        }
    }
}

fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

fn block(number: u8) -> SnapshotId {
    SnapshotId::Block(B256::repeat_byte(number))
}

/// A seal that brings all its values with it.
fn request(job: JobId, parent: SnapshotId, number: u64, writes: Writes) -> SealRequest {
    let (order, digest) = ordered(&writes, 1);
    SealRequest {
        job,
        parent,
        block_number: number,
        touch_rule: TouchRule::Clears,
        purpose: SealPurpose::Commit,
        order,
        digest,
        values: writes,
        roots_by_index: false,
    }
}

fn credit(amount: u64) -> Writes {
    let mut set = WriteSet::default();
    set.account_mut(Address::ZERO).add_credit(U256::from(amount));
    vec![(AccessIndex::new(1), Arc::new(set))]
}

/// A shard with a genesis and, on it, a chain of sealed jobs 1, 2, ...
fn chain(n_jobs: u64, limits: Limits) -> Driven {
    let mut driven = Driven::new(limits);
    driven.genesis(&Plain::random(&mut Rng::new(1)), hash(0)).unwrap();
    for sequence in 1..=n_jobs {
        let parent = if sequence == 1 { block(0) } else { SnapshotId::Job(job(sequence - 1)) };
        driven.seal(&request(job(sequence), parent, sequence, credit(sequence))).unwrap();
    }
    driven
}

fn hash(number: u8) -> B256 {
    B256::repeat_byte(number)
}

fn head(number: u8) -> Option<Head> {
    Some(Head { block_hash: hash(number), block_number: number.into() })
}
