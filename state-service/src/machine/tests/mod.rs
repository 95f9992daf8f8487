//! The machine, driven without threads: every task is run where it is handed out, or later.

mod history;
mod model;
mod rules;

use super::{Effect, Found, GenesisStep, Machine, SealStep};
use crate::{
    config::Limits,
    error::StateError,
    snapshot::Snapshot,
    tests::plain::{Plain, Writes},
};
use alloy_primitives::B256;
use engine::{
    account::TouchRule,
    ids::{BootId, JobId, SnapshotId, Term},
};
use proto::state::{CommitRequest, LoadGenesisRequest, SealRequest, SealResponse};
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
