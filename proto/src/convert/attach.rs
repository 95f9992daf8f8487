//! Messages of a worker's stream.

use super::{
    At, DecodeError, Reason, Required,
    ids::{job, protocol},
    task::{prepare, slice_task},
};
use crate::{
    attach::{Answer, Call, CallId, CoordinatorMessage, Hello, Request, Welcome, WorkerMessage},
    status::Status,
    wire::v1,
};
use engine::{
    ids::{ClusterId, JobId, WorkerId},
    task::JobFrame,
};
use std::{sync::Arc, time::Duration};
use v1::{coordinator_message::Message as FromCoordinator, worker_message::Message as FromWorker};

impl From<WorkerMessage> for v1::WorkerMessage {
    fn from(message: WorkerMessage) -> Self {
        let message = match message {
            WorkerMessage::Hello(hello) => FromWorker::Hello(hello.into()),
            WorkerMessage::Heartbeat { calls_running } => {
                FromWorker::Heartbeat(v1::Heartbeat { calls_running })
            }
            WorkerMessage::Answer { call, answer } => {
                FromWorker::Answer(answer_message(call, answer))
            }
            WorkerMessage::Draining => FromWorker::Draining(v1::Draining {}),
        };
        Self { message: Some(message) }
    }
}

impl TryFrom<v1::WorkerMessage> for WorkerMessage {
    type Error = DecodeError;

    fn try_from(wire: v1::WorkerMessage) -> Result<Self, DecodeError> {
        Ok(match wire.message.required("message")? {
            FromWorker::Hello(hello) => Self::Hello(hello.try_into().at("hello")?),
            FromWorker::Heartbeat(v1::Heartbeat { calls_running }) => {
                Self::Heartbeat { calls_running }
            }
            FromWorker::Answer(wire) => {
                let call = CallId(wire.call_id);
                Self::Answer { call, answer: answer(wire.result).at("answer")? }
            }
            FromWorker::Draining(v1::Draining {}) => Self::Draining,
        })
    }
}

/// Returns the call that a worker's message answers, even if the rest of it is damaged.
pub const fn answered_call(wire: &v1::WorkerMessage) -> Option<CallId> {
    match &wire.message {
        Some(FromWorker::Answer(answer)) => Some(CallId(answer.call_id)),
        _ => None,
    }
}

fn answer_message(call: CallId, answer: Result<Answer, Status>) -> v1::Answer {
    use v1::answer::Result as Wire;
    let result = match answer {
        Ok(Answer::Prepared(response)) => Wire::Prepared(response.into()),
        Ok(Answer::Slice(outcome)) => Wire::Slice((*outcome).into()),
        Ok(Answer::Done) => Wire::Done(v1::Done {}),
        Err(status) => Wire::Failure(status.into()),
    };
    v1::Answer { call_id: call.0, result: Some(result) }
}

fn answer(wire: Option<v1::answer::Result>) -> Result<Result<Answer, Status>, DecodeError> {
    use v1::answer::Result as Wire;
    Ok(match wire.required("result")? {
        Wire::Prepared(response) => Ok(Answer::Prepared(response.try_into().at("prepared")?)),
        Wire::Slice(outcome) => Ok(Answer::Slice(Box::new(outcome.try_into().at("slice")?))),
        Wire::Done(v1::Done {}) => Ok(Answer::Done),
        Wire::Failure(failure) => Err(failure.try_into().at("failure")?),
    })
}

impl From<Hello> for v1::Hello {
    fn from(hello: Hello) -> Self {
        Self {
            worker_id: hello.worker.get(),
            address: hello.address,
            cores: hello.cores,
            version: hello.version,
            protocol: Some(hello.protocol.into()),
            name: hello.name,
        }
    }
}

impl TryFrom<v1::Hello> for Hello {
    type Error = DecodeError;

    fn try_from(wire: v1::Hello) -> Result<Self, DecodeError> {
        let protocol = protocol(wire.protocol)?;
        if wire.cores == 0 {
            return Err(DecodeError::new("cores", Reason::Range { given: 0 }));
        }
        Ok(Self {
            worker: WorkerId::new(wire.worker_id),
            address: wire.address,
            cores: wire.cores,
            version: wire.version,
            protocol,
            name: wire.name,
        })
    }
}

impl From<CoordinatorMessage> for v1::CoordinatorMessage {
    fn from(message: CoordinatorMessage) -> Self {
        let message = match message {
            CoordinatorMessage::Welcome(welcome) => FromCoordinator::Welcome(welcome.into()),
            CoordinatorMessage::Refused(status) => {
                FromCoordinator::Refused(v1::Refused { failure: Some(status.into()) })
            }
            CoordinatorMessage::JobFrame(frame) => FromCoordinator::JobFrame(frame.as_ref().into()),
            CoordinatorMessage::Call(call) => FromCoordinator::Call(call.into()),
            CoordinatorMessage::Cancel(call) => {
                FromCoordinator::Cancel(v1::Cancel { call_id: call.0 })
            }
            CoordinatorMessage::ShardMap(shards) => FromCoordinator::ShardMap(shard_map(shards)),
        };
        Self { message: Some(message) }
    }
}

