//! The oracle beside the cluster: serial revm doing the same job from the same bytes, on one
//! thread, with its own memory, timed in the same way.

mod database;
mod delay;

pub use delay::{Delay, DelayPaid};

use crate::failure::Failure;
use alloy_primitives::B256;
use cluster::clock::SharedClock;
use database::DelayedDatabase;
use engine::{
    access::WriteSet,
    block::AncestorHashes,
    chain::ChainSpec,
    header::has_state_roots,
    ids::AccessIndex,
    lineage::Lineage,
    sequential::{
        self, InvalidBlock, Prepared, Record, SequentialOutcome, SerialState, StateError, Stop,
    },
    trie::{Missing, StateTrie},
};
use inputs::{ParentState, StateValues};
use std::{sync::Arc, time::Duration};
use worker::cpu_time::CpuTime;

/// A block as serial execution gets it.
#[derive(Clone, Copy, Debug)]
pub struct SerialJob<'a> {
    /// Rules of its chain.
    pub chain: &'a ChainSpec,
    /// The raw block.
    pub block_rlp: &'a [u8],
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
}

/// How a serial execution ended.
#[derive(Debug)]
pub enum SerialEnd {
    /// The block was executed.
    Executed(Box<SerialOutcome>),
    /// The block is invalid.
    Invalid(InvalidBlock),
}

/// What a block produced when executed serially.
#[derive(Debug)]
pub struct SerialOutcome {
    /// Receipts, header fields, final values.
    pub outcome: SequentialOutcome,
    /// State root; nothing where the state is only a part of one.
    pub state_root: Option<B256>,
    trie: Option<StateTrie>,
}

/// A state in memory, and serial execution on it.
#[derive(Debug)]
pub struct SerialOracle {
    state: SerialState,
    /// The same as a trie, if this is a whole state.
    trie: Option<StateTrie>,
    clock: SharedClock,
    delay: Delay,
}

impl SerialOracle {
    /// Starts from the state below an input's first block.
    pub fn new(parent: &ParentState, clock: SharedClock, delay: Delay) -> Self {
        let nothing = Arc::<StateValues>::default();
        let values = parent.values().unwrap_or(&nothing);
        let trie = matches!(parent, ParentState::Genesis { .. }).then(|| {
            let trie = values.to_trie();
            // Hashes are kept: without them the first block would pay for the whole state.
            trie.hash();
            trie
        });
        Self { state: values.to_serial_state(), trie, clock, delay }
    }

    /// Returns the state below the next block.
    pub const fn state(&self) -> &SerialState {
        &self.state
    }

    /// Returns what delayed answers cost so far.
    pub const fn delay(&self) -> &Delay {
        &self.delay
    }

    /// Executes a block, and leaves the state as it is.
    ///
    /// # Errors
    /// If the state cannot answer, or revm gives up: that says nothing of the block.
    pub fn run(&self, job: SerialJob<'_>) -> Result<SerialRun, Failure> {
        let cpu_before = CpuTime::Thread.of_this_thread();
        let start = self.clock.now();
        let mut execute = Duration::ZERO;
        let end = match self.run_timed(job, &mut execute) {
            Ok(outcome) => SerialEnd::Executed(Box::new(outcome)),
            Err(Stop::Invalid(invalid)) => SerialEnd::Invalid(invalid),
            Err(stop) => return Err(gave_up(&stop)),
        };
        let wall = self.clock.now() - start;
        let cpu = CpuTime::Thread.of_this_thread() - cpu_before;
        Ok(SerialRun { end, wall, execute, cpu })
    }

    /// Executes a block again, untimed and without delay, to learn what each index wrote.
    pub fn record(&self, job: SerialJob<'_>) -> Option<Vec<(AccessIndex, Arc<WriteSet>)>> {
        let prepared = sequential::prepare(job.chain, job.block_rlp, job.lineage).ok()?;
        let (chain, ancestors) = (job.chain, job.ancestors);
        let state = &self.state;
        let execution =
            sequential::execute(chain, &prepared, ancestors, state, Record::Writes).ok()?;
        sequential::finish(chain, &prepared, execution, None).ok()?.writes
    }

    /// Goes on to the state after a block.
    pub fn advance(&mut self, outcome: SerialOutcome) {
        self.state.apply(&outcome.outcome.post);
        self.trie = outcome.trie;
    }

    fn run_timed(
        &self,
        job: SerialJob<'_>,
        execute: &mut Duration,
    ) -> Result<SerialOutcome, Stop<StateError>> {
        let prepared = sequential::prepare(job.chain, job.block_rlp, job.lineage)?;
        let before = self.clock.now();
        let execution = self.execute(job, &prepared);
        *execute = self.clock.now() - before;
        let execution = execution?;
        let roots = match self.trie.as_ref().filter(|_| has_roots(job, &prepared)) {
            Some(trie) => execution.roots(trie.clone()).map_err(missing_node)?,
            None => None,
        };
        let outcome = sequential::finish(job.chain, &prepared, execution, roots.as_deref())?;
        let mut trie = self.trie.clone();
        let mut state_root = None;
        if let Some(trie) = &mut trie {
            trie.apply(&outcome.post).map_err(missing_node)?;
            state_root = Some(trie.root().map_err(missing_node)?);
        }
        Ok(SerialOutcome { outcome, state_root, trie })
    }

    fn execute(
        &self,
        job: SerialJob<'_>,
        prepared: &Prepared,
    ) -> Result<sequential::Execution, Stop<StateError>> {
        let (chain, ancestors) = (job.chain, job.ancestors);
        let wants_steps = self.trie.is_some() && has_roots(job, prepared);
        let record = if wants_steps { Record::Steps } else { Record::Nothing };
        if self.delay.is_none() {
            return sequential::execute(chain, prepared, ancestors, &self.state, record);
        }
        let state = DelayedDatabase::new(&self.state, &self.delay);
        sequential::execute(chain, prepared, ancestors, state, record)
    }
}

fn has_roots(job: SerialJob<'_>, prepared: &Prepared) -> bool {
    has_state_roots(job.chain, prepared.block.header.number)
}

fn missing_node(missing: Missing) -> Stop<StateError> {
    Stop::State(StateError::MissingNode(missing))
}

fn gave_up(stop: &Stop<StateError>) -> Failure {
    let try_next = "check that the input holds every value that its blocks read";
    Failure::oracle(stop, "serial execution", try_next)
}
