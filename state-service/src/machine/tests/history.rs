//! Random histories of everything that can be said to a shard, against the model.

use super::{
    Driven, block,
    cache::Cache,
    computed, job,
    model::{Expected, Fate, Model, Told},
    request,
};
use crate::{
    config::Limits,
    machine::{Found, SealStep, SealTask, Stages},
    tests::{
        plain::{Plain, ordered, writes},
        rng::Rng,
    },
};
use alloy_primitives::{B256, Bytes, keccak256};
use engine::ids::{Incarnation, JobId, SnapshotId};
use proto::{
    state::{
        CommitRequest, FeedMessage, Head, SealPurpose, SealRequest, SealResponse, StageRequest,
    },
    status::Code,
};
use std::sync::Arc;

const COMMITTED_MAX: usize = 4;

struct History {
    rng: Rng,
    driven: Driven,
    model: Model,
    /// What a worker knows who listens to the feed.
    cache: Cache,
    /// Requests so far, with all their values.
    requests: Vec<SealRequest>,
    /// Seals that are computed elsewhere.
    tasks: Vec<SealTask>,
    n_jobs: u64,
    /// Which seed and step this is, for messages.
    context: String,
    /// How often each kind of step succeeded and was refused.
    counts: [[u32; 2]; 7],
}

impl History {
    fn new(seed: u64) -> Self {
        let limits = Limits {
            committed_snapshots_max: COMMITTED_MAX.try_into().unwrap(),
            ..Limits::default()
        };
        let mut rng = Rng::new(seed);
        let (mut driven, genesis) = (Driven::new(limits), Plain::random(&mut rng));
        let mut model = Model { committed_max: COMMITTED_MAX, ..Model::default() };
        driven.genesis(&genesis, B256::ZERO).unwrap();
        let cache = Cache::new(block(0), genesis.clone());
        let head = Head { block_hash: B256::ZERO, block_number: 0 };
        model.add_root(block(0), genesis, Fate::Committed(head));
        model.head = Some(head);
        let counts = Default::default();
        let (requests, tasks, n_jobs, context) = (Vec::new(), Vec::new(), 0, String::new());
        Self { rng, driven, model, cache, requests, tasks, n_jobs, context, counts }
    }

    fn step(&mut self) {
        let (kind, is_ok) = match self.rng.below(30) {
            0..5 => (0, self.seal_new()),
            5..10 => (1, self.seal_again()),
            10..15 => (2, self.finish_one()),
            15..19 => (3, self.commit()),
            19..21 => (4, self.abort()),
            21 => (5, self.load_or_drop()),
            _ => (6, self.stage()),
        };
        self.counts[kind][usize::from(!is_ok)] += 1;
        self.compare_feed();
        self.compare();
    }

    fn seal_new(&mut self) -> bool {
        self.n_jobs += 1;
        let parent = self.some_name();
        let number = self.rng.below(3) + 1;
        let mut new = request(job(self.n_jobs), parent, number, writes(&mut self.rng));
        if self.rng.one_in(5) {
            new.purpose = SealPurpose::Verify;
        }
        self.requests.push(new.clone());
        if self.rng.one_in(2) {
            // Its writes come first, or some of them.
            let staged = self.some_writes(&new);
            self.stage_writes(StageRequest { job: new.job, writes: staged });
        }
        self.seal_somehow(new)
    }

    /// Repeats a seal, as it was or with one thing changed.
    fn seal_again(&mut self) -> bool {
        let Some(mut again) = self.rng.pick(&self.requests) else { return true };
        match self.rng.below(9) {
            0 => again.parent = self.some_name(),
            1 => again.block_number += 1,
            2 => {
                let other = writes(&mut self.rng);
                (again.order, again.digest) = ordered(&other, 1);
                again.values = other;
            }
            3 => again.purpose = SealPurpose::Verify,
            _ => {}
        }
        self.seal_somehow(again)
    }