impl CoordinatorMessage {
    /// Reads a message. `frame_of` knows the frames that came before on the stream.
    ///
    /// # Errors
    /// If it is damaged, or speaks of a job whose frame did not come.
    pub fn from_wire(
        wire: v1::CoordinatorMessage,
        frame_of: impl Fn(&JobId) -> Option<Arc<JobFrame>>,
    ) -> Result<Self, DecodeError> {
        Ok(match wire.message.required("message")? {
            FromCoordinator::Welcome(welcome) => Self::Welcome(welcome.try_into().at("welcome")?),
            FromCoordinator::Refused(refused) => {
                let failure = refused.failure.required("failure").at("refused")?;
                Self::Refused(failure.try_into().at("refused.failure")?)
            }
            FromCoordinator::JobFrame(frame) => {
                Self::JobFrame(Arc::new(frame.try_into().at("job_frame")?))
            }
            FromCoordinator::Call(wire) => Self::Call(call(wire, frame_of).at("call")?),
            FromCoordinator::Cancel(v1::Cancel { call_id }) => Self::Cancel(CallId(call_id)),
            FromCoordinator::ShardMap(map) => Self::ShardMap(addresses(map).at("shard_map")?),
        })
    }
}

/// Returns the call that a coordinator's message makes, even if the rest of it is damaged.
pub const fn called(wire: &v1::CoordinatorMessage) -> Option<CallId> {
    match &wire.message {
        Some(FromCoordinator::Call(call)) => Some(CallId(call.call_id)),
        _ => None,
    }
}

impl From<Call> for v1::Call {
    fn from(call: Call) -> Self {
        use v1::call::Request as Wire;
        let request = match &call.request {
            Request::Prepare(request) => Wire::Prepare(request.into()),
            Request::ExecuteSlice(task) => Wire::ExecuteSlice(task.as_ref().into()),
            Request::EndJob(job) => Wire::EndJob(v1::EndJob { job_id: Some((*job).into()) }),
        };
        Self { call_id: call.id.0, traceparent: call.traceparent, request: Some(request) }
    }
}

fn call(
    wire: v1::Call,
    frame_of: impl Fn(&JobId) -> Option<Arc<JobFrame>>,
) -> Result<Call, DecodeError> {
    use v1::call::Request as Wire;
    let frame = |job_id: Option<v1::JobId>| {
        let known = frame_of(&job(job_id)?);
        known.ok_or_else(|| DecodeError::new("job_id", Reason::Unexpected))
    };
    let request = match wire.request.required("request")? {
        Wire::Prepare(wire) => {
            let frame = frame(wire.job_id).at("prepare")?;
            Request::Prepare(prepare(wire, frame).at("prepare")?)
        }
        Wire::ExecuteSlice(wire) => {
            let frame = frame(wire.job_id).at("execute_slice")?;
            Request::ExecuteSlice(Box::new(slice_task(wire, frame).at("execute_slice")?))
        }
        Wire::EndJob(wire) => Request::EndJob(job(wire.job_id).at("end_job")?),
    };
    Ok(Call { id: CallId(wire.call_id), traceparent: wire.traceparent, request })
}

impl From<Welcome> for v1::Welcome {
    fn from(welcome: Welcome) -> Self {
        let millis = welcome.heartbeat_interval.as_millis();
        Self {
            cluster_id: welcome.cluster.get(),
            protocol: Some(welcome.protocol.into()),
            heartbeat_interval_ms: u32::try_from(millis).unwrap_or(u32::MAX),
            heartbeats_missed_max: welcome.heartbeats_missed_max,
            shards: Some(shard_map(welcome.shards)),
            message_bytes_max: welcome.message_bytes_max,
            calls_running_max: welcome.calls_running_max,
        }
    }
}

impl TryFrom<v1::Welcome> for Welcome {
    type Error = DecodeError;

    fn try_from(wire: v1::Welcome) -> Result<Self, DecodeError> {
        let protocol = protocol(wire.protocol)?;
        for (number, field) in [
            (wire.heartbeat_interval_ms, "heartbeat_interval_ms"),
            (wire.heartbeats_missed_max, "heartbeats_missed_max"),
            (wire.calls_running_max, "calls_running_max"),
        ] {
            if number == 0 {
                return Err(DecodeError::new(field, Reason::Range { given: 0 }));
            }
        }
        Ok(Self {
            cluster: ClusterId::new(wire.cluster_id),
            protocol,
            heartbeat_interval: Duration::from_millis(wire.heartbeat_interval_ms.into()),
            heartbeats_missed_max: wire.heartbeats_missed_max,
            shards: addresses(wire.shards.required("shards")?).at("shards")?,
            message_bytes_max: wire.message_bytes_max,
            calls_running_max: wire.calls_running_max,
        })
    }
}

fn shard_map(addresses: Vec<String>) -> v1::ShardMap {
    let shards = (0..).zip(addresses);
    let shards = shards.map(|(index, address)| v1::ShardAddress { index, address });
    v1::ShardMap { shards: shards.collect() }
}

fn addresses(map: v1::ShardMap) -> Result<Vec<String>, DecodeError> {
    let mut addresses = Vec::with_capacity(map.shards.len());
    for (expected, shard) in (0..).zip(map.shards) {
        if shard.index != expected {
            let reason = Reason::Range { given: shard.index.into() };
            return Err(DecodeError::new(format!("shards[{expected}].index"), reason));
        }
        addresses.push(shard.address);
    }
    engine::shard::ShardCount::new(addresses.len())
        .map_err(|error| DecodeError::malformed("shards", "shard map", error))?;
    Ok(addresses)
}
