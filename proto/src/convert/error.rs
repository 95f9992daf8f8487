//! What can be wrong with a message.

use crate::status::{Code, Status};
use std::fmt;

/// A message that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DecodeError {
    /// Path of the field, as in `snapshot.block_hash`; a position in a list is in brackets.
    pub field: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The field is not there.
    #[error("is missing")]
    Missing,
    /// A byte string or a column is not as long as it has to be.
    #[error("is {given} long, not {expected}")]
    Length {
        /// What was given.
        given: usize,
        /// What fits.
        expected: usize,
    },
    /// A column ends before the entry that needs it.
    #[error("ends too early")]
    Short,
    /// A number that stands for nothing.
    #[error("{given} stands for nothing here")]
    Unknown {
        /// The number.
        given: u64,
    },
    /// A number that is too large, or otherwise out of its range.
    #[error("{given} is out of range")]
    Range {
        /// The number.
        given: u64,
    },
    /// Something that may be there once, or only at another place.
    #[error("is not expected here")]
    Unexpected,
    /// Bytes that are no such thing.
    #[error("is no {what}: {why}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// The other side speaks another major version of the protocol.
    #[error("protocol {theirs} does not work with our {ours}")]
    OtherProtocol {
        /// The other side's.
        theirs: String,
        /// Ours.
        ours: String,
    },
}

impl DecodeError {
    /// Makes an error of a field.
    pub fn new(field: impl Into<String>, reason: Reason) -> Self {
        Self { field: field.into(), reason }
    }

    /// Makes an error of bytes that are no such thing.
    pub(crate) fn malformed(field: &str, what: &'static str, why: impl fmt::Display) -> Self {
        Self::new(field, Reason::Malformed { what, why: why.to_string() })
    }

    /// Puts the name of the message around the field's.
    fn inside(mut self, outer: fmt::Arguments<'_>) -> Self {
        self.field = format!("{outer}.{}", self.field);
        self
    }
}

impl From<DecodeError> for Status {
    fn from(error: DecodeError) -> Self {
        let code = match error.reason {
            Reason::OtherProtocol { .. } => Code::FailedPrecondition,
            _ => Code::InvalidArgument,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DecodeError> for tonic::Status {
    fn from(error: DecodeError) -> Self {
        Status::from(error).into()
    }
}

/// Says in which field of a message an error lies.
pub(super) trait At<T> {
    /// In this field.
    fn at(self, field: &str) -> Result<T, DecodeError>;

    /// At this position of a list.
    fn at_position(self, field: &str, position: usize) -> Result<T, DecodeError>;
}

impl<T> At<T> for Result<T, DecodeError> {
    fn at(self, field: &str) -> Self {
        self.map_err(|error| error.inside(format_args!("{field}")))
    }

    fn at_position(self, field: &str, position: usize) -> Self {
        self.map_err(|error| error.inside(format_args!("{field}[{position}]")))
    }
}

/// A field that has to be there.
pub(super) trait Required<T> {
    /// Returns it.
    fn required(self, field: &str) -> Result<T, DecodeError>;
}

impl<T> Required<T> for Option<T> {
    fn required(self, field: &str) -> Result<T, DecodeError> {
        self.ok_or_else(|| DecodeError::new(field, Reason::Missing))
    }
}
