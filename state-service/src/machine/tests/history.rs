//! Random histories of everything that can be said to a shard, against the model.

use super::{
    Driven, block, job,
    model::{Expected, Fate, Model},
    request,
};
use crate::{
    config::Limits,
    machine::{Found, SealStep, SealTask},
    tests::{
        plain::{Plain, writes},
        rng::Rng,
    },
};
use alloy_primitives::{B256, keccak256};
use engine::ids::{AccessIndex, Incarnation, JobId, SnapshotId};
use proto::{
    state::{CommitRequest, Head, SealRequest, SealResponse, StageRequest},
    status::Code,
};
use std::sync::Arc;

const COMMITTED_MAX: usize = 4;

struct History {
    rng: Rng,
    driven: Driven,
    model: Model,
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
        let head = Head { block_hash: B256::ZERO, block_number: 0 };
        model.add_root(block(0), genesis, Fate::Committed(head));
        model.head = Some(head);
        let counts = Default::default();
        Self { rng, driven, model, tasks: Vec::new(), n_jobs: 0, context: String::new(), counts }
    }

    fn step(&mut self) {
        let (kind, is_ok) = match self.rng.below(20) {
            0..6 => (0, self.seal_new()),
            6..8 => (1, self.seal_again()),
            8..12 => (2, self.finish_one()),
            12..16 => (3, self.commit()),
            16 => (4, self.abort()),
            17 => (5, self.load_or_drop()),
            _ => (6, self.stage()),
        };
        self.counts[kind][usize::from(!is_ok)] += 1;
        self.compare();
    }

    fn seal_new(&mut self) -> bool {
        self.n_jobs += 1;
        let parent = self.some_name();
        let number = self.rng.below(3) + 1;
        let writes = writes(&mut self.rng);
        self.seal(&request(job(self.n_jobs), parent, number, writes))
    }

    /// Repeats a seal, as it was or with one thing changed.
    fn seal_again(&mut self) -> bool {
        let sealed: Vec<_> =
            self.model.copies.iter().filter_map(|copy| copy.request.clone()).collect();
        let Some(mut request) = self.rng.pick(&sealed) else { return true };
        match self.rng.below(6) {
            0 => request.parent = self.some_name(),
            1 => request.block_number += 1,
            2 => request.writes = writes(&mut self.rng),
            _ => {}
        }
        self.seal(&request)
    }

    fn seal(&mut self, request: &SealRequest) -> bool {
        let expected = self.model.seal(request);
        let step = self.driven.step(|machine| machine.begin_seal(&Arc::new(request.clone())));
        let context = &self.context;
        match (step, &expected) {
            (Ok(SealStep::Compute(task)), Expected::Compute) => self.tasks.push(task),
            (Ok(SealStep::Wait(on)), Expected::Wait(job)) => assert_eq!(on, *job, "{context}"),
            (Ok(SealStep::Answer(answer)), Expected::Answer(at)) => self.check_root(&answer, *at),
            (Err(error), Expected::Refuse(code)) => {
                assert_eq!(error.code(), *code, "{context}: {error}");
            }
            (step, expected) => panic!("{context}: expected {expected:?}, got {step:?}"),
        }
        !matches!(expected, Expected::Refuse(_))
    }

    fn check_root(&self, answer: &SealResponse, at: usize) {
        let copy = &self.model.copies[at];
        let root = copy.is_whole.then(|| copy.state.root());
        assert_eq!(answer.root_node.as_ref().map(keccak256), root, "{}", self.context);
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
            if is_success { Ok(task.run()) } else { Err(crate::error::StateError::Broken) };
        let counts = self.model.finish(ticket.job, is_success);

        let finished = self.driven.step(|machine| machine.finish_seal(ticket, sealed));

        let context = &self.context;
        match finished {
            Ok(answer) => {
                assert!(counts && is_success, "{context}");
                self.check_root(&answer, self.model.names[&SnapshotId::Job(ticket.job)]);
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
            let state = Plain::random(&mut self.rng);
            let name = self.driven.load(&state).unwrap();
            self.model.add_root(name, state, Fate::Loaded);
            return true;
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

    fn stage(&mut self) -> bool {
        let job = self.some_job();
        let writes = writes(&mut self.rng).into_iter();
        let incarnation = Incarnation::new(u32::try_from(self.rng.next() >> 40).unwrap());
        let staged = writes.map(|(index, set): (AccessIndex, _)| (index, incarnation, set));
        let request = StageRequest { job, writes: staged.collect() };
        let expected = match self.model.fate_of(&job) {
            _ if self.model.aborted.contains(&job) => Err(Code::Cancelled),
            None => Ok(()),
            Some(_) => Err(Code::FailedPrecondition),
        };
        let staged = self.driven.step(|machine| machine.stage(request));
        assert_eq!(staged.map_err(|error| error.code()), expected, "{}", self.context);
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
    for seed in 0..80 {
        let mut history = History::new(seed);
        for step in 0..80 {
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
