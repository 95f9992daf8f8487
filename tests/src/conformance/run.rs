//! Runs a corpus in one shape after the other, several cases at once.

use super::{
    CaseFailure, Flaw, Options, Report, SCHEMA, Shape, ShapeReport,
    corpus::{File, Read, read_cases, send_files},
    judge,
    shape::Sessions,
};
use cluster::clock::SharedClock;
use evmesh::{
    progress::Progress,
    report::{BlockStatus, micros},
    session::Session,
};
use inputs::Input;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
};

/// Files that wait for a thread.
const FILES_WAITING_MAX: usize = 8;
/// Cases of the whole official archive that are to be run, for the progress line.
const CASES_OF_ALL: u64 = 65_917;

/// Whether each case passed, by file and name.
type Verdicts = BTreeMap<(String, String), bool>;

/// Runs everything.
///
/// # Errors
/// If the corpus cannot be read, or a cluster cannot start. A case that fails is part of the report.
pub fn run(options: &Options, clock: &SharedClock) -> anyhow::Result<Report> {
    let mut report = Report {
        schema: SCHEMA,
        corpus: options.corpus.display().to_string(),
        seed: options.seed,
        shapes: Vec::new(),
        verdicts_differ: Vec::new(),
        failures: Vec::new(),
    };
    let mut verdicts: BTreeMap<(String, String), Vec<bool>> = BTreeMap::new();
    for (place, shape) in options.shapes.iter().enumerate() {
        let all = run_shape(*shape, options, clock)?;
        let at_place = |failure| CaseFailure { shape: place, ..failure };
        report.failures.extend(all.failures.into_iter().map(at_place));
        report.shapes.push(all.counts);
        for (case, passed) in all.verdicts {
            verdicts.entry(case).or_default().push(passed);
        }
    }
    let differs = |passed: &Vec<bool>| passed.iter().any(|one| *one != passed[0]);
    let differing = verdicts.iter().filter(|(_, passed)| differs(passed));
    report.verdicts_differ = differing.map(|((file, case), _)| format!("{file}#{case}")).collect();
    Ok(report)
}

/// What one thread did, or all of them.
#[derive(Debug)]
struct Done {
    counts: ShapeReport,
    failures: Vec<CaseFailure>,
    verdicts: Verdicts,
}

impl Done {
    fn new(shape: Shape) -> Self {
        let counts = ShapeReport::new(shape);
        Self { counts, failures: Vec::new(), verdicts: Verdicts::new() }
    }

    fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.failures.extend(other.failures);
        self.verdicts.extend(other.verdicts);
    }
}

/// What the threads of a shape share.
struct Shared<'a> {
    shape: Shape,
    sessions: &'a Sessions,
    options: &'a Options,
    files: Mutex<Receiver<File>>,
    n_done: AtomicU64,
    progress: Mutex<Progress>,
}

fn run_shape(shape: Shape, options: &Options, clock: &SharedClock) -> anyhow::Result<Done> {
    let begun = clock.now();
    let (processes, sessions) = shape.start(options.seed, clock)?;
    let (files, waiting) = mpsc::sync_channel(FILES_WAITING_MAX);
    let what = format!(
        "{} workers, {} state shards{}, {}",
        shape.workers,
        shape.state_shards.get(),
        if shape.conflicts_forced { ", conflicts forced" } else { "" },
        shape.transport.name(),
    );
    let shared = Shared {
        shape,
        sessions: &sessions,
        options,
        files: Mutex::new(waiting),
        n_done: AtomicU64::new(0),
        progress: Mutex::new(Progress::new(what, clock)),
    };
    let mut all = Done::new(shape);
    thread::scope(|scope| {
        let reader = scope.spawn(move || send_files(&options.corpus, &files));
        let threads: Vec<_> =
            (0..options.threads.get()).map(|_| scope.spawn(|| run_files(&shared))).collect();
        let panicked = |_| anyhow::anyhow!("a thread panicked");
        for thread in threads {
            all.add(thread.join().map_err(panicked)??);
        }
        reader.join().map_err(panicked)?
    })?;
    if let Some(processes) = processes {
        processes.stop()?;
    }
    all.failures.sort_by(|one, other| (&one.file, &one.case).cmp(&(&other.file, &other.case)));
    all.counts.wall_us = micros(clock.now() - begun);
    Ok(all)
}

/// Takes files until there are no more.
fn run_files(shared: &Shared<'_>) -> anyhow::Result<Done> {
    let mut done = Done::new(shared.shape);
    let mut session = None;
    loop {
        let file = shared.files.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(file) = file else { break };
        if !shared.options.selection.wants_file(&file.path) {
            continue;
        }
        read_cases(&file, &shared.options.selection, &mut |name, read| {
            run_case((&file.path, name), read, &mut session, shared, &mut done)
        })?;
    }
    if let Some(session) = session {
        session.finish()?;
    }
    Ok(done)
}

fn run_case(
    (file, name): (&str, &str),
    read: Read,
    session: &mut Option<Session>,
    shared: &Shared<'_>,
    done: &mut Done,
) -> anyhow::Result<()> {
    let case = match read {
        Read::NotRun(rule) => {
            *done.counts.not_run.entry(rule.name().to_owned()).or_default() += 1;
            return Ok(());
        }
        Read::NotLoadable(reason) => {
            tracing::info!(file, name, reason, "a case cannot be read");
            done.counts.not_loadable += 1;
            return Ok(());
        }
        Read::Ready(network, input) => (network, input),
    };
    let (network, input) = case;
    let running = match session.take() {
        Some(session) => session,
        None => shared.sessions.make()?,
    };
    let (flaw, kept) = play(running, &input, &mut done.counts);
    *session = kept;
    match &flaw {
        None => done.counts.passed += 1,
        Some(_) => done.counts.failed += 1,
    }
    done.verdicts.insert((file.to_owned(), name.to_owned()), flaw.is_none());
    done.failures.extend(flaw.map(|flaw| CaseFailure::new(file, name, &network, flaw)));
    let n_done = shared.n_done.fetch_add(1, Ordering::Relaxed) + 1;
    let of = shared.options.selection.len().map_or(CASES_OF_ALL, |len| len as u64);
    shared.progress.lock().unwrap_or_else(PoisonError::into_inner).set(n_done, of);
    Ok(())
}

/// Runs one case, and judges it. A session whose cluster gave up is not used again.
fn play(
    mut session: Session,
    input: &Input,
    counts: &mut ShapeReport,
) -> (Option<Flaw>, Option<Session>) {
    let mut flaw = None;
    let ended = session.run_input(input, &mut |report| {
        let line = &report.line;
        counts.blocks += 1;
        counts.refused += u64::from(line.status == BlockStatus::RefusedAsExpected);
        counts.rebuilt += u64::from(line.rebuilt);
        counts.transactions += line.transactions;
        counts.slices += u64::from(line.plan.slices);
        counts.conflicts += line.conflicts;
        if flaw.is_none() {
            flaw = judge::of_block(report);
        }
        Ok(())
    });
    match ended {
        Ok(end) => (flaw.or_else(|| judge::of_end(&end)), Some(session)),
        Err(failure) => {
            let gave_up = Flaw::new(None, "cluster", failure.what);
            // What it says about its end is not about the case.
            let _ = session.finish();
            (flaw.or(Some(gave_up)), None)
        }
    }
}
