//! What a job computes on CPU threads: senders, receipts, roots.

use super::{JobActor, decode::DecodedBlock};
use crate::{
    cpu::Cpu,
    job::{Assembled, Event, UnassembledReceipts},
};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use alloy_primitives::Address;
use engine::{
    header::{assemble_receipts, block_results},
    ids::AccessIndex,
    senders,
    task::JobFrame,
};
use futures::future::try_join_all;
use std::sync::Arc;
use tracing::{Instrument, info_span};

impl JobActor {
    pub(super) fn recover(&self, indices: Vec<AccessIndex>, context: &mut Context<Self>) {
        let (Some(block), Some(frame)) = (&self.block, &self.frame) else { return };
        let span = info_span!(parent: &self.span, "prepare", n_transactions = indices.len());
        let (block, frame) = (Arc::clone(block), Arc::clone(frame));
        let recovering = recover_all(self.tools.cpu.clone(), block, frame, indices);
        let event = async move {
            match recovering.await {
                Some(senders) => Event::Recovered { senders },
                None => Event::CannotGoOn("recovering senders panicked".to_owned()),
            }
        };
        self.spawn_event(context, event.instrument(span));
    }

    pub(super) fn assemble(&self, receipts: UnassembledReceipts, context: &mut Context<Self>) {
        let Some(frame) = self.frame.clone() else { return };
        let (cpu, clock) = (self.tools.cpu.clone(), self.tools.clock.clone());
        let begun = clock.now();
        let assembling = async move { cpu.run(move || assemble(&frame, receipts)).await };
        let span = info_span!(parent: &self.span, "finalise");
        let assembling = assembling.instrument(span).into_actor(self);
        let run = self.n_restarts;
        context.spawn(assembling.map(move |assembled, actor, context| {
            if actor.n_restarts != run {
                return;
            }
            actor.watch.finalised(clock.now().saturating_sub(begun));
            let broken = |_| Event::CannotGoOn("putting receipts together panicked".to_owned());
            actor.happened(assembled.map_or_else(broken, Event::Assembled), context);
        }));
    }
}

fn assemble(frame: &JobFrame, unassembled: UnassembledReceipts) -> Result<Box<Assembled>, String> {
    let UnassembledReceipts { transactions, receipts, requests, roots } = unassembled;
    let receipts = assemble_receipts(receipts, roots.as_deref());
    let attributes = &frame.attributes;
    let results = block_results(&frame.chain, attributes, &transactions, &receipts, &requests);
    let results = results.map_err(|error| error.to_string())?;
    Ok(Box::new(Assembled { receipts, results }))
}

/// Recovers senders, spread over all threads; `None` if that panicked.
async fn recover_all(
    cpu: Cpu,
    block: Arc<DecodedBlock>,
    frame: Arc<JobFrame>,
    indices: Vec<AccessIndex>,
) -> Option<Vec<(AccessIndex, Option<Address>)>> {
    let header = &frame.attributes.header;
    let spec = frame.chain.spec_at(header.number, header.timestamp);
    let len = indices.len().div_ceil(cpu.n_threads().get()).max(1);
    let pieces = indices.chunks(len).map(|piece| {
        let (piece, block) = (piece.to_vec(), Arc::clone(&block));
        cpu.run(move || {
            let sender = |index: AccessIndex| {
                let transaction = block.transactions.get(index.transaction_offset()?)?;
                Some((index, senders::recover(transaction, spec)))
            };
            piece.into_iter().filter_map(sender).collect::<Vec<_>>()
        })
    });
    let senders = try_join_all(pieces).await.ok()?;
    Some(senders.into_iter().flatten().collect())
}
