//! Runs the blocks of inputs on a cluster, beside the oracle, and says what became of each.

mod block;
mod chain;
mod end;
mod facts;
mod rebuild;
mod summary;
mod verdict;

pub use block::BlockReport;
pub use end::InputEnd;
pub use summary::Summary;

use crate::{
    config::RunConfig,
    failure::Failure,
    report::{BlockStatus, Difference},
    serial::{Delay, DelayPaid, SerialEnd, SerialJob, SerialOracle, SerialRun},
    transport::{ClusterSpec, Loaded, Running},
};
use alloy_primitives::B256;
use block::{Answer, BlockRun, not_run};
use chain::{Chain, NewBlock};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::ids::SnapshotId;
use facts::BlockFacts;
use inputs::{Input, InputBlock, ParentState};
use proto::coordinator::{ClusterStatus, ExecuteBlockRequest, Mode};
use std::path::{Path, PathBuf};

/// Runs inputs, one block after the other.
#[derive(Debug)]
pub struct Session {
    spec: ClusterSpec,
    run: RunConfig,
    clock: SharedClock,
    shutdown: ShutdownToken,
    cluster: Option<Running>,
    serial_delay: Delay,
    /// What clusters that were stopped since paid.
    delay_paid_before: DelayPaid,
    n_blocks: u64,
    /// Where the processes' logs of a block that they could not finish are.
    logs_kept: Option<PathBuf>,
}

/// Where a block is executed.
#[derive(Clone, Copy)]
struct Place {
    parent: SnapshotId,
    mode: Mode,
}

/// A block that was executed, by the cluster and by the oracle.
struct Ran {
    report: BlockReport,
    /// The block for others to build on, if it was taken.
    taken: Option<NewBlock>,
    serial: Option<SerialRun>,
}

impl Session {
    /// Makes a session; its cluster starts with the first input.
    pub fn new(
        spec: impl Into<ClusterSpec>,
        run: RunConfig,
        clock: SharedClock,
        shutdown: ShutdownToken,
    ) -> Self {
        let spec = spec.into();
        let serial_delay = Delay::new(spec.state_delay(), clock.clone());
        Self {
            spec,
            run,
            clock,
            shutdown,
            cluster: None,
            serial_delay,
            delay_paid_before: DelayPaid::default(),
            n_blocks: 0,
            logs_kept: None,
        }
    }

    /// Runs all blocks of an input, each on its own parent; `on_block` hears of each as it is done.
    /// A block whose parent was not taken is not executed. Returns what became of the input as a whole.
    ///
    /// # Errors
    /// If the cluster cannot start or take the input's state, if serial execution gives up, if
    /// `on_block` does, or if somebody interrupts. What is wrong with a block is in its report.
    pub fn run_input(
        &mut self,
        input: &Input,
        on_block: &mut dyn FnMut(&BlockReport) -> Result<(), Failure>,
    ) -> Result<InputEnd, Failure> {
        let loaded = self.load(input)?;
        let mut oracle = self.oracle(input)?;
        let root = end::root_below(input, &loaded)?;
        let mut chain = Chain::new(below_first(input), loaded.parent(), root);
        let mut is_invalid = false;
        for block in &input.blocks {
            let Some(parent) = parent_of(&chain, block) else {
                on_block(&not_run(input, block))?;
                continue;
            };
            let place = Place { parent, mode: loaded.mode() };
            let mut ran = self.run_block(input, block, place, oracle.as_ref())?;
            if self.run.rebuild && ran.report.line.status == BlockStatus::Equal {
                self.rebuild(input, block, place, &mut ran.report)?;
            }
            is_invalid |= ran.report.line.status == BlockStatus::Invalid;
            if let Some(taken) = ran.taken {
                self.take(&mut chain, taken, loaded.mode())?;
                advance(oracle.as_mut(), taken, ran.serial.take());
            }
            on_block(&ran.report)?;
        }
        let end = if is_invalid {
            InputEnd::not_comparable(input)
        } else {
            self.end_of(input, &chain, loaded.mode())?
        };
        self.running()?.unload(loaded)?;
        Ok(end)
    }

