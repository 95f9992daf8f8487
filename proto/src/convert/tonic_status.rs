//! Our status on the wire, and what a foreign one means: the one place where codes are mapped.
//!
//! A status of ours carries its code a second time, in the metadata. So the other side tells it
//! from what a transport, a proxy or the gRPC library made up, and a job that was cancelled from a
//! connection that broke.

use crate::status::{Code, Status};
use std::error::Error;
use tonic::TimeoutExpired;

/// Metadata key of a status of ours.
const CODE_KEY: &str = "evmesh-code";

/// Bytes of a message at most: it travels in a header, and headers are bounded.
pub const STATUS_MESSAGE_BYTES_MAX: usize = 2048;

/// Each code of ours with gRPC's, and its name in the metadata.
const CODES: [(Code, tonic::Code, &str); 8] = [
    (Code::InvalidArgument, tonic::Code::InvalidArgument, "invalid-argument"),
    (Code::NotFound, tonic::Code::NotFound, "not-found"),
    (Code::FailedPrecondition, tonic::Code::FailedPrecondition, "failed-precondition"),
    (Code::Cancelled, tonic::Code::Cancelled, "cancelled"),
    (Code::DeadlineExceeded, tonic::Code::DeadlineExceeded, "deadline-exceeded"),
    (Code::ResourceExhausted, tonic::Code::ResourceExhausted, "resource-exhausted"),
    (Code::Unavailable, tonic::Code::Unavailable, "unavailable"),
    (Code::Internal, tonic::Code::Internal, "internal"),
];

impl From<Status> for tonic::Status {
    fn from(status: Status) -> Self {
        let entry = CODES.iter().find(|(code, ..)| *code == status.code);
        let (_, code, name) = entry.expect("every code has a line");
        let mut message = status.message;
        message.truncate(message.floor_char_boundary(STATUS_MESSAGE_BYTES_MAX));
        let mut wire = Self::new(*code, message);
        wire.metadata_mut().insert(CODE_KEY, tonic::metadata::MetadataValue::from_static(name));
        wire
    }
}

impl From<tonic::Status> for Status {
    fn from(wire: tonic::Status) -> Self {
        let named = wire.metadata().get(CODE_KEY).and_then(|name| name.to_str().ok());
        let ours = CODES.iter().find(|(_, code, name)| named == Some(name) && *code == wire.code());
        match ours {
            Some((code, ..)) => Self::new(*code, wire.message()),
            None => Self::new(foreign(&wire), foreign_message(&wire)),
        }
    }
}

/// Returns what a status means that no service of ours made.
fn foreign(wire: &tonic::Status) -> Code {
    if is_timeout(wire) {
        return Code::DeadlineExceeded;
    }
    if wire.source().is_some() {
        // The connection broke, or was never there: a crashed peer shows as Unknown, Internal or
        // Cancelled, by the moment at which it went.
        return Code::Unavailable;
    }
    match wire.code() {
        tonic::Code::InvalidArgument => Code::InvalidArgument,
        tonic::Code::NotFound => Code::NotFound,
        tonic::Code::DeadlineExceeded => Code::DeadlineExceeded,
        // A message over a limit is OutOfRange to tonic.
        tonic::Code::ResourceExhausted | tonic::Code::OutOfRange => Code::ResourceExhausted,
        // Whoever dropped the call was not a service of ours, which would have said so.
        tonic::Code::Unavailable | tonic::Code::Aborted | tonic::Code::Cancelled => {
            Code::Unavailable
        }
        tonic::Code::FailedPrecondition
        | tonic::Code::AlreadyExists
        | tonic::Code::PermissionDenied
        | tonic::Code::Unauthenticated
        | tonic::Code::Unimplemented => Code::FailedPrecondition,
        tonic::Code::Ok | tonic::Code::Unknown | tonic::Code::Internal | tonic::Code::DataLoss => {
            Code::Internal
        }
    }
}

/// Tells whether a deadline ran out, here or at a server, where tonic calls it Cancelled.
fn is_timeout(wire: &tonic::Status) -> bool {
    let mut source = wire.source();
    while let Some(error) = source {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        source = error.source();
    }
    wire.code() == tonic::Code::Cancelled && wire.message() == TimeoutExpired(()).to_string()
}

fn foreign_message(wire: &tonic::Status) -> String {
    let code = wire.code();
    match wire.source() {
        Some(source) => format!("{code:?}: {}: {source}", wire.message()),
        None => format!("{code:?}: {}", wire.message()),
    }
}
