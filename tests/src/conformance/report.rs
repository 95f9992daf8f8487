//! What came of it: `target/conformance/report.json`.

use super::{Flaw, Shape};
use serde::Serialize;
use std::collections::BTreeMap;

/// Name and number of the report's format.
pub const SCHEMA: &str = "evmesh.conformance/1";

/// Everything that was run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name and number of this format.
    pub schema: &'static str,
    /// The corpus, as given.
    pub corpus: String,
    /// Seed of every choice.
    pub seed: u64,
    /// What came of it in each shape.
    pub shapes: Vec<ShapeReport>,
    /// Cases that pass in one shape and fail in another.
    pub verdicts_differ: Vec<String>,
    /// Every case that failed, by shape.
    pub failures: Vec<CaseFailure>,
}

/// All cases in one shape.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShapeReport {
    /// Number of workers.
    pub workers: u16,
    /// Number of state shards.
    pub state_shards: u16,
    /// Whether every transaction was a slice, and all were sent at once.
    pub conflicts_forced: bool,
    /// How the parts of the cluster talked.
    pub transport: &'static str,
    /// Cases that passed.
    pub passed: u64,
    /// Cases that did not.
    pub failed: u64,
    /// Cases that cannot be read.
    pub not_loadable: u64,
    /// Cases that are not run, by rule.
    pub not_run: BTreeMap<String, u64>,
    /// Time for all of them.
    pub wall_us: u64,
    /// Blocks that were handed over.
    pub blocks: u64,
    /// Of these, refused as they should be.
    pub refused: u64,
    /// Blocks that were built again from their parts.
    pub rebuilt: u64,
    /// Transactions of these blocks.
    pub transactions: u64,
    /// Slices of the first rounds.
    pub slices: u64,
    /// Outcomes whose reads did not hold.
    pub conflicts: u64,
}

/// A case that failed.
#[derive(Clone, Debug, Serialize)]
pub struct CaseFailure {
    /// Its file.
    pub file: String,
    /// Its name.
    pub case: String,
    /// The rules that it is for.
    pub network: String,
    /// Number of the block; nothing if it is about the end, or the case cannot be read.
    pub block: Option<u64>,
    /// What is wrong.
    pub field: String,
    /// What it should be.
    pub expected: Option<String>,
    /// What it is.
    pub got: Option<String>,
    /// Place of the shape in the report.
    pub shape: usize,
}

impl ShapeReport {
    /// Begins the report of a shape.
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            workers: shape.workers.get(),
            state_shards: shape.state_shards.get(),
            conflicts_forced: shape.conflicts_forced,
            transport: shape.transport.name(),
            ..Self::default()
        }
    }

    /// Returns the cases that were to be run.
    pub const fn to_be_run(&self) -> u64 {
        self.passed + self.failed + self.not_loadable
    }

    /// Adds what another thread did.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.not_loadable += other.not_loadable;
        for (rule, n_cases) in other.not_run {
            *self.not_run.entry(rule).or_default() += n_cases;
        }
        self.blocks += other.blocks;
        self.refused += other.refused;
        self.rebuilt += other.rebuilt;
        self.transactions += other.transactions;
        self.slices += other.slices;
        self.conflicts += other.conflicts;
    }
}

impl CaseFailure {
    pub(super) fn new(file: &str, case: &str, network: &str, flaw: Flaw) -> Self {
        let Flaw { block, field, expected, got } = flaw;
        let (file, case, network) = (file.to_owned(), case.to_owned(), network.to_owned());
        Self { file, case, network, block, field, expected, got, shape: 0 }
    }
}

impl Report {
    /// Tells whether every case passed in every shape.
    pub const fn is_good(&self) -> bool {
        self.failures.is_empty() && self.verdicts_differ.is_empty()
    }

    /// Returns the report as JSON.
    ///
    /// # Errors
    /// None: it holds texts, numbers and lists.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
