//! The machine, driven without threads: every task is run where it is handed out, or later.

mod bounds;
mod history;
mod loads;
mod model;
mod rules;

use super::{Effect, Found, GenesisStep, Machine, SealStep};
use crate::{
    config::Limits,
    error::StateError,
    snapshot::Snapshot,
    tests::{
        plain::{Plain, Writes},
        rng::Rng,
    },
};
use alloy_primitives::{Address, B256, U256};
use engine::{
    access::WriteSet,
    account::TouchRule,
    ids::{AccessIndex, BootId, JobId, SnapshotId, Term},
};
use proto::state::{CommitRequest, Head, LoadGenesisRequest, SealRequest, SealResponse};
use std::{collections::BTreeMap, sync::Arc};

/// A machine, and what its effects made of the world outside.
#[derive(Debug)]
struct Driven {
    machine: Machine,
    /// What reads find.
    directory: BTreeMap<SnapshotId, Arc<Snapshot>>,
    /// Jobs that were settled since somebody looked.
    settled: Vec<JobId>,
}

impl Driven {
    fn new(limits: Limits) -> Self {
        let machine = Machine::new(BootId::new(7), limits);
        Self { machine, directory: BTreeMap::new(), settled: Vec::new() }
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
                Effect::Discard(_) => {}
            }
        }
        value
    }

    /// Seals at once.
    fn seal(&mut self, request: &SealRequest) -> Result<SealResponse, StateError> {
        match self.step(|machine| machine.begin_seal(&Arc::new(request.clone())))? {
            SealStep::Answer(answer) => Ok(answer),
            SealStep::Compute(task) => {
                let ticket = task.ticket();
                self.step(|machine| machine.finish_seal(ticket, Ok(task.run())))
            }
            SealStep::Wait(job) => panic!("{job} is under way"),
        }
    }

    fn commit(&mut self, job: JobId, hash: B256, number: u64) -> Result<(), StateError> {
        self.step(|machine| {
            machine.commit(CommitRequest { job, block_hash: hash, block_number: number })
        })
    }

    fn genesis(&mut self, plain: &Plain, hash: B256) -> Result<SealResponse, StateError> {
        let state = plain.values();
        let request = LoadGenesisRequest { block_hash: hash, block_number: 0, state };
        match self.step(|machine| machine.begin_genesis(request))? {
            GenesisStep::Answer(answer) => Ok(answer),
            GenesisStep::Compute(task) => self.step(|machine| machine.finish_genesis(task.run())),
        }
    }

    fn load(&mut self, plain: &Plain) -> Result<SnapshotId, StateError> {
        let task = self.step(|machine| machine.begin_load(plain.values()))?;
        self.step(|machine| machine.finish_load(task.run()))
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

fn request(job: JobId, parent: SnapshotId, number: u64, writes: Writes) -> SealRequest {
    SealRequest { job, parent, block_number: number, touch_rule: TouchRule::Clears, writes }
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
