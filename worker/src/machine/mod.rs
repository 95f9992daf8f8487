//! What a worker decides, without waiting for anything: each event gives effects, which the actor
//! carries out.
//!
//! A slice goes through it like this; everything to the right is an effect and comes back as an
//! event, in whatever order:
//! ```text
//! receive ──▶ Begin (CPU thread) ──▶ began: predicted keys ──▶ Read … read
//!                 ┌──────────────────────────────────────────────────┘
//!                 ▼  all keys are here
//!             Advance (CPU thread) ──▶ advanced: Missing ──▶ Read … read ──▶ Advance …
//!                                               Done ──▶ Answer, Stage
//! ```

mod effect;
mod ended;
mod feed;
mod finish;
mod jobs;
mod reads;
mod running;
#[cfg(test)]
mod tests;

pub(crate) use effect::{Advance, BatchId, Begin, Begun, Effect, Reading, RunId, Staging};

use crate::{
    advance::Advanced,
    cache::Caches,
    config::{Switch, WorkerConfig},
    error::WorkerError,
    fault::Fault,
    metrics::Metrics,
    pool::{PoolError, Ran, WorkOrder},
    prefetch::{JobKeys, Why},
};
use ended::EndedJobs;
use engine::{
    execute::CancelFlag,
    ids::{AccessIndex, Attempt, JobId, SliceId},
    shard::ShardCount,
    slice::SliceRun,
    task::{JobFrame, SliceKind, SliceTask},
};
use jobs::Job;
use reads::InFlight;
use running::{Phase, RunningSlice};
use std::{collections::BTreeMap, sync::Arc};
use tracing::Span;

/// The whole state of a worker.
#[derive(Debug)]
pub(crate) struct Machine {
    config: WorkerConfig,
    metrics: Metrics,
    fault: Arc<dyn Fault>,
    jobs: BTreeMap<JobId, Job>,
    ended: EndedJobs,
    running: BTreeMap<RunId, RunningSlice>,
    /// Keys of the jobs, and of each Confirmation apart: nothing cached answers those.
    keys: BTreeMap<KeysOf, JobKeys>,
    reads: BTreeMap<BatchId, InFlight>,
    /// How many state shards there are.
    shards: ShardCount,
    caches: Caches,
    /// Cancelled slices that a CPU thread still holds; they count against the queue's bound.
    n_held_by_pool: usize,
    n_prepares: usize,
    n_stages: usize,
    /// Numbers of runs and reads; never given twice.
    n_runs: u64,
    n_reads: u64,
    is_gone: bool,
}

/// Whose keys are known together: a job's, or one Confirmation's.
pub(super) type KeysOf = (JobId, Option<RunId>);

impl Machine {
    pub(crate) fn new(
        config: WorkerConfig,
        shards: ShardCount,
        metrics: Metrics,
        fault: Arc<dyn Fault>,
    ) -> Self {
        let limits = &config.limits;
        Self {
            ended: EndedJobs::new(limits.ended_jobs_max.get()),
            caches: Caches::new(shards, &config),
            shards,
            config,
            metrics,
            fault,
            jobs: BTreeMap::new(),
            running: BTreeMap::new(),
            keys: BTreeMap::new(),
            reads: BTreeMap::new(),
            n_held_by_pool: 0,
            n_prepares: 0,
            n_stages: 0,
            n_runs: 0,
            n_reads: 0,
            is_gone: false,
        }
    }

