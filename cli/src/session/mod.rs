//! Runs the blocks of inputs on a cluster, beside the oracle, and says what became of each.

mod block;
mod facts;
mod summary;
mod verdict;

pub use block::BlockReport;
pub use summary::Summary;

use crate::{
    config::RunConfig,
    failure::Failure,
    report::BlockStatus,
    serial::{Delay, DelayPaid, SerialEnd, SerialJob, SerialOracle, SerialRun},
    transport::{ClusterSpec, Loaded, Running},
};
use block::{Answer, BlockRun, not_run};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::ids::SnapshotId;
use facts::BlockFacts;
use inputs::{Input, InputBlock};
use proto::coordinator::{ExecuteBlockRequest, Mode};
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
    /// The Snapshot after it, if there is one.
    snapshot: Option<SnapshotId>,
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

    /// Runs all blocks of an input; `on_block` hears of each as it is done.
    ///
    /// # Errors
    /// If the cluster cannot start or take the input's state, if serial execution gives up, if
    /// `on_block` does, or if somebody interrupts. What is wrong with a block is in its report.
    pub fn run_input(
        &mut self,
        input: &Input,
        on_block: &mut dyn FnMut(&BlockReport) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let loaded = self.load(input)?;
        let mut oracle = self.oracle(input);
        let mut place = Place { parent: loaded.parent(), mode: loaded.mode() };
        let mut is_broken = false;
        for block in &input.blocks {
            if is_broken {
                on_block(&not_run(input, block))?;
                continue;
            }
            let ran = self.run_block(input, block, place, oracle.as_ref())?;
            on_block(&ran.report)?;
            if ran.report.line.status == BlockStatus::RefusedAsExpected {
                continue;
            }
            match ran.snapshot {
                Some(snapshot) => place.parent = snapshot,
                None => is_broken = true,
            }
            advance(oracle.as_mut(), ran.serial);
        }
        self.running()?.unload(loaded)
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
        let oracle = self.oracle(input);
        let place = Place { parent: loaded.parent(), mode: Mode::Verify };
        for _ in 0..n_times {
            let Some(block) = input.blocks.first() else { break };
            let ran = self.run_block(input, block, place, oracle.as_ref())?;
            on_block(&ran.report)?;
            if let Some(SnapshotId::Job(job)) = ran.snapshot {
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
        self.running_mut()?.load(&input.parent)
    }

    fn oracle(&self, input: &Input) -> Option<SerialOracle> {
        let delay = self.serial_delay.clone();
        self.run.oracle.then(|| SerialOracle::new(&input.parent, self.clock.clone(), delay))
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
            chain: &input.chain,
            block_rlp: &block.block_rlp,
            lineage: &block.lineage,
            ancestors: &block.ancestors,
        };
        let serially = || oracle.map(|oracle| oracle.run(job)).transpose();

        let mut serial = None;
        if serial_is_first {
            serial = serially()?;
        }
        let answer = self.execute(input, block, place)?;
        if !serial_is_first {
            serial = serially()?;
        }
        let facts = BlockFacts::of(&block.block_rlp);
        let run = BlockRun { input, block, facts, answer };
        let report = run.report(oracle.zip(serial.as_ref()));
        if report.line.status == BlockStatus::Failed {
            self.logs_kept = self.running_mut()?.keep_logs().or_else(|| self.logs_kept.take());
        }
        Ok(Ran { report, snapshot: run.snapshot(), serial })
    }

    /// Hands a block over and takes the time until its outcome.
    fn execute(&self, input: &Input, block: &InputBlock, place: Place) -> Result<Answer, Failure> {
        let request = ExecuteBlockRequest {
            block_rlp: block.block_rlp.clone(),
            chain: input.chain.clone(),
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

/// The oracle follows the cluster.
fn advance(oracle: Option<&mut SerialOracle>, serial: Option<SerialRun>) {
    if let (Some(oracle), Some(SerialRun { end: SerialEnd::Executed(outcome), .. })) =
        (oracle, serial)
    {
        oracle.advance(*outcome);
    }
}
