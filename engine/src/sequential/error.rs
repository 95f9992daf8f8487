//! Why a block was not executed to its end.

use crate::header::LineageError;
use std::fmt;

/// A block that is invalid, whatever its header says of the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBlock {
    /// Offset (from 0) of the transaction that may not stand there; `None` if it is the header,
    /// the body, or what comes before or after the transactions.
    pub transaction: Option<usize>,
    /// The rule that is broken.
    pub reason: String,
}

impl InvalidBlock {
    pub(super) fn body(reason: impl fmt::Display) -> Self {
        Self { transaction: None, reason: reason.to_string() }
    }

    pub(super) fn transaction(offset: usize, reason: impl fmt::Display) -> Self {
        Self { transaction: Some(offset), reason: reason.to_string() }
    }
}

impl fmt::Display for InvalidBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transaction {
            Some(offset) => write!(f, "transaction {offset}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Why a block is not ready to be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The block is invalid.
    #[error("the block is invalid: {0}")]
    Invalid(InvalidBlock),
    /// The lineage is another block's: this says nothing of the block.
    #[error(transparent)]
    Lineage(#[from] LineageError),
}

impl From<InvalidBlock> for PrepareError {
    fn from(invalid: InvalidBlock) -> Self {
        Self::Invalid(invalid)
    }
}

/// Why execution stopped before a block's end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop<E> {
    /// The block is invalid.
    #[error("the block is invalid: {0}")]
    Invalid(InvalidBlock),
    /// The lineage is another block's: this says nothing of the block.
    #[error(transparent)]
    Lineage(LineageError),
    /// The state could not answer: this says nothing of the block.
    #[error("the state cannot answer: {0}")]
    State(E),
    /// revm gave up for a reason of its own: this says nothing of the block.
    #[error("revm gave up: {message}")]
    Fault {
        /// What it said.
        message: String,
    },
}

impl<E> From<InvalidBlock> for Stop<E> {
    fn from(invalid: InvalidBlock) -> Self {
        Self::Invalid(invalid)
    }
}

impl<E> From<PrepareError> for Stop<E> {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Invalid(invalid) => Self::Invalid(invalid),
            PrepareError::Lineage(error) => Self::Lineage(error),
        }
    }
}
