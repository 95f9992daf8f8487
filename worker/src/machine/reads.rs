//! From the keys that a run wants to the answers it gets.

use super::{
    BatchId, Effect, KeysOf, Machine, Phase, RunId,
    effect::{Advance, Reading},
    running::Waiting,
};
use crate::{
    error::WorkerError,
    prefetch::{Batch, CacheCounts, KnownKey, Wanted, Why, answer_bytes},
};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::ShardIndex,
    slice::SliceRun,
};
use proto::state::{ReadRequest, ReadResponse};
use tracing::{Span, info_span, warn};

/// A read that was sent.
#[derive(Debug)]
pub(super) struct InFlight {
    keys_of: KeysOf,
    batch: Batch,
}

impl Machine {
    /// A run wants keys: it gets them at once if all are here, else it waits.
    pub(super) fn want(
        &mut self,
        run: RunId,
        slice: Box<SliceRun>,
        keys: Vec<SnapshotKey>,
        why: Why,
    ) -> Vec<Effect> {
        let Some(running) = self.running.get_mut(&run) else { return Vec::new() };
        let n_keys = keys.len();
        let predicted = why == Why::Predicted;
        let span = info_span!(parent: &running.span, "prefetch", n_keys, predicted);
        let answers = Vec::with_capacity(n_keys);
        let waiting = Waiting { slice, open: keys, answers, why, n_wakes: 0, span };
        running.phase = Phase::Waiting(waiting);
        let mut effects = self.look(run, true);
        effects.extend(self.send_reads(running_keys(&self.running, run)));
        effects
    }

    /// Looks for the answers that a waiting run lacks. What nobody has asked for is put into the
    /// next read. `first` tells that these keys are looked for the first time.
    fn look(&mut self, run: RunId, first: bool) -> Vec<Effect> {
        let Some(running) = self.running.get_mut(&run) else { return Vec::new() };
        let Some(known) = self.keys.get_mut(&running.keys) else { return Vec::new() };
        let Phase::Waiting(waiting) = &mut running.phase else { return Vec::new() };
        if first {
            known.reserve(waiting.open.len());
        }
        for key in std::mem::take(&mut waiting.open) {
            match known.want(run, key, waiting.why, &mut self.caches) {
                Wanted::Here(answer) => waiting.answers.push((key, answer)),
                Wanted::Later => waiting.open.push(key),
            }
        }
        waiting.n_wakes = waiting.open.len();
        let CacheCounts { n_hits, n_misses } = known.take_counts();
        running.stats.cache_hits += n_hits;
        running.stats.cache_misses += n_misses;
        self.metrics.cache_hits.add(n_hits);
        self.metrics.cache_misses.add(n_misses);
        if waiting.open.is_empty() { self.go_on(run) } else { Vec::new() }
    }

    fn go_on(&mut self, run: RunId) -> Vec<Effect> {
        let Some(running) = self.running.get_mut(&run) else { return Vec::new() };
        match std::mem::replace(&mut running.phase, Phase::OnPool) {
            Phase::OnPool => Vec::new(),
            Phase::Waiting(Waiting { slice, answers, .. }) => {
                let (order, span) = (running.order, running.span.clone());
                let Some(running) = self.running.get(&run) else { return Vec::new() };
                let finish = self.finish_of(running);
                vec![Effect::Advance(Advance { run, order, slice, answers, finish, span })]
            }
        }
    }

    /// Sends what may leave of the keys that wait to be asked for: one step, at all shards at once.
    fn send_reads(&mut self, keys_of: Option<KeysOf>) -> Vec<Effect> {
        let Some(keys_of) = keys_of else { return Vec::new() };
        let limits = &self.config.limits;
        let (keys_max, in_flight_max) =
            (limits.read_keys_max.get(), limits.reads_in_flight_max.get());
        let mut step = Vec::new();
        while let Some(batch) = self.keys.get_mut(&keys_of).and_then(|known| {
            known.next_batch(keys_max, in_flight_max, |run| self.running.contains_key(&run))
        }) {
            step.push(batch);
        }
        self.count_step(&step);
        step.into_iter().map(|batch| self.send_read(keys_of, batch)).collect()
    }

    /// Counts batches that leave together, all for one run: so its counts hold by themselves,
    /// whichever other runs are lost.
    fn count_step(&mut self, step: &[Batch]) {
        let Some(running) = step.first().and_then(|first| self.running.get_mut(&first.owner()))
        else {
            return;
        };
        running.stats.batches += as_count(step.len());
        if step.iter().any(Batch::is_missed) {
            let by_shard = step.chunk_by(|one, next| one.shard == next.shard);
            let n_steps = by_shard.map(<[Batch]>::len).max().unwrap_or(0);
            running.stats.miss_steps += as_count(n_steps);
        }
    }