    /// Seals with all values, some, none or wrong ones.
    fn seal_somehow(&mut self, mut request: SealRequest) -> bool {
        match self.rng.below(4) {
            0 => request.values.clear(),
            1 => {
                let mut rng = Rng::new(self.rng.next());
                request.values.retain(|_| rng.one_in(2));
            }
            2 if self.rng.one_in(3) => {
                for (_, value) in &mut request.values {
                    *value = Arc::default();
                }
            }
            _ => {}
        }
        let stages = if self.rng.one_in(2) { Stages::MayCome } else { Stages::WaitedFor };
        self.seal(&request, stages)
    }

    fn seal(&mut self, request: &SealRequest, stages: Stages) -> bool {
        let expected = self.model.seal(request, stages);
        let step = self.driven.begin(request, stages);
        let context = &self.context;
        match (step, &expected) {
            (Ok(SealStep::Compute(task)), Expected::Compute) => self.tasks.push(task),
            (Ok(SealStep::Wait(on)), Expected::Wait(job)) => assert_eq!(on, *job, "{context}"),
            (Ok(SealStep::WaitForStages(on)), Expected::WaitForStages) => {
                assert_eq!(on, request.job, "{context}");
            }
            (Ok(SealStep::Answer(SealResponse::Sealed(sealed))), Expected::Answer(at)) => {
                self.check_root(sealed.root_node.as_ref(), *at);
            }
            (
                Ok(SealStep::Answer(SealResponse::Differs { digests, .. })),
                Expected::Differ(own),
            ) => {
                assert_eq!(digests, *own, "{context}");
            }
            (Err(error), Expected::Refuse(code)) => {
                assert_eq!(error.code(), *code, "{context}: {error}");
            }
            (step, expected) => panic!("{context}: expected {expected:?}, got {step:?}"),
        }
        !matches!(expected, Expected::Refuse(_) | Expected::Differ(_))
    }

    fn check_root(&self, root_node: Option<&Bytes>, at: usize) {
        let copy = &self.model.copies[at];
        let root = copy.is_whole.then(|| copy.state.root());
        assert_eq!(root_node.map(keccak256), root, "{}", self.context);
    }

    /// Brings back the answer of a task, or that it failed.
    fn finish_one(&mut self) -> bool {
        if self.tasks.is_empty() {
            return true;
        }
        let at = usize::try_from(self.rng.below(self.tasks.len() as u64)).unwrap();
        let task = self.tasks.swap_remove(at);
        let ticket = task.ticket();
        let is_success = !self.rng.one_in(6);
        let sealed =
            if is_success { computed(task) } else { Err(crate::error::StateError::Broken) };
        let counts = self.model.finish(ticket.job, is_success);

        let finished = self.driven.step(|machine| machine.finish_seal(ticket, sealed));

        let context = &self.context;
        match finished {
            Ok(answer) => {
                assert!(counts && is_success, "{context}");
                let at = self.model.names[&SnapshotId::Job(ticket.job)];
                self.check_root(answer.root_node.as_ref(), at);
            }
            Err(error) => {
                let code = if counts { Code::Internal } else { Code::Cancelled };
                assert_eq!(error.code(), code, "{context}");
            }
        }
        counts && is_success
    }

    fn commit(&mut self) -> bool {
        let job = self.some_job();
        let sealed = self.model.names.get(&SnapshotId::Job(job));
        let sealed = sealed.and_then(|at| self.model.copies[*at].request.clone());
        let number = sealed.map_or(1, |request| request.block_number);
        let block_number = if self.rng.one_in(8) { number + 1 } else { number };
        // Few hashes for one number, so that jobs collide.
        let byte = u8::try_from(1 + self.rng.below(40)).unwrap();
        let commit = CommitRequest { job, block_hash: B256::repeat_byte(byte), block_number };
        let again = self.model.committed.get(&job).filter(|_| self.rng.one_in(2));
        let commit = match again {
            Some(Head { block_hash, block_number }) => {
                CommitRequest { job, block_hash: *block_hash, block_number: *block_number }
            }
            None => commit,
        };
        let expected = self.model.commit(&commit);

        let committed = self.driven.step(|machine| machine.commit(commit));

        assert_eq!(committed.map_err(|error| error.code()), expected, "{}", self.context);
        expected.is_ok()
    }

