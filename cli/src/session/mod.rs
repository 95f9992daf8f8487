//! Runs the blocks of inputs on a sandbox, beside the oracle, and says what became of each.

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
    sandbox::{Loaded, Sandbox, SandboxSpec},
    serial::{Delay, DelayPaid, SerialEnd, SerialJob, SerialOracle, SerialRun},
};
use block::{Answer, BlockRun, not_run};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};
use engine::ids::SnapshotId;
use facts::BlockFacts;
use inputs::{Input, InputBlock};
use proto::coordinator::{ExecuteBlockRequest, Mode};

/// Runs inputs, one block after the other.
#[derive(Debug)]
pub struct Session {
    spec: SandboxSpec,
    run: RunConfig,
    clock: SharedClock,
    shutdown: ShutdownToken,
    sandbox: Option<Sandbox>,
    serial_delay: Delay,
    /// What clusters that were stopped since paid.
    delay_paid_before: DelayPaid,
    n_blocks: u64,
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
        spec: SandboxSpec,
        run: RunConfig,
        clock: SharedClock,
        shutdown: ShutdownToken,
    ) -> Self {
        let serial_delay = Delay::new(spec.state.read_delay, clock.clone());
        Self {
            spec,
            run,
            clock,
            shutdown,
            sandbox: None,
            serial_delay,
            delay_paid_before: DelayPaid::default(),
            n_blocks: 0,
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
        let mut cluster = self.delay_paid_before;
        if let Some(sandbox) = &self.sandbox {
            cluster += sandbox.delay_paid();
        }
        (cluster, self.serial_delay.paid())
    }

    /// Tells whether a fault was asked for and did nothing so far.
    pub fn has_idle_fault(&self) -> bool {
        self.spec.fault.as_ref().is_some_and(|fault| !fault.has_fired())
    }

    /// Stops the cluster.
    ///
    /// # Errors
    /// If it does not stop in an orderly way.
    pub fn finish(self) -> Result<(), Failure> {
        self.sandbox.map_or(Ok(()), Sandbox::stop)
    }

    /// Loads an input's state. A cluster holds one chain: for another genesis it starts again.
    fn load(&mut self, input: &Input) -> Result<Loaded, Failure> {
        self.check_interrupted(&input.name)?;
        if let Some(sandbox) = &self.sandbox
            && !sandbox.can_load(&input.parent)
            && let Some(before) = self.sandbox.take()
        {
            self.delay_paid_before += before.delay_paid();
            before.stop()?;
        }
        if self.sandbox.is_none() {
            self.sandbox = Some(Sandbox::start(&self.spec, &self.clock)?);
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
        Ok(Ran { report, snapshot: run.snapshot(), serial })
    }

    /// Hands a block over and takes the time until its outcome.
    fn execute(&self, input: &Input, block: &InputBlock, place: Place) -> Result<Answer, Failure> {
        let request = ExecuteBlockRequest {
            block_rlp: block.block_rlp.clone(),
            chain: input.chain.clone(),
            parent: place.parent,
            ancestors: block.ancestors.clone(),
            ommers: block.ommers,
            mode: place.mode,
            plan: self.run.plan.into(),
            slice_gas: self.run.slice_gas.map(std::num::NonZeroU64::get),
            seed: self.run.seed,
        };
        let sandbox = self.running()?;
        let cpu_before = sandbox.cpu_spent();
        let start = self.clock.now();
        let outcome = sandbox.execute(request, &self.shutdown);
        let wall = self.clock.now() - start;
        let cpu = sandbox.cpu_spent().since(&cpu_before);
        match outcome {
            Some(outcome) => Ok(Answer { outcome, wall, cpu }),
            None => Err(Failure::interrupted(at(input, block))),
        }
    }

    fn check_interrupted(&self, at: &str) -> Result<(), Failure> {
        if self.shutdown.is_cancelled() { Err(Failure::interrupted(at)) } else { Ok(()) }
    }

    fn running(&self) -> Result<&Sandbox, Failure> {
        self.sandbox.as_ref().ok_or_else(not_running)
    }

    fn running_mut(&mut self) -> Result<&mut Sandbox, Failure> {
        self.sandbox.as_mut().ok_or_else(not_running)
    }
}

fn not_running() -> Failure {
    Failure::cluster("the cluster does not run", "the cluster in this process", "run it again")
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
