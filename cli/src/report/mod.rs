//! What `--json` prints: JSON Lines that scripts rely on. Keys are added, never renamed or removed.
//!
//! Counts are numbers, hashes are "0x" hex, times are integer microseconds (`_us`), ratios are
//! floats. An absent value is null; its key is still there.

mod block;
mod fields;
mod run;
mod status;
mod summary;

pub use block::{
    BlockLine, BlockStatus, Difference, ErrorObject, Messages, OracleObject, PlanObject, Reads,
    Times,
};
pub(crate) use fields::ALL_FIELDS;
pub use fields::{FieldCounts, Fields};
pub use run::RunLine;
pub use status::StatusLine;
pub use summary::{CpuTimes, DelaysPaid, EndDifference, SummaryLine};

use crate::failure::Failure;
use serde::Serialize;
use std::time::Duration;

/// The schema of `evmesh run --json`.
pub const RUN_SCHEMA: &str = "evmesh.run/1";

/// One line of the output.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line<'a> {
    /// What runs, and how.
    Run(&'a RunLine),
    /// One block.
    Block(&'a BlockLine),
    /// Everything added up; the last line of a run that came to its end.
    Summary(&'a SummaryLine),
    /// Why there is no summary; the last line.
    Error(ErrorLine<'a>),
}

/// A command that could not do its work.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine<'a> {
    /// Short name of the reason.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// File, position or transaction.
    pub at: &'a str,
    /// The next step.
    pub r#try: &'a str,
}

impl<'a> From<&'a Failure> for Line<'a> {
    fn from(failure: &'a Failure) -> Self {
        Line::Error(ErrorLine {
            code: failure.code,
            message: &failure.what,
            at: &failure.at,
            r#try: &failure.try_next,
        })
    }
}

impl Line<'_> {
    /// Returns the line's text, without the line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a line holds texts, numbers and lists only")
    }
}

/// Returns a time as reports write it.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Returns millions of gas a second; nothing for no time.
pub fn mgas_per_s(gas: u64, wall_us: u64) -> Option<f64> {
    // Gas a microsecond is millions of gas a second.
    ratio(gas, wall_us)
}

/// Returns `part / whole`; nothing where the whole is zero.
#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