    /// Notes a block that was taken, and moves the cluster's head if another one counts now.
    fn take(&self, chain: &mut Chain, taken: NewBlock, mode: Mode) -> Result<(), Failure> {
        match (chain.take(taken), mode) {
            (Some(head), Mode::VerifyAndCommit) => self.running()?.set_head(head).map(drop),
            (Some(_), Mode::Verify) | (None, _) => Ok(()),
        }
    }

    /// Runs the first block of an input several times, each time on the same state, and commits
    /// nothing. `on_block` hears of every time.
    ///
    /// # Errors
    /// As [`Self::run_input`].
    pub fn repeat(
        &mut self,
        input: &Input,
        n_times: u32,
        on_block: &mut dyn FnMut(&BlockReport) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let loaded = self.load(input)?;
        let oracle = self.oracle(input)?;
        let place = Place { parent: loaded.parent(), mode: Mode::Verify };
        for _ in 0..n_times {
            let Some(block) = input.blocks.first() else { break };
            let ran = self.run_block(input, block, place, oracle.as_ref())?;
            on_block(&ran.report)?;
            if let Some(SnapshotId::Job(job)) = ran.taken.map(|taken| taken.snapshot) {
                self.running()?.drop_job(job)?;
            }
        }
        self.running()?.unload(loaded)
    }

    /// Returns what the cluster's and what serial execution's delayed answers really paid.
    pub fn delays_paid(&self) -> (DelayPaid, DelayPaid) {
        let mut paid = self.delay_paid_before;
        if let Some(cluster) = &self.cluster {
            paid += cluster.delay_paid();
        }
        (paid, self.serial_delay.paid())
    }

    /// Tells whether a fault was asked for and did nothing so far.
    pub fn has_idle_fault(&self) -> bool {
        self.spec.fault().is_some_and(|fault| !fault.has_fired())
    }

    /// Returns the folder of logs that were kept because the cluster could not finish a block.
    pub fn logs_kept(&self) -> Option<&Path> {
        self.logs_kept.as_deref()
    }

    /// Stops the cluster.
    ///
    /// # Errors
    /// If it does not stop in an orderly way.
    pub fn finish(self) -> Result<(), Failure> {
        self.cluster.map_or(Ok(()), Running::stop)
    }

    /// Loads an input's state. A cluster holds one chain: for another genesis it starts again.
    fn load(&mut self, input: &Input) -> Result<Loaded, Failure> {
        self.check_interrupted(&input.name)?;
        if let Some(cluster) = &self.cluster
            && !cluster.can_load(&input.parent)
            && let Some(before) = self.cluster.take()
        {
            self.delay_paid_before += before.delay_paid();
            before.stop()?;
        }
        if self.cluster.is_none() {
            self.cluster = Some(Running::start(&self.spec, &self.clock)?);
        }
        let loaded = self.running_mut()?.load(&input.parent);
        loaded.map_err(|failure| {
            let at = format!("{}, loaded into {}", input.name, failure.at);
            Failure { at, ..failure }
        })
    }

    fn oracle(&self, input: &Input) -> Result<Option<SerialOracle>, Failure> {
        let (clock, delay) = (self.clock.clone(), self.serial_delay.clone());
        let oracle = || SerialOracle::new(&input.parent, below_first(input), clock, delay);
        self.run.oracle.then(oracle).transpose()
    }

    /// Runs a block on the cluster and serially, in turns first.
    fn run_block(
        &mut self,
        input: &Input,
        block: &InputBlock,
        place: Place,
        oracle: Option<&SerialOracle>,
    ) -> Result<Ran, Failure> {
        self.check_interrupted(&at(input, block))?;
        let serial_is_first = self.n_blocks.is_multiple_of(2);
        self.n_blocks += 1;
        let job = SerialJob {
            chain: input.chain_of(block),
            block_rlp: &block.block_rlp,
            parent: block.parent_hash,
            lineage: &block.lineage,
            ancestors: &block.ancestors,
        };
        let serially = || oracle.map_or(Ok(None), |oracle| oracle.run(job));

        let mut serial = None;
        if serial_is_first {
            serial = serially()?;
        }
        let before = self.head_if_refused(block, place)?;
        let answer = self.execute(input, block, place)?;
        let moved = self.moved(before)?;
        if !serial_is_first {
            serial = serially()?;
        }
        let facts = BlockFacts::of(&block.block_rlp);
        let run = BlockRun { input, block, facts, answer };
        let mut report = run.report(oracle.zip(serial.as_ref()));
        if let Some(moved) = moved.filter(|_| run.taken().is_none()) {
            report.line.status = BlockStatus::Different;
            report.line.first_difference = Some(moved);
        }
        if report.line.status == BlockStatus::Failed {
            self.logs_kept = self.running_mut()?.keep_logs().or_else(|| self.logs_kept.take());
        }
        Ok(Ran { report, taken: run.taken(), serial })
    }

