//! The oracle beside the cluster: serial revm doing the same job from the same bytes, on one
//! thread, with its own memory, timed in the same way.

mod database;
mod delay;
mod states;

pub use delay::{Delay, DelayPaid};

use crate::failure::Failure;
use alloy_primitives::B256;
use cluster::clock::SharedClock;
use database::{Below, DelayedDatabase, NotingDatabase};
use engine::{
    access::WriteSet,
    block::AncestorHashes,
    chain::ChainSpec,
    fold::StateDiff,
    header::has_state_roots,
    ids::AccessIndex,
    lineage::Lineage,
    sequential::{
        self, Execution, InvalidBlock, Prepared, Record, SequentialOutcome, SerialState,
        StateError, Stop,
    },
    trie::{Missing, StateTrie},
};
use inputs::ParentState;
use revm::Database;
use states::{StateBelow, States};
use std::{sync::Arc, time::Duration};
use worker::cpu_time::CpuTime;

/// A block as serial execution gets it.
#[derive(Clone, Copy, Debug)]
pub struct SerialJob<'a> {
    /// Rules of its chain.
    pub chain: &'a ChainSpec,
    /// The raw block.
    pub block_rlp: &'a [u8],
    /// Hash of its parent.
    pub parent: B256,
    /// The blocks before it, as far as they are known.
    pub lineage: &'a Lineage,
    /// What BLOCKHASH answers.
    pub ancestors: &'a AncestorHashes,
}

/// What came of a serial execution.
#[derive(Debug)]
pub struct SerialRun {
    /// How it ended.
    pub end: SerialEnd,
    /// From the raw bytes to the state root.
    pub wall: Duration,
    /// Execution alone.
    pub execute: Duration,
    /// CPU time of all of it.
    pub cpu: Duration,
    /// What it read, where the state below is not kept by plain key.
    pub(crate) read: Option<SerialState>,
}

/// How a serial execution ended.
#[derive(Debug)]
pub enum SerialEnd {
    /// The block was executed.
    Executed(Box<SerialOutcome>),
    /// The block is invalid.
    Invalid(InvalidBlock),
    /// The state below could not answer, as a witness without a node: this says nothing of the block.
    CannotAnswer(StateError),
}

/// What a block produced when executed serially.
#[derive(Debug)]
pub struct SerialOutcome {
    /// Receipts, header fields, final values.
    pub outcome: SequentialOutcome,
    /// State root; nothing where the state is only a part of one.
    pub state_root: Option<B256>,
    /// The state after the block, where it has a root.
    trie: Option<StateTrie>,
}

/// States in memory, and serial execution on them.
#[derive(Debug)]
pub struct SerialOracle {
    states: States,
    clock: SharedClock,
    delay: Delay,
}

impl SerialOracle {
    /// Starts from the state below an input's first block; `block` is what that state is after.
    ///
    /// # Errors
    /// If a witness is none of any state.
    pub fn new(
        parent: &ParentState,
        block: B256,
        clock: SharedClock,
        delay: Delay,
    ) -> Result<Self, Failure> {
        let states = States::new(parent, block).map_err(|error| {
            let try_next = "check where the witness comes from";
            Failure::unreadable(error, "the state below the first block", try_next)
        })?;
        Ok(Self { states, clock, delay })
    }

