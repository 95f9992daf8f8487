//! The worker's messages and trait.

use crate::status::Status;
use alloy_consensus::TxEnvelope;
use alloy_primitives::Address;
use async_trait::async_trait;
use engine::{
    ids::{AccessIndex, JobId},
    outcome::SliceOutcome,
    task::{JobFrame, SliceTask},
};
use std::sync::Arc;

/// Tells a worker of a job, and gives it transactions whose senders it has to recover.
#[derive(Clone, Debug)]
pub struct PrepareRequest {
    /// The job's frame.
    pub frame: Arc<JobFrame>,
    /// Transactions of the block, by index; this worker's part.
    pub transactions: Vec<(AccessIndex, Arc<TxEnvelope>)>,
}

/// Answers a [`PrepareRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareResponse {
    /// Senders in the request's order; `None` where the signature is no signature.
    pub senders: Vec<(AccessIndex, Option<Address>)>,
    /// CPU time in microseconds.
    pub cpu_us: u64,
}

/// A worker: recovers senders and runs slices.
#[async_trait]
pub trait WorkerService: Send + Sync + std::fmt::Debug {
    /// Recovers senders of a part of a block's transactions (secp256k1).
    ///
    /// # Errors
    /// `Unavailable` if the worker is gone or stops.
    async fn prepare(&self, request: PrepareRequest) -> Result<PrepareResponse, Status>;

    /// Runs one attempt of a slice to its end.
    ///
    /// # Errors
    /// `Cancelled` if the job ended or the slice was dispatched again; `Unavailable` if the worker
    /// or the state service is gone; `ResourceExhausted` if the worker's queue is full.
    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status>;

    /// Ends a job: everything that still runs for it is cancelled, what was kept is dropped.
    ///
    /// # Errors
    /// `Unavailable` if the worker is gone.
    async fn end_job(&self, job: JobId) -> Result<(), Status>;
}