    /// Takes a slice in, or refuses it. What its task says of the overlay is kept even if the
    /// slice itself is refused for the queue's length or its age: the next difference builds on it.
    pub(crate) fn receive(
        &mut self,
        task: SliceTask,
        span: Span,
    ) -> (Result<RunId, WorkerError>, Vec<Effect>) {
        if !self.is_gone && self.fault.is_lost_at_slice() {
            let effects = self.vanish();
            return (self.refuse(WorkerError::Gone), effects);
        }
        if let Err(error) = self.open_job(&task.frame) {
            return (self.refuse(error), Vec::new());
        }
        let (newest, older) = match self.jobs.get_mut(&task.frame.job) {
            Some(job) => {
                job.put_overlay(&task.overlay);
                (job.newest_attempt(task.slice), job.running_attempt(task.slice))
            }
            None => return (self.refuse(WorkerError::Gone), Vec::new()),
        };
        if let Some(newest) = newest.filter(|newest| *newest >= task.attempt) {
            let (slice, given) = (task.slice, task.attempt);
            return (self.refuse(WorkerError::LateAttempt { slice, given, newest }), Vec::new());
        }
        let mut effects = Vec::new();
        if let Some(older) = older {
            let error = WorkerError::Redispatched { slice: task.slice, newest: task.attempt };
            effects.extend(self.cancel(older, error));
        }
        let slice_queue_len_max = self.config.limits.slice_queue_len_max.get();
        if self.running.len() + self.n_held_by_pool >= slice_queue_len_max {
            return (self.refuse(WorkerError::SliceQueueFull { slice_queue_len_max }), effects);
        }
        let (run, begin) = self.begin(task, span);
        effects.push(begin);
        (Ok(run), effects)
    }

    fn begin(&mut self, task: SliceTask, span: Span) -> (RunId, Effect) {
        self.n_runs += 1;
        let run = RunId::new(self.n_runs);
        let frame = Arc::clone(&task.frame);
        let index = task.items.first().map_or(AccessIndex::PRE_BLOCK, |item| item.index);
        let order = WorkOrder { job: frame.job, index };
        let confirms = task.kind == SliceKind::Confirmation;
        let keys = (frame.job, confirms.then_some(run));
        let uses_cache = !confirms && self.caches_on();
        self.keys.entry(keys).or_insert_with(|| JobKeys::new(frame.snapshot, uses_cache));
        let cancel = CancelFlag::default();
        let mut overlay = Arc::default();
        if let Some(job) = self.jobs.get_mut(&frame.job) {
            job.start(task.slice, task.attempt, run);
            if !confirms {
                overlay = job.overlay();
            }
        }
        let running = RunningSlice::new(&task, order, keys, cancel.clone(), span.clone());
        self.running.insert(run, running);
        self.gauge();
        (run, Effect::Begin(Begin { run, order, task, overlay, cancel, span }))
    }

    /// A CPU thread made a slice's run, or could not.
    pub(crate) fn began(
        &mut self,
        run: RunId,
        begun: Result<Ran<Option<Begun>>, PoolError>,
    ) -> Vec<Effect> {
        match (self.back_from_pool(run), begun) {
            (false, _) => Vec::new(),
            (true, Err(error)) => self.fail(run, error.into()),
            (true, Ok(Ran { value: None, .. })) => self.fail(run, WorkerError::Cancelled),
            (true, Ok(Ran { value: Some(begun), cpu })) => {
                if let Some(running) = self.running.get_mut(&run) {
                    running.cpu += cpu;
                    running.no_sender = begun.no_sender;
                }
                self.want(run, begun.slice, begun.predicted, Why::Predicted)
            }
        }
    }

    /// A CPU thread ran a slice as far as it could, or failed.
    pub(crate) fn advanced(
        &mut self,
        run: RunId,
        advanced: Result<Ran<(Box<SliceRun>, Advanced)>, PoolError>,
    ) -> Vec<Effect> {
        match (self.back_from_pool(run), advanced) {
            (false, _) => Vec::new(),
            (true, Err(error)) => self.fail(run, error.into()),
            (true, Ok(Ran { value: (slice, step), cpu })) => {
                if let Some(running) = self.running.get_mut(&run) {
                    running.cpu += cpu;
                }
                match step {
                    Advanced::Missing(keys) => self.want(run, slice, keys, Why::Missed),
                    Advanced::Done(finished) => self.done(run, *finished),
                    Advanced::Cancelled => self.fail(run, WorkerError::Cancelled),
                }
            }
        }
    }