    /// Returns the head before a block that is there to be refused: refusing it changes nothing.
    fn head_if_refused(
        &self,
        block: &InputBlock,
        place: Place,
    ) -> Result<Option<ClusterStatus>, Failure> {
        let is_looked_at = block.expects_invalid.is_some() && place.mode == Mode::VerifyAndCommit;
        is_looked_at.then(|| self.running()?.status()).transpose()
    }

    /// Returns what became of the head since then, if it is another one or has another state root.
    fn moved(&self, before: Option<ClusterStatus>) -> Result<Option<Difference>, Failure> {
        let Some(before) = before else { return Ok(None) };
        let after = self.running()?.status()?;
        let text = |status: &ClusterStatus| {
            let hash = status.head.map(|head| head.block_hash);
            format!("{} with state root {}", or_none(hash), or_none(status.head_state_root))
        };
        let (cluster, expected) = (text(&after), text(&before));
        Ok((cluster != expected).then(|| Difference {
            transaction: None,
            field: "head".to_owned(),
            cluster: Some(cluster),
            expected: Some(expected),
            against: "header",
        }))
    }

    /// Hands a block over and takes the time until its outcome.
    fn execute(&self, input: &Input, block: &InputBlock, place: Place) -> Result<Answer, Failure> {
        let request = ExecuteBlockRequest {
            block_rlp: block.block_rlp.clone(),
            chain: input.chain_of(block).clone(),
            parent: place.parent,
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            ommers: block.ommers,
            mode: place.mode,
            plan: self.run.plan.into(),
            slice_gas: self.run.slice_gas.map(std::num::NonZeroU64::get),
            seed: self.run.seed,
        };
        let cluster = self.running()?;
        let before = cluster.spent();
        let start = self.clock.now();
        let outcome = cluster.execute(request, &self.shutdown);
        let wall = self.clock.now() - start;
        let spent = (before, cluster.spent());
        match outcome {
            Some(outcome) => Ok(Answer { outcome, wall, spent }),
            None => Err(Failure::interrupted(at(input, block))),
        }
    }

    fn check_interrupted(&self, at: &str) -> Result<(), Failure> {
        if self.shutdown.is_cancelled() { Err(Failure::interrupted(at)) } else { Ok(()) }
    }

    fn running(&self) -> Result<&Running, Failure> {
        self.cluster.as_ref().ok_or_else(not_running)
    }

    fn running_mut(&mut self) -> Result<&mut Running, Failure> {
        self.cluster.as_mut().ok_or_else(not_running)
    }
}

fn not_running() -> Failure {
    Failure::cluster("the cluster does not run", "the session", "run it again")
}

fn at(input: &Input, block: &InputBlock) -> String {
    format!("{}, block {}", input.name, block.number)
}

/// Returns the block that an input's first one stands on.
fn below_first(input: &Input) -> B256 {
    match &input.parent {
        ParentState::Genesis { block_hash, .. } => *block_hash,
        ParentState::Values(_) | ParentState::Witness(_) => {
            input.blocks.first().map_or(B256::ZERO, |block| block.parent_hash)
        }
    }
}

/// Returns the state below a block; nothing if its parent was not taken. What is no block at all has no
/// parent: the cluster is to say so itself.
fn parent_of(chain: &Chain, block: &InputBlock) -> Option<SnapshotId> {
    let parent = if block.parent_hash.is_zero() { chain.head() } else { block.parent_hash };
    chain.get(&parent).map(|taken| taken.snapshot)
}

fn or_none(hash: Option<B256>) -> String {
    hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
}

/// The oracle follows the cluster.
fn advance(oracle: Option<&mut SerialOracle>, block: NewBlock, serial: Option<SerialRun>) {
    if let (Some(oracle), Some(SerialRun { end: SerialEnd::Executed(outcome), .. })) =
        (oracle, serial)
    {
        oracle.advance(block.parent, block.hash, *outcome);
    }
}
