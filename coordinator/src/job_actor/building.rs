//! The two ends of building a block: its header opened before it runs, and closed when it is
//! sealed.

use super::{
    JobActor,
    decode::{DecodedBlock, Sought},
};
use crate::{
    commit::Decision,
    job::{Building, BuiltBody, JobReport},
    work::Work,
};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use alloy_primitives::Bytes;
use engine::build::{self, BuildAttributes, Candidates};
use proto::{
    coordinator::JobEnd,
    status::{Code, Status},
};
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// Opens a block that is to be built, and decodes its candidates.
pub(super) fn open(
    work: &Work,
    attributes: &BuildAttributes,
    candidates: &[Bytes],
) -> Result<DecodedBlock, Status> {
    let Candidates { transactions, offsets, dropped } = build::decode(candidates);
    let attributes = build::open(&work.chain, &work.lineage, attributes, transactions.len())
        .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
    let number = attributes.header.number;
    if work.chain.is_eip1283_active_at(number) {
        let what = "has the price of storage of Constantinople (EIP-1283), which evmesh has not";
        let message = format!("chain: block {number} {what}");
        return Err(Status::new(Code::InvalidArgument, message));
    }
    let sought = Sought::Build(Building { offsets, dropped });
    Ok(DecodedBlock { transactions: transactions.into(), attributes, sought })
}

impl JobActor {
    /// Closes a block that was built, then answers; anything else is answered at once.
    pub(super) fn close_and_finish(&mut self, mut report: JobReport, context: &mut Context<Self>) {
        let (Some(body), Some(frame)) = (report.built.take(), &self.frame) else {
            return self.finish(report, None, context);
        };
        let Some(results) = report.results.clone() else {
            return self.finish(report, None, context);
        };
        let (cpu, frame) = (self.tools.cpu.clone(), Arc::clone(frame));
        let closing = async move {
            let BuiltBody { transactions, dropped } = body;
            let parts = (transactions, dropped);
            let close = move || build::close(&frame.chain, &frame.attributes, parts, &results);
            cpu.run(close).await
        };
        let span = info_span!(parent: &self.span, "close");
        let closing = closing.instrument(span).into_actor(self);
        context.spawn(closing.map(move |closed, actor, context| match closed {
            Ok(Ok(built)) => actor.finish(report, Some(built), context),
            Ok(Err(error)) => actor.give_up(report, error.to_string(), context),
            Err(_) => actor.give_up(report, "closing the block panicked".to_owned(), context),
        }));
    }

    /// Drops what is sealed: it is no block's.
    fn give_up(&mut self, report: JobReport, reason: String, context: &mut Context<Self>) {
        self.lane.push(Decision::Abort);
        self.advance_lane(context);
        let end = JobEnd::Failed { reason };
        let (receipts, writes) = (Vec::new(), Vec::new());
        self.finish(JobReport { end, results: None, receipts, writes, ..report }, None, context);
    }
}
