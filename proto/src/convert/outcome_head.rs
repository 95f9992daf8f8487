//! The head of a block's outcome: everything but receipts and writes.

use super::{
    At, DecodeError, Reason, Required,
    ids::{bytes_of, enumeration, fixed, hash, optional_hash, unknown},
};
use crate::{
    coordinator::{JobCounts, JobEnd, JobTimes, PlanSummary},
    wire::v1,
};
use alloy_primitives::Bloom;
use engine::{header::BlockResults, ids::WorkerId};
use std::time::Duration;

impl From<JobEnd> for v1::JobEnd {
    fn from(end: JobEnd) -> Self {
        use v1::JobEndKind as Kind;
        let (kind, transaction, reason) = match end {
            JobEnd::Committed => (Kind::Committed, None, String::new()),
            JobEnd::Verified => (Kind::Verified, None, String::new()),
            JobEnd::Different => (Kind::Different, None, String::new()),
            JobEnd::Built => (Kind::Built, None, String::new()),
            JobEnd::Invalid { transaction, reason } => (Kind::Invalid, transaction, reason),
            JobEnd::Failed { reason } => (Kind::Failed, None, reason),
        };
        let transaction = transaction.map(|offset| {
            u32::try_from(offset).expect("a block holds fewer than 2^32 - 1 transactions")
        });
        Self { kind: kind.into(), transaction, reason }
    }
}

impl TryFrom<v1::JobEnd> for JobEnd {
    type Error = DecodeError;

    fn try_from(wire: v1::JobEnd) -> Result<Self, DecodeError> {
        use v1::JobEndKind as Kind;
        let kind = enumeration(wire.kind, "kind")?;
        if wire.transaction.is_some() && kind != Kind::Invalid {
            return Err(DecodeError::new("transaction", Reason::Unexpected));
        }
        Ok(match kind {
            Kind::Unspecified => return Err(unknown(0, "kind")),
            Kind::Committed => Self::Committed,
            Kind::Verified => Self::Verified,
            Kind::Different => Self::Different,
            Kind::Built => Self::Built,
            Kind::Invalid => {
                let transaction = wire.transaction.map(|offset| offset as usize);
                Self::Invalid { transaction, reason: wire.reason }
            }
            Kind::Failed => Self::Failed { reason: wire.reason },
        })
    }
}

impl From<&BlockResults> for v1::BlockResults {
    fn from(results: &BlockResults) -> Self {
        Self {
            gas_used: results.gas_used,
            transactions_root: bytes_of(results.transactions_root),
            receipts_root: results.receipts_root.map(bytes_of),
            logs_bloom: bytes_of(results.logs_bloom),
            ommers_hash: bytes_of(results.ommers_hash),
            withdrawals_root: results.withdrawals_root.map(bytes_of),
            requests_hash: results.requests_hash.map(bytes_of),
            blob_gas_used: results.blob_gas_used,
            state_root: results.state_root.map(bytes_of),
        }
    }
}

impl TryFrom<v1::BlockResults> for BlockResults {
    type Error = DecodeError;

    fn try_from(wire: v1::BlockResults) -> Result<Self, DecodeError> {
        Ok(Self {
            gas_used: wire.gas_used,
            transactions_root: hash(&wire.transactions_root, "transactions_root")?,
            receipts_root: optional_hash(wire.receipts_root.as_ref(), "receipts_root")?,
            logs_bloom: Bloom::new(fixed(&wire.logs_bloom, "logs_bloom")?),
            ommers_hash: hash(&wire.ommers_hash, "ommers_hash")?,
            withdrawals_root: optional_hash(wire.withdrawals_root.as_ref(), "withdrawals_root")?,
            requests_hash: optional_hash(wire.requests_hash.as_ref(), "requests_hash")?,
            blob_gas_used: wire.blob_gas_used,
            state_root: optional_hash(wire.state_root.as_ref(), "state_root")?,
        })
    }
}

impl From<PlanSummary> for v1::PlanSummary {
    fn from(plan: PlanSummary) -> Self {
        let PlanSummary { whole, slices, workers_used, rounds, tail } = plan;
        Self { whole, slices, workers_used, rounds, tail }
    }
}

impl From<v1::PlanSummary> for PlanSummary {
    fn from(wire: v1::PlanSummary) -> Self {
        let v1::PlanSummary { whole, slices, workers_used, rounds, tail } = wire;
        Self { whole, slices, workers_used, rounds, tail }
    }
}

impl From<JobCounts> for v1::JobCounts {
    fn from(counts: JobCounts) -> Self {
        Self {
            executions: counts.executions,
            re_executions: counts.re_executions,
            conflicts: counts.conflicts,
            attempts_lost: counts.attempts_lost,
            quarantined: counts.quarantined.iter().map(|worker| worker.get()).collect(),
            messages_coordinator_worker: counts.messages_coordinator_worker,
            messages_worker_state: counts.messages_worker_state,
            messages_coordinator_state: counts.messages_coordinator_state,
            message_bytes: counts.message_bytes,
            message_bound: counts.message_bound,
            reads: Some(counts.reads.into()),
            workers_cpu_us: counts.workers_cpu_us,
        }
    }
}

impl TryFrom<v1::JobCounts> for JobCounts {
    type Error = DecodeError;

    fn try_from(wire: v1::JobCounts) -> Result<Self, DecodeError> {
        Ok(Self {
            executions: wire.executions,
            re_executions: wire.re_executions,
            conflicts: wire.conflicts,
            attempts_lost: wire.attempts_lost,
            quarantined: wire.quarantined.into_iter().map(WorkerId::new).collect(),
            messages_coordinator_worker: wire.messages_coordinator_worker,
            messages_worker_state: wire.messages_worker_state,
            messages_coordinator_state: wire.messages_coordinator_state,
            message_bytes: wire.message_bytes,
            message_bound: wire.message_bound,
            reads: wire.reads.required("reads")?.into(),
            workers_cpu_us: wire.workers_cpu_us,
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    // 584 years: no job takes longer.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<JobTimes> for v1::JobTimes {
    fn from(times: JobTimes) -> Self {
        Self {
            wall_ns: nanoseconds(times.wall),
            queue_ns: nanoseconds(times.queue),
            plan_ns: nanoseconds(times.plan),
            execute_ns: nanoseconds(times.execute),
            finalise_ns: nanoseconds(times.finalise),
            seal_ns: nanoseconds(times.seal),
            commit_ns: nanoseconds(times.commit),
        }
    }
}

impl From<v1::JobTimes> for JobTimes {
    fn from(wire: v1::JobTimes) -> Self {
        Self {
            wall: Duration::from_nanos(wire.wall_ns),
            queue: Duration::from_nanos(wire.queue_ns),
            plan: Duration::from_nanos(wire.plan_ns),
            execute: Duration::from_nanos(wire.execute_ns),
            finalise: Duration::from_nanos(wire.finalise_ns),
            seal: Duration::from_nanos(wire.seal_ns),
            commit: Duration::from_nanos(wire.commit_ns),
        }
    }
}

/// Reads what execution produced, if it came to that.
pub(super) fn results(wire: Option<v1::BlockResults>) -> Result<Option<BlockResults>, DecodeError> {
    wire.map(TryInto::try_into).transpose().at("results")
}
