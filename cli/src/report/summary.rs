//! The last line of a run: everything added up.

use super::{Difference, FieldCounts, Fields};
use serde::Serialize;

/// All blocks of a run together.
#[derive(Clone, Debug, Serialize)]
pub struct SummaryLine {
    /// Blocks run.
    pub blocks: u64,
    /// Of these, equal.
    pub equal: u64,
    /// Different.
    pub different: u64,
    /// Invalid, and the input does not say so.
    pub invalid: u64,
    /// Invalid, as the input says.
    pub refused_as_expected: u64,
    /// Not finished.
    pub failed: u64,
    /// Built again from their parts.
    pub rebuilt: u64,
    /// Transactions of all blocks.
    pub transactions: u64,
    /// Gas of all blocks that were executed.
    pub gas: u64,
    /// The cluster's time for all blocks.
    pub wall_us: u64,
    /// Serial time for all blocks; nothing without the oracle.
    pub serial_us: Option<u64>,
    /// `serial_us / wall_us`.
    pub speedup: Option<f64>,
    /// Millions of gas a second, of the cluster.
    pub mgas_per_s: Option<f64>,
    /// CPU time by role.
    pub cpu_us: CpuTimes,
    /// Mean delay that an answer of the state really had; nothing if none was delayed.
    pub state_delay_paid_us: DelaysPaid,
    /// How often each header field compared how.
    pub fields: Fields<FieldCounts>,
    /// Comparison of the head with the one that the input expects at its end; nothing where it expects
    /// none.
    pub head: Option<&'static str>,
    /// Comparison with the state that the input expects at its end; nothing where it expects none.
    pub post_state: Option<&'static str>,
    /// The first difference of an input as a whole.
    pub end_difference: Option<EndDifference>,
    /// The code that the process ends with.
    pub exit_code: u8,
}

/// Where the head or the state after an input's last block is not the one that it expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndDifference {
    /// The input.
    pub input: String,
    /// What differs.
    #[serde(flatten)]
    pub difference: Difference,
}

/// Mean delay of an answer in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DelaysPaid {
    /// The cluster's.
    pub cluster: Option<u64>,
    /// Serial execution's.
    pub serial: Option<u64>,
}

/// CPU time by role in microseconds; nothing where nobody measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CpuTimes {
    /// The coordinator's, with that of the actors and the runtime: what is nobody else's.
    pub coordinator: Option<u64>,
    /// All workers', for slices and sender recovery.
    pub workers: Option<u64>,
    /// The state service's, for reads and seals.
    pub state: Option<u64>,
    /// Serial execution's.
    pub serial: Option<u64>,
}