    /// Notes that the pool let go of a run; false if it was cancelled meanwhile.
    fn back_from_pool(&mut self, run: RunId) -> bool {
        let lives = self.running.contains_key(&run);
        if !lives {
            self.n_held_by_pool = self.n_held_by_pool.saturating_sub(1);
        }
        lives
    }

    /// Counts a Prepare call in and opens its job; the flag says when its work is not wanted any
    /// more.
    pub(crate) fn begin_prepare(
        &mut self,
        frame: &Arc<JobFrame>,
    ) -> Result<CancelFlag, WorkerError> {
        let prepare_queue_len_max = self.config.limits.prepare_queue_len_max.get();
        if let Err(error) = self.open_job(frame) {
            return self.refuse(error);
        }
        if self.n_prepares >= prepare_queue_len_max {
            return self.refuse(WorkerError::PrepareQueueFull { prepare_queue_len_max });
        }
        let Some(job) = self.jobs.get(&frame.job) else { return self.refuse(WorkerError::Gone) };
        self.n_prepares += 1;
        Ok(job.ended.clone())
    }

    /// Counts a Prepare call out; an error if the worker is gone meanwhile.
    pub(crate) fn end_prepare(&mut self, n_senders: usize, cpu_us: u64) -> Result<(), WorkerError> {
        self.n_prepares = self.n_prepares.saturating_sub(1);
        self.metrics.senders.add(u64::try_from(n_senders).unwrap_or(u64::MAX));
        self.metrics.prepare_cpu_us.add(cpu_us);
        if self.is_gone { Err(WorkerError::Gone) } else { Ok(()) }
    }

    /// Ends a job: nothing of it runs on, nothing of it is kept.
    pub(crate) fn end_job(&mut self, job: JobId) -> Result<Vec<Effect>, WorkerError> {
        if self.is_gone {
            return self.refuse(WorkerError::Gone);
        }
        self.ended.insert(job);
        Ok(self.drop_job(job, &WorkerError::JobEnded { job }))
    }

    /// Cancels an attempt for which nobody waits any more.
    pub(crate) fn cancel_attempt(
        &mut self,
        job: JobId,
        slice: SliceId,
        attempt: Attempt,
    ) -> Vec<Effect> {
        let known = self.jobs.get(&job).filter(|job| job.newest_attempt(slice) == Some(attempt));
        let run = known.and_then(|job| job.running_attempt(slice));
        run.map_or_else(Vec::new, |run| self.cancel(run, WorkerError::Cancelled))
    }

    /// Ends all jobs, and forgets which jobs have ended: the next coordinator may give their
    /// numbers again.
    pub(crate) fn forget_jobs(&mut self) -> Vec<Effect> {
        self.ended = EndedJobs::new(self.config.limits.ended_jobs_max.get());
        let jobs: Vec<_> = self.jobs.keys().copied().collect();
        let ended = |job| WorkerError::JobEnded { job };
        jobs.into_iter().flat_map(|job| self.drop_job(job, &ended(job))).collect()
    }

    /// Stops at once: everything is cancelled, and nothing is ever taken in again.
    pub(crate) fn vanish(&mut self) -> Vec<Effect> {
        self.is_gone = true;
        let jobs: Vec<_> = self.jobs.keys().copied().collect();
        jobs.into_iter().flat_map(|job| self.drop_job(job, &WorkerError::Gone)).collect()
    }

    pub(crate) const fn caches_on(&self) -> bool {
        matches!(self.config.cache, Switch::On)
    }

    const fn stages(&self) -> bool {
        matches!(self.config.stage, Switch::On)
    }

    fn gauge(&self) {
        self.metrics.slices_running.set(self.running.len());
        self.metrics.jobs_open.set(self.jobs.len());
        self.metrics.code_cache_bytes.set(self.caches.codes.bytes());
    }
}