    /// Returns the state below a block by plain key, as far as it is kept so, or else as far as `run`
    /// read it.
    pub fn state<'a>(&'a self, job: SerialJob<'_>, run: &'a SerialRun) -> Option<&'a SerialState> {
        run.read.as_ref().or_else(|| self.states.after(&job.parent)?.flat)
    }

    /// Returns what delayed answers cost so far.
    pub const fn delay(&self) -> &Delay {
        &self.delay
    }

    /// Executes a block, and leaves the states as they are; nothing if the state below it is not here.
    ///
    /// # Errors
    /// If revm gives up: that says nothing of the block.
    pub fn run(&self, job: SerialJob<'_>) -> Result<Option<SerialRun>, Failure> {
        let Some(below) = self.states.after(&job.parent) else { return Ok(None) };
        let cpu_before = CpuTime::Thread.of_this_thread();
        let start = self.clock.now();
        let mut notes = Notes::default();
        let end = match self.run_timed(job, below, &mut notes) {
            Ok(outcome) => SerialEnd::Executed(Box::new(outcome)),
            Err(Stop::Invalid(invalid)) => SerialEnd::Invalid(invalid),
            Err(Stop::State(error)) => SerialEnd::CannotAnswer(error),
            Err(stop @ (Stop::Fault { .. } | Stop::Lineage(_))) => return Err(gave_up(&stop)),
        };
        let wall = self.clock.now() - start;
        let cpu = CpuTime::Thread.of_this_thread() - cpu_before;
        let read = below.flat.is_none().then(|| {
            let mut part = SerialState::default();
            part.apply(&notes.read);
            part
        });
        Ok(Some(SerialRun { end, wall, execute: notes.execute, cpu, read }))
    }

    /// Executes a block again, untimed and without delay, to learn what each index wrote.
    pub fn record(&self, job: SerialJob<'_>) -> Option<Vec<(AccessIndex, Arc<WriteSet>)>> {
        let prepared = sequential::prepare(job.chain, job.block_rlp, job.lineage).ok()?;
        let (chain, ancestors) = (job.chain, job.ancestors);
        let state = self.states.after(&job.parent)?.database();
        let execution =
            sequential::execute(chain, &prepared, ancestors, state, Record::Writes).ok()?;
        sequential::finish(chain, &prepared, execution, None).ok()?.writes
    }

    /// Keeps the state after a block, for its children.
    pub fn advance(&mut self, parent: B256, block: B256, outcome: SerialOutcome) {
        let SerialOutcome { outcome, trie, .. } = outcome;
        self.states.add((parent, block), &outcome.post, trie);
    }

    fn run_timed(
        &self,
        job: SerialJob<'_>,
        below: StateBelow<'_>,
        notes: &mut Notes,
    ) -> Result<SerialOutcome, Stop<StateError>> {
        let prepared = sequential::prepare(job.chain, job.block_rlp, job.lineage)?;
        let before = self.clock.now();
        let execution = self.execute((job, &prepared), below, &mut notes.read);
        notes.execute = self.clock.now() - before;
        let execution = execution?;
        let roots = if wants_roots(job, &prepared, below) {
            execution.roots(below.trie.clone()).map_err(missing_node)?
        } else {
            None
        };
        let outcome = sequential::finish(job.chain, &prepared, execution, roots.as_deref())?;
        if !below.has_root {
            return Ok(SerialOutcome { outcome, state_root: None, trie: None });
        }
        let mut trie = below.trie.clone();
        trie.apply(&outcome.post).map_err(missing_node)?;
        let state_root = Some(trie.root().map_err(missing_node)?);
        Ok(SerialOutcome { outcome, state_root, trie: Some(trie) })
    }

    fn execute(
        &self,
        (job, prepared): (SerialJob<'_>, &Prepared),
        below: StateBelow<'_>,
        read: &mut StateDiff,
    ) -> Result<Execution, Stop<StateError>> {
        let wants_steps = wants_roots(job, prepared, below);
        let record = if wants_steps { Record::Steps } else { Record::Nothing };
        let run = Run { job, prepared, record };
        match (below.database(), self.delay.is_none()) {
            (Below::Flat(state), true) => run.on(state),
            (Below::Flat(state), false) => run.on(DelayedDatabase::new(state, &self.delay)),
            (Below::Trie(state), true) => run.on(NotingDatabase::new(state, read)),
            (Below::Trie(state), false) => {
                run.on(DelayedDatabase::new(NotingDatabase::new(state, read), &self.delay))
            }
        }
    }
}

/// A block, ready to be executed on any state.
#[derive(Clone, Copy)]
struct Run<'a> {
    job: SerialJob<'a>,
    prepared: &'a Prepared,
    record: Record,
}

impl Run<'_> {
    fn on<S: Database<Error = StateError>>(self, state: S) -> Result<Execution, Stop<StateError>> {
        let Self { job, prepared, record } = self;
        sequential::execute(job.chain, prepared, job.ancestors, state, record)
    }
}

/// What is noted of a run while it runs.
#[derive(Debug, Default)]
struct Notes {
    /// Time of execution alone.
    execute: Duration,
    /// What was read, if it is noted.
    read: StateDiff,
}

/// Tells whether the receipts hold state roots, and the state has them.
fn wants_roots(job: SerialJob<'_>, prepared: &Prepared, below: StateBelow<'_>) -> bool {
    below.has_root && has_state_roots(job.chain, prepared.block.header.number)
}

const fn missing_node(missing: Missing) -> Stop<StateError> {
    Stop::State(StateError::MissingNode(missing))
}

fn gave_up(stop: &Stop<StateError>) -> Failure {
    let try_next = "report this, with the block";
    Failure::oracle(stop, "serial execution", try_next)
}
