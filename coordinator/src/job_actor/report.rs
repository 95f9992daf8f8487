//! The answer to the client.

use super::JobActor;
use crate::{commit::Decision, front::Progress, job::JobReport};
use actix::Context;
use engine::{build::BuiltBlock, shard::ShardCount};
use proto::{
    coordinator::{BlockOutcome, JobEnd},
    status::Status,
};
use tracing::info;

impl JobActor {
    /// Answers the client, and tells the front how the job ended.
    pub(super) fn finish(
        &mut self,
        report: JobReport,
        built: Option<BuiltBlock>,
        context: &mut Context<Self>,
    ) {
        let JobReport { end, results, receipts, writes, plan, counts, .. } = report;
        let Some(done) = self.done.take() else { return };
        let outcome = BlockOutcome {
            job: self.lane.sealed_as(),
            block_hash: built.as_ref().map_or(self.block_hash, |built| built.hash),
            end,
            results,
            receipts,
            writes,
            plan,
            counts,
            times: self.watch.times(self.tools.clock.now()),
            trace_id: trace_id(&self.span),
            built,
        };
        let metrics = &self.tools.metrics;
        metrics.decided(&outcome);
        if outcome.end == JobEnd::Committed {
            let root = outcome.results.as_ref().and_then(|results| results.state_root);
            self.tools.roots.note(outcome.block_hash, root);
        }
        metrics.refused_late.add(self.machine.as_ref().map_or(0, crate::job::Job::n_late));
        self.log(&outcome);
        self.progress(match &outcome.end {
            JobEnd::Committed => Progress::Decided(self.lane.sealed_as()),
            JobEnd::Verified | JobEnd::Built => Progress::Verified(self.lane.sealed_as()),
            JobEnd::Different => Progress::Failed("the parent differs from its header".to_owned()),
            JobEnd::Invalid { reason, .. } => {
                Progress::Failed(format!("the parent is invalid: {reason}"))
            }
            JobEnd::Failed { reason } => Progress::Failed(format!("the parent failed: {reason}")),
        });
        if outcome.end == JobEnd::Committed {
            self.spread();
        }
        // A client that is gone asks again by name.
        let _ = done.send(Ok(outcome));
        self.stop_if_over(context);
    }

    /// Has the other shards told of the decision; the client does not wait for it.
    fn spread(&mut self) {
        if self.tools.state.count() == ShardCount::ONE {
            self.settle();
        } else {
            self.lane.push(Decision::Spread);
        }
    }

    /// Every shard was told of the decision.
    pub(super) fn settle(&self) {
        self.progress(Progress::Settled(self.lane.sealed_as()));
    }

    /// Answers that the request is none.
    pub(super) fn refuse(&mut self, status: Status, context: &mut Context<Self>) {
        self.tools.metrics.refused_no_block.increment();
        self.progress(Progress::Failed(format!("the parent was refused: {status}")));
        if let Some(done) = self.done.take() {
            let _ = done.send(Err(status));
        }
        self.stop_if_over(context);
    }

    fn log(&self, outcome: &BlockOutcome) {
        let span = &self.span;
        let gas = outcome.results.as_ref().map(|results| results.gas_used);
        if let Some(gas) = gas {
            span.record("gas", gas);
        }
        let (plan, counts, times) = (&outcome.plan, &outcome.counts, &outcome.times);
        info!(
            parent: span,
            end = ?outcome.end,
            n_slices = plan.slices,
            n_workers = plan.workers_used,
            n_rounds = plan.rounds,
            tail = plan.tail,
            n_executions = counts.executions,
            n_conflicts = counts.conflicts,
            n_attempts_lost = counts.attempts_lost,
            wall_us = micros(times.wall),
            plan_us = micros(times.plan),
            execute_us = micros(times.execute),
            finalise_us = micros(times.finalise),
            seal_us = micros(times.seal),
            commit_us = micros(times.commit),
            "block is decided"
        );
    }
}

/// Returns the trace that a span belongs to, if it is exported.
fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.in_scope(cluster::grpc::trace_context);
    context.split('-').nth(1).map(str::to_owned)
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
