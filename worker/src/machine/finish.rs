//! How a run ends: with an outcome, with an error, or cancelled.

use super::{Effect, Machine, Phase, RunId, RunningSlice, effect::Staging};
use crate::{
    advance::{Finish, Finished, StagedWrites},
    error::WorkerError,
    prefetch::KnownKey,
};
use engine::{
    ids::ShardIndex,
    outcome::{SliceOutcome, Verdict},
};
use std::{collections::BTreeMap, sync::Arc};
use tracing::{Span, info_span, warn};

impl Machine {
    /// Returns what is to be done with a run's outcome on the CPU thread that ends it.
    pub(super) fn finish_of(&self, running: &RunningSlice) -> Finish {
        Finish {
            no_sender: running.no_sender.clone(),
            fault: Arc::clone(&self.fault),
            stages_at: self.stages().then_some(self.shards),
        }
    }

    /// A slice ran to its end.
    pub(super) fn done(&mut self, run: RunId, finished: Finished) -> Vec<Effect> {
        let Some(mut running) = self.remove(run) else { return Vec::new() };
        let Finished { mut outcome, stages } = finished;
        running.stats.prefetched_unused = n_unused(&mut running.prefetched, &outcome);
        outcome.reads = running.stats;
        outcome.cpu_us = u64::try_from(running.cpu.as_micros()).unwrap_or(u64::MAX);
        let stagings = self.stagings(&outcome, stages, &running.span);
        outcome.n_stages = u32::try_from(stagings.len()).unwrap_or(u32::MAX);
        self.count(&outcome);
        // The answer first: nobody waits for what is staged.
        let mut effects = vec![Effect::Answer { run, answer: Ok(Box::new(outcome)) }];
        effects.extend(stagings.into_iter().map(Effect::Stage));
        effects
    }

    fn count(&self, outcome: &SliceOutcome) {
        let metrics = &self.metrics;
        let gas = |verdict: &Verdict| match verdict {
            Verdict::Executed(executed) => executed.receipt.as_ref().map_or(0, |it| it.gas.used),
            _ => 0,
        };
        metrics.slices_done.increment();
        metrics.executions.add(outcome.n_executions);
        metrics.incarnations.add(u64::try_from(outcome.transactions.len()).unwrap_or(u64::MAX));
        metrics.gas.add(outcome.transactions.iter().map(|it| gas(&it.verdict)).sum());
        metrics.slice_cpu_us.add(outcome.cpu_us);
    }

    /// Returns the stage messages that may leave.
    fn stagings(
        &mut self,
        outcome: &SliceOutcome,
        stages: BTreeMap<ShardIndex, Vec<StagedWrites>>,
        span: &Span,
    ) -> Vec<Staging> {
        let (job, slice) = (outcome.job, outcome.slice);
        let n_free = self.config.limits.stages_in_flight_max.get().saturating_sub(self.n_stages);
        let n_skipped = stages.len().saturating_sub(n_free);
        if n_skipped > 0 {
            self.metrics.stages_skipped.add(u64::try_from(n_skipped).unwrap_or(u64::MAX));
            warn!(%job, %slice, n_skipped, "too many stage messages are under way");
        }
        let leaving = stages.into_iter().take(n_free).map(|(shard, writes)| {
            let span = info_span!(parent: span, "stage", %shard, n_writes = writes.len());
            Staging { shard, job, writes, span }
        });
        let leaving: Vec<_> = leaving.collect();
        self.n_stages += leaving.len();
        self.metrics.stages.add(u64::try_from(leaving.len()).unwrap_or(u64::MAX));
        leaving
    }

    /// A stage message was answered, failed or came too late. The slice stands all the same.
    pub(crate) fn staged(&mut self, answer: Result<(), String>) {
        self.n_stages = self.n_stages.saturating_sub(1);
        if let Err(error) = answer {
            self.metrics.stages_failed.increment();
            warn!(%error, "writes were not staged");
        }
    }

    /// A run ends in an error.
    pub(super) fn fail(&mut self, run: RunId, error: WorkerError) -> Vec<Effect> {
        if self.remove(run).is_none() {
            return Vec::new();
        }
        match error {
            WorkerError::Cancelled => self.metrics.slices_cancelled.increment(),
            _ => self.metrics.slices_failed.increment(),
        }
        vec![Effect::Answer { run, answer: Err(error) }]
    }

    /// A run is not wanted any more. Its caller hears at once; a CPU thread that has it lets go of
    /// it soon, because forgetting the run raises its flag.
    pub(super) fn cancel(&mut self, run: RunId, error: WorkerError) -> Vec<Effect> {
        let Some(running) = self.remove(run) else { return Vec::new() };
        if matches!(running.phase, Phase::OnPool) {
            self.n_held_by_pool += 1;
        }
        self.metrics.slices_cancelled.increment();
        vec![Effect::Answer { run, answer: Err(error) }]
    }

    fn remove(&mut self, run: RunId) -> Option<RunningSlice> {
        let running = self.running.remove(&run)?;
        if let Some(job) = self.jobs.get_mut(&running.job()) {
            job.stop(running.slice, run);
        }
        if let (_, Some(_)) = running.keys {
            // A Confirmation's keys are its own.
            self.keys.remove(&running.keys);
        }
        self.gauge();
        Some(running)
    }

    /// Counts a refusal and makes it the answer.
    pub(super) fn refuse<T>(&self, error: WorkerError) -> Result<T, WorkerError> {
        let metrics = &self.metrics;
        let counter = match &error {
            WorkerError::JobEnded { .. } => &metrics.refused_job_ended,
            WorkerError::LateAttempt { .. } => &metrics.refused_late_attempt,
            WorkerError::Gone => &metrics.refused_gone,
            _ => &metrics.refused_full,
        };
        counter.increment();
        Err(error)
    }
}

/// Counts the keys that were read before execution and that execution did not use. What was used
/// is sorted by key.
fn n_unused(prefetched: &mut [KnownKey], outcome: &SliceOutcome) -> u64 {
    prefetched.sort_unstable();
    let mut used = outcome.snapshot.iter().map(KnownKey::of_value).peekable();
    let is_unused = |key: &&KnownKey| {
        while used.next_if(|used| used < *key).is_some() {}
        // Code is asked for by itself only for an account that has it; it goes unnamed.
        !matches!(key, KnownKey::Code(_)) && used.peek() != Some(*key)
    };
    u64::try_from(prefetched.iter().filter(is_unused).count()).unwrap_or(u64::MAX)
}
