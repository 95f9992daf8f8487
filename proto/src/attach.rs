//! A worker's stream: what it and the coordinator say, over engine types.
//!
//! The worker dials and says [`Hello`]; the coordinator answers [`Welcome`] or refuses. From then
//! on the coordinator calls, and the worker answers each call once.

use crate::{
    status::Status,
    version::Version,
    worker::{PrepareRequest, PrepareResponse},
};
use engine::{
    ids::{ClusterId, JobId, WorkerId},
    outcome::SliceOutcome,
    task::{JobFrame, SliceTask},
};
use std::{sync::Arc, time::Duration};

/// Names a call; never used twice on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Says who a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// 48 random bits, drawn when the process started.
    pub worker: WorkerId,
    /// Where its health service listens.
    pub address: String,
    /// Slices that it runs at once.
    pub cores: u32,
    /// Version of its program.
    pub version: String,
    /// What it speaks.
    pub protocol: Version,
    /// Its stable name among the members.
    pub name: String,
}

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerMessage {
    /// Who calls; first and once.
    Hello(Hello),
    /// It lives.
    Heartbeat {
        /// Calls it has not answered.
        calls_running: u32,
    },
    /// Answers a call.
    Answer {
        /// The call.
        call: CallId,
        /// What came of it.
        answer: Result<Answer, Status>,
    },
    /// It finishes what it has, takes nothing new, and then closes the stream.
    Draining,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of [`Request::Prepare`].
    Prepared(PrepareResponse),
    /// Of [`Request::ExecuteSlice`].
    Slice(Box<SliceOutcome>),
    /// Of [`Request::EndJob`].
    Done,
}

/// Takes a worker in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The cluster.
    pub cluster: ClusterId,
    /// What the coordinator speaks.
    pub protocol: Version,
    /// Time between heartbeats.
    pub heartbeat_interval: Duration,
    /// Intervals without any message after which the worker counts as lost.
    pub heartbeats_missed_max: u32,
    /// Addresses of the state shards, in the order of their indices.
    pub shards: Vec<String>,
    /// Bytes of a message at most, either way.
    pub message_bytes_max: u64,
    /// Calls that wait for an answer at most.
    pub calls_running_max: u32,
}

/// From the coordinator.
#[derive(Clone, Debug)]
pub enum CoordinatorMessage {
    /// The worker belongs to the cluster.
    Welcome(Welcome),
    /// It does not, and the stream ends.
    Refused(Status),
    /// What is fixed for a job; before the first call of the job on this stream.
    JobFrame(Arc<JobFrame>),
    /// Asks for work.
    Call(Call),
    /// Nobody waits for a call any more.
    Cancel(CallId),
    /// The state shards' addresses changed; in the order of their indices.
    ShardMap(Vec<String>),
}

/// Asks for work.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub id: CallId,
    /// W3C trace context of the span that asks; empty where nothing is traced.
    pub traceparent: String,
    /// The work.
    pub request: Request,
}

/// The work that is asked for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Recover senders.
    Prepare(PrepareRequest),
    /// Run a slice.
    ExecuteSlice(Box<SliceTask>),
    /// Drop what is kept for a job.
    EndJob(JobId),
}
