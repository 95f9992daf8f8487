//! One execution of one block, as a state machine: events in, effects out.
//!
//! ```text
//! Planned ─▶ Preparing ─▶ Running ─▶ Sealing ─▶ Committing ─▶ Ended
//!                            ▲  │        │
//!                            └──┴────────┘ an invalid transaction or a header that differs is
//!                                          confirmed by a whole run on another worker
//! ```
//! It knows no clock, no channel and no task: what waits is an effect, and its end an event.
//! Events may come late, twice, or in any order; what does not belong to the present state is
//! counted and passed over.

mod building;
mod candidates;
mod counts;
mod event;
mod finish;
mod prepare;
mod rounds;
mod running;
mod sealing;
mod slices;
#[cfg(test)]
mod tests;
mod trust;

pub use building::{Building, BuiltBody};
pub use event::{Assembled, Dispatch, Effect, Event, JobReport, Phase, UnassembledReceipts};

use alloy_consensus::{Header, TxEnvelope};
use building::new_ledger;
use candidates::Candidates;
use counts::Counting;
use engine::{
    block::Ommers,
    header::{BlockResults, FieldComparison},
    ids::{BootId, ShardIndex, WorkerId},
    ledger::{Ledger, OverlaySync},
    shard::ShardCount,
    task::JobFrame,
};
use prepare::Preparing;
use proto::coordinator::{PlanSummary, PlanWish};
use rounds::Rounds;
use sealing::Sealing;
use slices::{Crew, OpenSlices};
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};
use trust::Trust;

/// Bounds and thresholds of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Rounds after which the rest becomes a tail.
    pub max_rounds: NonZeroU32,
    /// Slices of a round for each worker: how many it runs at once.
    pub slices_per_worker: NonZeroU32,
    /// Attempts of a slice that workers may refuse before the job fails.
    pub slice_refusals_max: NonZeroU32,
    /// Blocks of up to so many transactions have their senders recovered by the coordinator.
    pub local_recovery_len_max: usize,
    /// With `--plan auto`: predicted gas below which a block is one slice.
    pub auto_split_gas_min: u64,
}

/// What a block's header says. Nothing but the comparison at the end may look at it.
#[derive(Debug)]
pub struct Expected {
    header: Header,
    ommers: Ommers,
}

impl Expected {
    /// Sets a header apart.
    pub const fn new(header: Header, ommers: Ommers) -> Self {
        Self { header, ommers }
    }

    fn compare(&self, results: &BlockResults) -> Vec<FieldComparison> {
        engine::header::compare(results, &self.header, self.ommers)
    }
}

/// What a job is for.
#[derive(Debug)]
pub enum Goal {
    /// To compare a block with its header.
    Check(Box<Expected>),
    /// To build a block.
    Build(Building),
}

impl Goal {
    pub(super) const fn is_build(&self) -> bool {
        matches!(self, Self::Build(_))
    }

    const fn building(&mut self) -> Option<&mut Building> {
        match self {
            Self::Check(_) => None,
            Self::Build(building) => Some(building),
        }
    }

    /// Compares results with the header, every field; a block that is built has none yet.
    fn compare(&self, results: &BlockResults) -> Vec<FieldComparison> {
        match self {
            Self::Check(expected) => expected.compare(results),
            Self::Build(_) => Vec::new(),
        }
    }
}

/// What a job is made of.
#[derive(Debug)]
pub struct JobSetup {
    /// What is fixed for all slices.
    pub frame: Arc<JobFrame>,
    /// The block's transactions, or the candidates.
    pub transactions: Arc<[Arc<TxEnvelope>]>,
    /// What the job is for.
    pub goal: Goal,
    /// Whether the block is to be committed.
    pub commits: bool,
    /// State shards of the cluster.
    pub shards: ShardCount,
    /// How it is to be cut.
    pub plan: PlanWish,
    /// Gas of a slice at most.
    pub slice_gas: Option<u64>,
    /// Breaks ties.
    pub seed: u64,
    /// Bounds.
    pub limits: JobLimits,
    /// Workers, in the order in which the job should prefer them.
    pub workers: Vec<WorkerId>,
}

/// Where the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Planned,
    Preparing,
    Running,
    /// Waits until an earlier seal is dropped.
    Aborting,
    Sealing,
    /// Waits for senders recovered again, to know who was wrong.
    Blaming,
    Committing,
    Ended,
}

