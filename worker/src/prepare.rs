//! Recovers the senders of a part of a block, spread over the CPU threads.

use crate::{
    cpu_time::CpuTime,
    error::WorkerError,
    pool::{self, Pool, WorkOrder},
};
use alloy_consensus::TxEnvelope;
use alloy_primitives::Address;
use engine::{
    execute::CancelFlag,
    ids::{AccessIndex, JobId},
    senders,
    task::JobFrame,
};
use futures::{StreamExt, TryStreamExt, stream};
use proto::worker::{PrepareRequest, PrepareResponse};
use std::{num::NonZeroUsize, sync::Arc};

/// Senders in the order of their transactions; `None` where a signature is none.
type Senders = Vec<(AccessIndex, Option<Address>)>;

/// How a Prepare call is carried out.
#[derive(Debug)]
pub(crate) struct Preparing {
    pub(crate) pool: Arc<dyn Pool>,
    pub(crate) cpu_time: CpuTime,
    /// Transactions of one piece of work.
    pub(crate) prepare_len_max: NonZeroUsize,
    /// Raised when the job ends.
    pub(crate) ended: CancelFlag,
}

impl Preparing {
    /// Recovers all senders. At most one piece of work per thread waits at a time.
    pub(crate) async fn recover_all(
        &self,
        request: PrepareRequest,
    ) -> Result<PrepareResponse, WorkerError> {
        let PrepareRequest { frame, transactions } = request;
        let n_transactions = transactions.len();
        let pieces = self.pieces(transactions);
        let recovered = stream::iter(pieces)
            .map(|piece| self.recover(&frame, piece))
            .buffered(self.pool.n_threads().get())
            .try_fold(
                (Vec::with_capacity(n_transactions), 0),
                |(mut all, cpu_us), piece| async move {
                    let (senders, piece_cpu_us) = piece;
                    all.extend(senders);
                    Ok((all, cpu_us + piece_cpu_us))
                },
            );
        let (senders, cpu_us) = recovered.await?;
        Ok(PrepareResponse { senders, cpu_us })
    }

    /// Cuts the transactions so that every thread has some, and none has many at a time.
    fn pieces(
        &self,
        mut transactions: Vec<(AccessIndex, Arc<TxEnvelope>)>,
    ) -> Vec<Vec<(AccessIndex, Arc<TxEnvelope>)>> {
        let even = transactions.len().div_ceil(self.pool.n_threads().get());
        let len = even.clamp(1, self.prepare_len_max.get());
        let mut pieces = Vec::with_capacity(transactions.len().div_ceil(len));
        while transactions.len() > len {
            let rest = transactions.split_off(len);
            pieces.push(std::mem::replace(&mut transactions, rest));
        }
        pieces.push(transactions);
        pieces
    }

    async fn recover(
        &self,
        frame: &Arc<JobFrame>,
        piece: Vec<(AccessIndex, Arc<TxEnvelope>)>,
    ) -> Result<(Senders, u64), WorkerError> {
        self.check_wanted(frame.job)?;
        let index = piece.first().map_or(AccessIndex::PRE_BLOCK, |(index, _)| *index);
        let order = WorkOrder { job: frame.job, index };
        let header = &frame.attributes.header;
        let spec = frame.chain.spec_at(header.number, header.timestamp);
        let ended = self.ended.clone();
        let ran = pool::run(self.pool.as_ref(), order, self.cpu_time.clone(), move || {
            let wanted = piece.iter().take_while(|_| !ended.is_cancelled());
            wanted
                .map(|(index, transaction)| (*index, senders::recover(transaction, spec)))
                .collect()
        })
        .await?;
        self.check_wanted(frame.job)?;
        Ok((ran.value, u64::try_from(ran.cpu.as_micros()).unwrap_or(u64::MAX)))
    }

    fn check_wanted(&self, job: JobId) -> Result<(), WorkerError> {
        if self.ended.is_cancelled() { Err(WorkerError::JobEnded { job }) } else { Ok(()) }
    }
}
