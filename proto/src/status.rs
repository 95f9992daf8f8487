//! How a service says no: one code a reason, as gRPC counts them, and a sentence.

/// Why a call failed; the names and meanings are gRPC's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request itself is wrong; the same request will never do.
    InvalidArgument,
    /// What the request names is not there.
    NotFound,
    /// The service is not in the state that the request needs.
    FailedPrecondition,
    /// Something was cancelled, by the caller or by the end of its job.
    Cancelled,
    /// The time given ran out.
    DeadlineExceeded,
    /// A bound was reached; later it may do.
    ResourceExhausted,
    /// The service or something it needs is away; the same request may do elsewhere or later.
    Unavailable,
    /// An invariant is broken.
    Internal,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The kind of failure; callers decide by it.
    pub code: Code,
    /// What happened, for people.
    pub message: String,
}

impl Status {
    /// Makes a status.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
