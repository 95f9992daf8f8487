//! Carries out what the machine wants.

use super::{Again, JobActor};
use crate::{
    commit::{Decision, Ended, StateCall},
    front::{NewJobId, Progress, Removal, RemoveWorker},
    job::{Effect, Event},
};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use engine::{account::SnapshotKey, ids::ShardIndex};
use proto::state::SealPurpose;
use tracing::{Instrument, info_span};

impl JobActor {
    pub(super) fn perform(&mut self, effect: Effect, context: &mut Context<Self>) {
        match effect {
            Effect::Prepare { worker, part, indices } => {
                self.prepare((worker, part), indices, context);
            }
            Effect::RecoverLocally { indices } => self.recover(indices, context),
            Effect::Dispatch { worker, task } => self.dispatch(worker, *task, context),
            Effect::Cancel { worker, dispatch } => self.cancel(worker, dispatch, context),
            Effect::ReadSnapshot { shard, keys } => self.read_snapshot((shard, keys), context),
            Effect::Assemble(receipts) => self.assemble(receipts, context),
            Effect::Seal { writes } => self.decide(Decision::Seal(writes), context),
            Effect::Abort => self.decide(Decision::Abort, context),
            Effect::Commit => {
                self.progress(Progress::Sealed(self.lane.sealed_as()));
                self.decide(Decision::Commit, context);
            }
            Effect::Quarantine { worker, reason } => {
                let why = Removal::Quarantined(reason);
                self.front.do_send(RemoveWorker { worker, why, service: None });
            }
            Effect::StartAgain { reason } => self.start_again(reason, context),
            Effect::EndJob { workers } => self.end_at_workers(workers),
            Effect::Finish(report) => self.close_and_finish(*report, context),
        }
    }

    fn read_snapshot(
        &self,
        (shard, keys): (ShardIndex, Vec<SnapshotKey>),
        context: &mut Context<Self>,
    ) {
        let Some(call) = self.state_call() else { return };
        let span = info_span!(parent: &self.span, "read", %shard, n_keys = keys.len());
        let reading = async move {
            match call.read(shard, keys).await {
                Ok((boot, answers)) => Event::SnapshotRead { shard, boot, answers },
                Err(status) => Event::StateFailed(status),
            }
        };
        self.spawn_event(context, reading.instrument(span));
    }

    /// Decisions reach the state service one after the other, in order.
    fn decide(&mut self, decision: Decision, context: &mut Context<Self>) {
        self.lane.push(decision);
        self.advance_lane(context);
    }

    pub(super) fn advance_lane(&mut self, context: &mut Context<Self>) {
        let Some(call) = self.state_call() else { return };
        let Some((decision, sealed_as)) = self.lane.begin() else { return };
        let deciding = async move { call.carry_out(decision, sealed_as).await };
        let deciding = deciding.instrument(self.span.clone()).into_actor(self);
        context.spawn(deciding.map(|ended, actor, context| {
            let Ended { event, sealed_as, seal_took, commit_took } = ended;
            actor.lane.end(sealed_as);
            actor.watch.sealed(seal_took);
            actor.watch.committed(commit_took);
            match event {
                Some(event) => actor.happened(event, context),
                None => actor.settle(),
            }
            actor.advance_lane(context);
            actor.begin_again(context);
            actor.stop_if_over(context);
        }));
    }

    fn state_call(&self) -> Option<StateCall> {
        Some(StateCall {
            tools: self.tools.clone(),
            front: self.front.clone(),
            frame: self.frame.clone()?,
            block_hash: self.block_hash,
            parent: self.parent.clone(),
            purpose: if self.commits() { SealPurpose::Commit } else { SealPurpose::Verify },
            seed: self.work.seed,
        })
    }

    fn start_again(&mut self, reason: String, context: &mut Context<Self>) {
        self.n_restarts += 1;
        self.machine = None;
        for (_, call) in std::mem::take(&mut self.calls) {
            context.cancel_future(call);
        }
        let job_restarts_max = self.tools.config.limits.job_restarts_max;
        if self.n_restarts > job_restarts_max {
            let reason = format!("started again {job_restarts_max} times: {reason}");
            let end = proto::coordinator::JobEnd::Failed { reason };
            return self.end_without_report(end, context);
        }
        self.tools.metrics.jobs_restarted.increment();
        tracing::warn!(job = %self.job, reason, "job starts again");
        let (front, actor) = (self.front.clone(), context.address());
        actix::spawn(async move {
            if let Ok(new) = front.send(NewJobId).await {
                actor.do_send(Again(new.0));
            }
        });
    }
}