    fn send_read(&mut self, keys_of: KeysOf, batch: Batch) -> Effect {
        self.metrics.reads.increment();
        self.metrics.keys.add(as_count(batch.keys.len()));
        for ((owner, why), keys) in batch.by_owner() {
            let Some(running) = self.running.get_mut(&owner) else { continue };
            running.stats.keys += as_count(keys.len());
            if why == Why::Predicted {
                running.stats.prefetched += as_count(keys.len());
                running.prefetched.extend(batch.keys[keys].iter().map(KnownKey::of));
            }
        }
        let span = match self.running.get(&batch.owner()).map(|running| &running.phase) {
            Some(Phase::Waiting(waiting)) => waiting.span.clone(),
            _ => Span::none(),
        };
        let request = ReadRequest { snapshot: batch.snapshot, keys: batch.keys.clone() };
        self.n_reads += 1;
        let (id, shard) = (BatchId::new(self.n_reads), batch.shard);
        self.reads.insert(id, InFlight { keys_of, batch });
        Effect::Read(Reading { batch: id, shard, request, span })
    }

    /// A read was answered, or failed.
    pub(crate) fn read(
        &mut self,
        batch: BatchId,
        answer: Result<ReadResponse, WorkerError>,
    ) -> Vec<Effect> {
        let Some(InFlight { keys_of, batch }) = self.reads.remove(&batch) else {
            return Vec::new();
        };
        let mut effects = match answer.and_then(|answer| self.checked(keys_of, &batch, answer)) {
            Ok(answers) => self.take_in(keys_of, &batch, answers),
            Err(error) => self.give_up(keys_of, &batch, &error),
        };
        effects.extend(self.send_reads(Some(keys_of)));
        effects
    }

    fn checked(
        &mut self,
        keys_of: KeysOf,
        batch: &Batch,
        answer: ReadResponse,
    ) -> Result<Vec<SnapshotAnswer>, WorkerError> {
        let (shard, n_keys, n_values) = (batch.shard, batch.keys.len(), answer.values.len());
        if n_keys != n_values {
            return Err(WorkerError::WrongAnswer { shard, n_keys, n_values });
        }
        let Some(known) = self.keys.get_mut(&keys_of) else { return Ok(answer.values) };
        known.check_boot(shard, answer.boot).map_err(|restarted| WorkerError::ShardRestarted {
            shard,
            before: restarted.before,
            now: restarted.now,
        })?;
        Ok(answer.values)
    }

    fn take_in(
        &mut self,
        keys_of: KeysOf,
        batch: &Batch,
        answers: Vec<SnapshotAnswer>,
    ) -> Vec<Effect> {
        for ((owner, _), keys) in batch.by_owner() {
            let n_bytes = answers[keys].iter().map(answer_bytes).sum();
            self.metrics.read_bytes.add(n_bytes);
            if let Some(running) = self.running.get_mut(&owner) {
                running.stats.bytes += n_bytes;
            }
        }
        let Some(known) = self.keys.get_mut(&keys_of) else { return Vec::new() };
        let woken = known.record(batch, answers, &mut self.caches);
        self.gauge();
        self.gauge_caches();
        let by_run = woken.chunk_by(PartialEq::eq);
        by_run.flat_map(|wakes| self.wake(wakes[0], wakes.len())).collect()
    }

    fn wake(&mut self, run: RunId, n_wakes: usize) -> Vec<Effect> {
        let Some(running) = self.running.get_mut(&run) else { return Vec::new() };
        let Phase::Waiting(waiting) = &mut running.phase else { return Vec::new() };
        waiting.n_wakes = waiting.n_wakes.saturating_sub(n_wakes);
        if waiting.n_wakes > 0 {
            return Vec::new();
        }
        // What is asked for now, such as code that was replaced, nobody could predict.
        waiting.why = Why::Missed;
        self.look(run, false)
    }

    /// Ends the runs that waited for a read that failed. Its keys may be asked for again.
    fn give_up(&mut self, keys_of: KeysOf, batch: &Batch, error: &WorkerError) -> Vec<Effect> {
        self.metrics.reads_failed.increment();
        let shard: ShardIndex = batch.shard;
        warn!(job = %keys_of.0, %shard, %error, "a read failed");
        let Some(known) = self.keys.get_mut(&keys_of) else { return Vec::new() };
        let waiters = known.fail(batch);
        waiters.into_iter().flat_map(|run| self.fail(run, error.clone())).collect()
    }
}

fn running_keys(
    running: &std::collections::BTreeMap<RunId, super::RunningSlice>,
    run: RunId,
) -> Option<KeysOf> {
    running.get(&run).map(|running| running.keys)
}

fn as_count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
