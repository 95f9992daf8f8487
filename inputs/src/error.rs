//! Why something is no input: what, where, and what to do about it.

use crate::{blockchain_tests::NotRun, workload::SpecError};
use std::io;

/// Why an input cannot be used. Nothing of it was executed.
///
/// The message says what is wrong, [`at`](Self::at) where, and [`advice`](Self::advice) what to do.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// There is no such file or folder.
    #[error("there is no such file or folder")]
    NotFound {
        /// The path given.
        at: String,
    },
    /// The system refused to read it.
    #[error("it cannot be read: {source}")]
    Io {
        /// File or folder.
        at: String,
        /// What the system said.
        source: io::Error,
    },
    /// An archive is damaged.
    #[error("the archive is damaged: {reason}")]
    Archive {
        /// The archive, and the last file that was found whole.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing of what was looked at is an input.
    #[error("there are no blocks in it")]
    NoBlocks {
        /// File or folder.
        at: String,
    },
    /// All that is there are tests of rules that evmesh does not have.
    #[error("{rule}")]
    NotRun {
        /// The first case.
        at: String,
        /// Why it is not run.
        rule: NotRun,
    },
    /// More than evmesh takes in at once.
    #[error("it holds more than {max} {unit}")]
    TooMuch {
        /// File or folder.
        at: String,
        /// The bound.
        max: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// A file is not the JSON that belongs there.
    #[error("it cannot be understood: {reason}")]
    Json {
        /// The file.
        at: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1; 0 is the end of the line before.
        column: usize,
        /// What the parser said.
        reason: String,
    },
    /// A value is well-formed and cannot be right.
    #[error("{reason}")]
    Value {
        /// The file.
        at: String,
        /// Path of the value in the JSON.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a block or a chain lies without another one that it needs.
    #[error("there is no {file} beside it")]
    Incomplete {
        /// The block's folder, or the chain.
        at: String,
        /// Name of the file that is missing.
        file: &'static str,
    },
    /// What was to be written as a chain is none.
    #[error("it cannot be written as a chain: {reason}")]
    NoChain {
        /// The input.
        at: String,
        /// What is missing.
        reason: &'static str,
    },
    /// A folder that was to be written holds something already.
    #[error("the folder is not empty")]
    Occupied {
        /// The folder.
        at: String,
    },
    /// The system refused to write it.
    #[error("it cannot be written: {source}")]
    Write {
        /// File or folder.
        at: String,
        /// What the system said.
        source: io::Error,
    },
    /// Two folders hold the same block, or two archives the same file.
    #[error("it was there before")]
    Twice {
        /// The second of them.
        at: String,
    },
    /// A workload's text cannot be understood.
    #[error("{source}")]
    Workload {
        /// The text.
        at: String,
        /// What is wrong with it.
        source: SpecError,
    },
    /// A generated block is not one that may be executed.
    #[error("the generated block {number} is invalid: {reason}")]
    Sealing {
        /// The workload's text.
        at: String,
        /// The block's number.
        number: u64,
        /// The rule that is broken.
        reason: String,
    },
}

/// Most characters of a reason; it may repeat a value of the input.
const REASON_MAX: usize = 400;

fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(REASON_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

impl InputError {
    pub(crate) fn io(at: impl Into<String>, source: io::Error) -> Self {
        let at = at.into();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { at },
            _ => Self::Io { at, source },
        }
    }

    pub(crate) fn json(at: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let reason = shortened(text.strip_suffix(&position).unwrap_or(&text));
        Self::Json { at: at.to_owned(), line: error.line(), column: error.column(), reason }
    }

    pub(crate) fn value(at: &str, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { at: at.to_owned(), place: place.into(), reason: shortened(&reason.into()) }
    }

    pub(crate) fn too_much(at: &str, max: usize, unit: &'static str) -> Self {
        Self::TooMuch { at: at.to_owned(), max: max as u64, unit }
    }

    /// Returns where it is wrong: file or folder, and the position in it.
    pub fn at(&self) -> String {
        match self {
            Self::Json { at, line, column, .. } => format!("{at}, line {line}, column {column}"),
            Self::Value { at, place, .. } => format!("{at}, {place}"),
            Self::Workload { at, .. }
            | Self::Sealing { at, .. }
            | Self::NotFound { at }
            | Self::Io { at, .. }
            | Self::Archive { at, .. }
            | Self::NoBlocks { at }
            | Self::NoChain { at, .. }
            | Self::Occupied { at }
            | Self::Write { at, .. }
            | Self::NotRun { at, .. }
            | Self::TooMuch { at, .. }
            | Self::Incomplete { at, .. }
            | Self::Twice { at } => at.clone(),
        }
    }

    /// Returns what to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "check the path; workloads begin with `workload:`",
            Self::Io { .. } => "check that you may read it",
            Self::Archive { .. } => "fetch or pack the archive again",
            Self::NoBlocks { .. } => {
                "give a folder or an archive (tar, tar.gz, tar.zst) that holds folders with \
                 block.json, pre_state.json and bytecodes.json, official blockchain tests, blocks \
                 with their witness, a chain with its genesis.json, or a workload"
            }
            Self::NotRun { .. } => "give tests of another network",
            Self::TooMuch { .. } => "give it in several parts, or less of it",
            Self::Json { .. } | Self::Value { .. } => "fetch the file again from where it came",
            Self::Incomplete { .. } => "put the file there, or take the folder away",
            Self::NoChain { .. } => "give a workload",
            Self::Occupied { .. } => "name another folder, or add --force",
            Self::Write { .. } => "check that the place can be written to and is not full",
            Self::Twice { .. } => "take one of the two away",
            Self::Workload { .. } => {
                "correct the workload, for example `workload:transfers?txs=100`"
            }
            Self::Sealing { .. } => "report this: a generator made a block that cannot be executed",
        }
    }
}
