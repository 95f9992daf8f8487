//! Values that flags and settings take.

use clap::ValueEnum;
use engine::shard::ShardCount;
use proto::coordinator::PlanWish;
use serde::Deserialize;
use std::time::Duration;

/// How blocks are cut into slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PlanArg {
    /// Cut whatever it gains
    #[default]
    Split,
    /// One slice on one worker
    Whole,
    /// One slice below a configured size, else cut
    Auto,
}

impl PlanArg {
    /// Returns the name that flags and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Whole => "whole",
            Self::Auto => "auto",
        }
    }
}

impl From<PlanArg> for PlanWish {
    fn from(plan: PlanArg) -> Self {
        match plan {
            PlanArg::Split => Self::Split,
            PlanArg::Whole => Self::Whole,
            PlanArg::Auto => Self::Auto,
        }
    }
}

/// How the processes of a cluster that is started here talk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TransportArg {
    /// All of the cluster in this process, without a wire
    #[default]
    InProcess,
    /// A process for each part, on this machine, over gRPC
    Grpc,
}

impl TransportArg {
    /// Returns the name that flags and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Grpc => "grpc",
        }
    }
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FaultArg {
    /// One worker is lost inside a block; the block still ends equal
    WorkerLost,
    /// One worker answers with what is not so; the block ends equal, the worker quarantined
    LyingWorker,
    /// Every worker alters the same transaction alike, as a bug would; ends in exit code 1
    WrongOutcome,
}

/// Reads a number of state shards.
pub(super) fn shard_count(text: &str) -> Result<ShardCount, String> {
    let number = text.parse::<usize>().map_err(|error| error.to_string())?;
    ShardCount::new(number).map_err(|error| error.to_string())
}

/// Reads a duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime_serde::re::humantime::parse_duration(text)
        .map_err(|error| format!("{error}; give a number with its unit, as in 200us or 1ms"))
}
