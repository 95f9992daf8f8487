//! Which failed calls may be tried again.

use std::error::Error;
use std::io;

use tonic::{Code, Status};

use crate::retry::Verdict;

/// Says whether a call that ended in `status` may be tried again, for operations that are the same
/// done twice, which all of evmesh's are.
///
/// The code alone does not tell: a peer that was killed shows as `UNKNOWN`, like a handler's own
/// failure, and only the source of the status says that the transport broke. A deadline is that of
/// one try; another one may be in time.
#[must_use]
pub fn classify(status: &Status) -> Verdict {
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => Verdict::Again,
        Code::Unknown | Code::Internal | Code::Cancelled if broken_transport(status) => {
            Verdict::Again
        }
        _ => Verdict::Stop,
    }
}

/// Says whether the status was made on this side because the connection or its stream broke. One
/// that a handler sent has no source.
fn broken_transport(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::transport::Error>()
            || error.is::<tonic::TimeoutExpired>()
            || error.is::<tonic::ConnectError>()
            || error.is::<io::Error>()
        {
            return true;
        }
        source = error.source();
    }
    false
}
