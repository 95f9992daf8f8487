//! The report `evmesh.bench/1`. Keys are added, never renamed or removed.

use crate::{machine::MachineDescription, stats::Spread};
use serde::Serialize;

/// Name and number of the format.
pub(crate) const BENCH_SCHEMA: &str = "evmesh.bench/1";

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Name and number of this format.
    pub(crate) schema: &'static str,
    /// Commit that was measured, if it was built in a repository.
    pub(crate) commit: Option<&'static str>,
    /// When, in UTC.
    pub(crate) date: String,
    /// Where.
    pub(crate) machine: MachineDescription,
    /// What.
    pub(crate) rows: Vec<Row>,
    /// What was to be reached; there are no goals yet.
    pub(crate) goals: [(); 0],
}

/// Which part of the work a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// From the raw bytes to the outcome: decode, senders, execution, receipts, roots.
    WholeJob,
    /// From the first dispatch to the last answer; of serial, execution alone.
    Execution,
}

impl Scope {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WholeJob => "whole_job",
            Self::Execution => "execution",
        }
    }
}

/// One case on one cluster.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Case, transport unless it is in process, workers and scope.
    pub(crate) id: String,
    /// What kind of blocks these are.
    pub(crate) workload: &'static str,
    /// Their sizes.
    pub(crate) params: String,
    /// Number of workers.
    pub(crate) workers: u16,
    /// Part of a core that each worker has when all work.
    pub(crate) worker_share: f64,
    /// Number of state shards.
    pub(crate) state_shards: u16,
    /// How the processes talk.
    pub(crate) transport: &'static str,
    /// What was known of the blocks before: `none`.
    pub(crate) access_lists: &'static str,
    /// Delay of each answer of the state service.
    pub(crate) state_delay_us: u64,
    /// Which part of the work.
    pub(crate) scope: Scope,
    /// Blocks of one run.
    pub(crate) blocks: u64,
    /// How often a run goes through them.
    pub(crate) passes: u64,
    /// Their transactions.
    pub(crate) transactions: u64,
    /// Their gas.
    pub(crate) gas: u64,
    /// Runs that were counted.
    pub(crate) runs: u64,
    /// The cluster's time for one run.
    pub(crate) wall_us: Spread,
    /// Serial time for one run.
    pub(crate) serial_us: Spread,
    /// Serial median by the cluster's.
    pub(crate) speedup: Option<f64>,
    /// Millions of gas a second, of the cluster's median.
    pub(crate) mgas_per_s: Option<f64>,
    /// CPU time by role; nothing where nobody measures.
    pub(crate) cpu_us_per_mgas: CpuPerMgas,
    /// Runs of transactions, of the middle run.
    pub(crate) executions: u64,
    /// Messages between the processes.
    pub(crate) messages_per_block: Option<f64>,
    /// Their size; nothing where there is no wire.
    pub(crate) bytes_per_block: Option<f64>,
    /// Whether every block of every run was compared with header and oracle, and equal.
    pub(crate) equal: bool,
}

/// CPU time by role, in microseconds for a million gas of the whole job.
#[derive(Debug, Serialize)]
pub(crate) struct CpuPerMgas {
    /// The coordinator's; in one process with that of the actors and the runtime, what is nobody
    /// else's.
    pub(crate) coordinator: Option<f64>,
    /// All workers'.
    pub(crate) workers: Option<f64>,
    /// The state service's.
    pub(crate) state: Option<f64>,
    /// Serial execution's.
    pub(crate) serial: Option<f64>,
}

impl Report {
    /// Returns the report's text.
    pub(crate) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a report holds texts, numbers and lists only") + "\n"
    }
}