/// The machine.
#[derive(Debug)]
pub struct Job {
    setup: JobSetup,
    stage: Stage,
    crew: Crew,
    preparing: Preparing,
    ledger: Ledger,
    open: OpenSlices,
    sync: OverlaySync,
    rounds: Rounds,
    trust: Trust,
    sealing: Sealing,
    candidates: Candidates,
    counting: Counting,
    summary: PlanSummary,
    /// Boot ids of the shards that have answered.
    boots: BTreeMap<ShardIndex, BootId>,
    effects: Vec<Effect>,
}

impl Job {
    /// Makes a job that has not begun.
    pub fn new(setup: JobSetup) -> Self {
        let mut counting = Counting::new(setup.shards);
        counting.workers.extend(&setup.workers);
        Self {
            stage: Stage::Planned,
            crew: Crew::new(setup.workers.clone()),
            preparing: Preparing::new(setup.transactions.len()),
            ledger: new_ledger(&setup),
            open: OpenSlices::default(),
            sync: OverlaySync::default(),
            rounds: Rounds::default(),
            trust: Trust::default(),
            sealing: Sealing::default(),
            candidates: Candidates::default(),
            counting,
            summary: PlanSummary::default(),
            boots: BTreeMap::new(),
            effects: Vec::new(),
            setup,
        }
    }

    /// Takes an event in and returns what is to be done.
    pub fn on_event(&mut self, event: Event) -> Vec<Effect> {
        if self.stage == Stage::Ended {
            self.counting.n_late += 1;
            return Vec::new();
        }
        match event {
            Event::Started => self.start(),
            Event::Prepared { worker, part, senders, cpu_us } => {
                self.prepared(worker, part, senders, cpu_us);
            }
            Event::PrepareFailed { worker, part, status } => {
                self.prepare_failed(worker, part, &status);
            }
            Event::Recovered { senders } => self.recovered(senders),
            Event::SliceAnswered { worker, outcome } => self.slice_answered(worker, *outcome),
            Event::SliceFailed { worker, dispatch, status } => {
                self.slice_failed(worker, dispatch, &status);
            }
            Event::WorkerLost(worker) => self.worker_lost(worker),
            Event::WorkerLeaving(worker) => self.crew.lose(worker),
            Event::WorkerJoined(worker) => self.worker_joined(worker),
            Event::SnapshotRead { shard, boot, answers } => {
                self.snapshot_read((shard, boot), &answers);
            }
            Event::Assembled(assembled) => self.assembled(assembled),
            Event::Sealed { boots, n_repeated, state_root, tx_roots } => {
                self.sealed(&boots, n_repeated, (state_root, tx_roots));
            }
            Event::Aborted => self.aborted(),
            Event::Committed => self.committed(),
            Event::StateFailed(status) => self.state_failed(&status),
            Event::CannotGoOn(reason) => self.fail(reason),
            Event::Deadline => self.deadline(),
        }
        std::mem::take(&mut self.effects)
    }

    /// Returns where the job is.
    pub const fn phase(&self) -> Phase {
        match self.stage {
            Stage::Planned => Phase::Planned,
            Stage::Preparing => Phase::Preparing,
            Stage::Running => Phase::Running,
            Stage::Aborting | Stage::Sealing | Stage::Blaming => Phase::Sealing,
            Stage::Committing => Phase::Committing,
            Stage::Ended => Phase::Ended,
        }
    }

    /// Returns how many answers and outcomes came late, twice or from workers that are not
    /// believed any more.
    pub const fn n_late(&self) -> u64 {
        self.counting.n_late
    }

    fn worker_joined(&mut self, worker: WorkerId) {
        self.crew.join(worker);
        self.counting.workers.insert(worker);
        match self.stage {
            Stage::Preparing => self.assign_parts(),
            Stage::Running => self.assign(),
            _ => {}
        }
    }

    fn worker_lost(&mut self, worker: WorkerId) {
        self.crew.lose(worker);
        // Whoever comes back under its id has nothing of what it was sent.
        self.sync.distrust(worker);
        match self.stage {
            Stage::Preparing => self.part_lost(worker),
            Stage::Running => self.slices_lost(worker),
            _ => {}
        }
    }

    /// Notes a shard's boot id; false if the shard restarted and the job has to start again.
    fn same_boot(&mut self, shard: ShardIndex, boot: BootId) -> bool {
        let first = *self.boots.entry(shard).or_insert(boot);
        if first != boot {
            let reason = format!("state shard {shard} restarted: boot id {first} became {boot}");
            self.start_again(reason);
        }
        first == boot
    }
}