    fn abort(&mut self) -> bool {
        let job = self.some_job();
        let expected = self.model.abort(job);
        let aborted = self.driven.step(|machine| machine.abort(job));
        assert_eq!(aborted.map_err(|error| error.code()), expected, "{}", self.context);
        expected.is_ok()
    }

    fn load_or_drop(&mut self) -> bool {
        let loaded: Vec<_> = self
            .model
            .names
            .keys()
            .copied()
            .filter(|name| matches!(name, SnapshotId::Loaded(_)))
            .collect();
        let dropped = if self.rng.one_in(2) { self.rng.pick(&loaded) } else { None };
        let Some(name) = dropped else {
            let (state, number) = (Plain::random(&mut self.rng), self.rng.below(8));
            let name = SnapshotId::Loaded(number);
            let is_taken = self.model.readable(&name).is_some();
            let expected = if is_taken { Err(Code::FailedPrecondition) } else { Ok(name) };
            let loaded = self.driven.load(&state, number).map_err(|error| error.code());
            assert_eq!(loaded, expected, "{}", self.context);
            if !is_taken {
                self.model.add_root(name, state, Fate::Loaded);
            }
            return !is_taken;
        };
        let known = self.model.readable(&name);
        if let Some(at) = known {
            self.model.drop_with_all_above(at);
        }
        let dropped = self.driven.step(|machine| machine.drop_snapshot(name));
        let expected = known.map(|_| ()).ok_or(Code::NotFound);
        assert_eq!(dropped.map_err(|error| error.code()), expected, "{}", self.context);
        expected.is_ok()
    }

    /// Stages what some request orders, or anything.
    fn stage(&mut self) -> bool {
        let known = self.rng.pick(&self.requests);
        let request = match known.filter(|_| !self.rng.one_in(4)) {
            Some(request) => {
                let writes = self.some_writes(&request);
                StageRequest { job: request.job, writes }
            }
            None => {
                let incarnation = Incarnation::new(u32::try_from(self.rng.next() >> 40).unwrap());
                let writes = writes(&mut self.rng).into_iter();
                let writes = writes.map(|(index, set)| (index, incarnation, set)).collect();
                StageRequest { job: self.some_job(), writes }
            }
        };
        self.stage_writes(request)
    }

    /// Returns most of what a request orders, and now and then something else.
    fn some_writes(
        &mut self,
        request: &SealRequest,
    ) -> Vec<(engine::ids::AccessIndex, Incarnation, Arc<engine::access::WriteSet>)> {
        let mut writes = Vec::new();
        for ((index, incarnation), (_, set)) in request.order.iter().zip(&request.values) {
            match self.rng.below(12) {
                0 => {}
                1 => writes.push((*index, *incarnation, Arc::default())),
                2 => writes.push((*index, incarnation.next(), Arc::clone(set))),
                _ => writes.push((*index, *incarnation, Arc::clone(set))),
            }
        }
        writes
    }

    fn stage_writes(&mut self, request: StageRequest) -> bool {
        let expected = self.model.stage(&request);
        self.driven.staged.clear();
        let job = request.job;

        let staged = self.driven.stage(request).map_err(|error| error.code());

        let context = &self.context;
        assert_eq!(staged, expected.map(|_| ()), "{context}");
        let woken: &[JobId] = if expected == Ok(true) { &[job] } else { &[] };
        assert_eq!(self.driven.staged, woken, "{context}");
        expected.is_ok()
    }

    /// Returns a name that can be read mostly, or one that cannot.
    fn some_name(&mut self) -> SnapshotId {
        let readable = self.model.readable_names();
        let all: Vec<_> = self.model.names.keys().copied().collect();
        let names = if self.rng.one_in(5) { all } else { readable };
        self.rng.pick(&names).unwrap_or_else(|| block(0))
    }

