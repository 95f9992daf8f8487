//! gRPC clients of the services, behind the same traits as the services in process.
//!
//! They work over any transport; `cluster` has one that carries trace context and reconnects.

mod coordinator;
mod state;

pub use coordinator::CoordinatorClient;
pub use state::StateClient;

use crate::status::{Code, Status};
use std::{future::Future, time::Duration};
use tonic::{Request, codegen::StdError};

/// What a client needs of a transport.
pub trait Transport:
    tonic::client::GrpcService<
        tonic::body::Body,
        Future: Send,
        Error: Into<StdError>,
        ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<StdError> + Send>
                          + Send
                          + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Transport for T where
    T: tonic::client::GrpcService<
            tonic::body::Body,
            Future: Send,
            Error: Into<StdError>,
            ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<StdError> + Send>
                              + Send
                              + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// How long each kind of call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Whatever changes nothing much: configure, abort, drop, head, status, a feed's beginning.
    pub control: Duration,
    /// Read; a read of a Snapshot that is not sealed yet waits.
    pub read: Duration,
    /// Stage.
    pub stage: Duration,
    /// Seal.
    pub seal: Duration,
    /// Commit.
    pub commit: Duration,
    /// To load a genesis or a Snapshot, with all its pieces.
    pub load: Duration,
    /// A block, from submission to the last piece of the outcome.
    pub block: Duration,
}

/// How large messages may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Bytes of a message that is sent or taken, at most.
    pub message_bytes_max: usize,
    /// Bytes of a piece of something that is sent in pieces.
    pub piece_bytes_max: usize,
}

impl MessageLimits {
    /// Returns a message that is not too large to be sent. tonic would break the stream over it,
    /// and that looks like a peer that went away.
    fn sized<M: prost::Message>(&self, message: M) -> Result<M, Status> {
        let n_bytes = message.encoded_len();
        if n_bytes <= self.message_bytes_max {
            return Ok(message);
        }
        let most = self.message_bytes_max;
        let message = format!("message of {n_bytes} bytes is larger than the limit of {most}");
        Err(Status::new(Code::ResourceExhausted, message))
    }
}

/// Makes a request with a deadline that the other side learns too.
fn with_deadline<M>(message: M, deadline: Duration) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

/// Waits for a call until its deadline, whatever the transport does about it.
async fn within<A>(
    deadline: Duration,
    call: impl Future<Output = Result<A, Status>> + Send,
) -> Result<A, Status> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer,
        Err(_) => {
            Err(Status::new(Code::DeadlineExceeded, format!("no answer within {deadline:?}")))
        }
    }
}

/// Returns the status of an answer that cannot be understood: the peer's fault, not the caller's.
fn damaged(error: crate::convert::DecodeError) -> Status {
    let status = Status::from(error);
    let code = match status.code {
        Code::FailedPrecondition => Code::FailedPrecondition,
        _ => Code::Internal,
    };
    Status::new(code, format!("damaged answer: {}", status.message))
}
