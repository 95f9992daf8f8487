//! Which failed calls may be tried again.

use std::error::Error;

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

/// Says whether the status was made on this side because the connection or its stream broke: it has
/// the broken one's error as its source. What a handler sent, and a message that cannot be decoded,
/// has none.
fn broken_transport(status: &Status) -> bool {
    status.source().is_some()
}