    /// Returns a job that is sealed mostly, or any, or one that comes next.
    fn some_job(&mut self) -> JobId {
        let sealed: Vec<_> = self
            .model
            .copies
            .iter()
            .filter(|copy| copy.fate == Fate::Provisional)
            .filter_map(|copy| Some(copy.request.as_ref()?.job))
            .collect();
        match self.rng.pick(&sealed) {
            Some(job) if !self.rng.one_in(4) => job,
            _ => job(1 + self.rng.below(self.n_jobs + 2)),
        }
    }

    /// Compares what the feed tells, and what a worker makes of it.
    fn compare_feed(&mut self) {
        let context = &self.context;
        let feed = std::mem::take(&mut self.driven.feed);
        let told = feed.iter().map(|message| match message {
            FeedMessage::Start { .. } => panic!("{context}: a second start"),
            FeedMessage::Sealed { job, parent, .. } => Told::Sealed(*job, *parent),
            FeedMessage::Committed { job, block_hash } => Told::Committed(*job, *block_hash),
            FeedMessage::Dropped { job } => Told::Dropped(*job),
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, std::mem::take(&mut self.model.told), "{context}");
        for message in &feed {
            self.cache.hear(message, context);
        }
        for name in self.model.readable_names() {
            let copy = &self.model.copies[self.model.names[&name]];
            let cached = self.cache.states.get(&name);
            assert_eq!(cached.is_some(), copy.is_fed, "{context}, {name}");
            if let Some(cached) = cached {
                cached.assert_is(&self.driven.directory[&name], &format!("{context}, {name}"));
            }
        }
    }

    /// Compares all that can be seen: names, values, head.
    fn compare(&self) {
        let context = &self.context;
        assert_eq!(self.driven.machine.head(), self.model.head, "{context}");
        let readable = self.model.readable_names();
        let found: Vec<_> = self.driven.directory.keys().copied().collect();
        assert_eq!(found, readable, "{context}");
        for name in &readable {
            let copy = &self.model.copies[self.model.names[name]];
            let snapshot = &self.driven.directory[name];
            copy.state.assert_is(snapshot, &format!("{context}, {name}"));
            let found = self.driven.machine.find(name);
            assert!(matches!(found, Ok(Found::Ready(same)) if Arc::ptr_eq(&same, snapshot)));
        }
        for job in (1..=self.n_jobs + 1).map(job) {
            let name = SnapshotId::Job(job);
            let found = self.driven.machine.find(&name);
            match self.model.fate_of(&job) {
                _ if self.model.aborted.contains(&job) => {
                    assert_eq!(found.unwrap_err().code(), Code::Cancelled, "{context}, {job}");
                }
                None | Some(Fate::Sealing) => {
                    assert!(matches!(found, Ok(Found::Awaited(_))), "{context}, {job}");
                }
                Some(Fate::Gone) => {
                    assert_eq!(found.unwrap_err().code(), Code::NotFound, "{context}, {job}");
                }
                Some(_) => assert!(matches!(found, Ok(Found::Ready(_))), "{context}, {job}"),
            }
        }
    }
}

#[test]
fn random_histories_equal_full_copies() {
    let mut counts = [[0; 2]; 7];
    for seed in 0..120 {
        let mut history = History::new(seed);
        for step in 0..90 {
            history.context = format!("seed {seed}, step {step}");
            history.step();
        }
        for (sum, count) in counts.iter_mut().flatten().zip(history.counts.iter().flatten()) {
            *sum += count;
        }
    }
    let kinds = ["seal", "seal again", "finish", "commit", "abort", "load or drop", "stage"];
    for (kind, [ok, refused]) in kinds.iter().zip(counts) {
        assert!(ok > 20 && refused > 20, "{kind}: {ok} taken, {refused} refused");
    }
}
