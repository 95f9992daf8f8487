//! A cluster around one job: workers, state service and wires that shuffle, delay, repeat and drop.

use super::super::{
    Assembled, Building, Dispatch, Effect, Event, Expected, Goal, Job, JobLimits, JobReport,
    JobSetup, UnassembledReceipts,
};
use super::lies::{Lie, lie_about, lie_about_snapshot, more_gas};
use alloy_consensus::{Header, ReceiptEnvelope};
use alloy_primitives::{Address, B256, keccak256};
use engine::{
    access::WriteSet,
    account::{SnapshotAnswer, SnapshotKey, TouchRule},
    block::Ommers,
    header::{BlockResults, assemble_receipts, block_results, has_state_roots},
    ids::{AccessIndex, BootId, JobId, Term, WorkerId},
    model::{ModelBlock, ModelState, Numbers, Shape},
    outcome::{Executed, SliceOutcome, TxOutcome, Verdict},
    shard::ShardCount,
    task::{JobFrame, SliceKind, SliceTask},
};
use proto::{
    coordinator::PlanWish,
    status::{Code, Status},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
};

/// Steps after which a job is taken to hang.
const STEPS_MAX: u32 = 20_000;

/// Who signed every transaction.
const SENDER: Address = Address::with_last_byte(1);

/// How the world around the job is.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) shape: Shape,
    pub(super) rule: TouchRule,
    pub(super) n_workers: u64,
    pub(super) shards: ShardCount,
    pub(super) plan: PlanWish,
    pub(super) slice_gas: Option<u64>,
    pub(super) local_recovery_len_max: usize,
    /// Which worker lies, and how.
    pub(super) liar: Option<(WorkerId, Lie)>,
    /// All workers alter the same receipt in the same way.
    pub(super) all_wrong_at: Option<AccessIndex>,
    /// How many of a hundred dispatches end in a lost worker, or a refusal.
    pub(super) loss_percent: u64,
    /// How many of a hundred runs of an index end without an answer.
    pub(super) panic_percent: u64,
    /// How this index ends whenever and wherever it runs.
    pub(super) broken: Option<(AccessIndex, Verdict)>,
    /// How many of a hundred reports of the Snapshot workers leave out.
    pub(super) unreported_percent: u64,
    /// How many of a thousand steps another worker joins at.
    pub(super) join_permille: u64,
    /// A transaction whose signature is none.
    pub(super) unsigned: Option<AccessIndex>,
    /// What the header says instead of the truth.
    pub(super) wrong_header: bool,
    /// Whether the block is built, instead of checked.
    pub(super) builds: bool,
}

/// The job with everything around it.
pub(super) struct Sim {
    pub(super) seed: u64,
    pub(super) world: World,
    pub(super) block: ModelBlock,
    numbers: Numbers,
    frame: Arc<JobFrame>,
    job: Job,
    overlays: BTreeMap<WorkerId, BTreeMap<AccessIndex, Arc<WriteSet>>>,
    to_workers: Vec<(WorkerId, SliceTask)>,
    to_job: Vec<Event>,
    /// Answers that may be delivered again.
    old: Vec<SliceOutcomeFrom>,
    n_workers: u64,
    present: BTreeSet<WorkerId>,
    pub(super) boot: BootId,
    pub(super) report: Option<JobReport>,
    pub(super) started_again: Option<String>,
    pub(super) quarantined: Vec<WorkerId>,
    pub(super) dispatches: Vec<(WorkerId, SliceKind, Vec<AccessIndex>)>,
    pub(super) n_lies: u64,
    pub(super) n_lost: u64,
    pub(super) n_commits: u64,
    pub(super) n_keys_read: u64,
    panicked: BTreeSet<AccessIndex>,
}

#[derive(Clone)]
struct SliceOutcomeFrom(WorkerId, SliceOutcome);

impl World {
    fn goal(&self, header: Header) -> Goal {
        if self.builds {
            let offsets = (0..self.shape.n_transactions as usize).collect();
            Goal::Build(Building { offsets, dropped: Vec::new() })
        } else {
            Goal::Check(Box::new(Expected::new(header, Ommers::Known)))
        }
    }
}

impl Sim {
    pub(super) fn new(seed: u64, world: World) -> Self {
        let block = ModelBlock::new(seed, world.shape, world.rule);
        let job_id = JobId { term: Term::new(1), sequence: seed };
        let frame = Arc::new(block.frame(job_id));
        let workers: Vec<_> = (1..=world.n_workers).map(WorkerId::new).collect();
        let mut header = expected_header(&frame, &block);
        if world.wrong_header {
            header.gas_used += 1;
        }
        let setup = JobSetup {
            frame: Arc::clone(&frame),
            transactions: block.transactions(),
            goal: world.goal(header),
            commits: !world.builds,
            shards: world.shards,
            plan: world.plan,
            slice_gas: world.slice_gas,
            seed,
            limits: JobLimits {
                max_rounds: NonZeroU32::new(2).unwrap(),
                slices_per_worker: NonZeroU32::MIN,
                slice_refusals_max: NonZeroU32::new(1_000).unwrap(),
                local_recovery_len_max: world.local_recovery_len_max,
                auto_split_gas_min: 0,
            },
            workers: workers.clone(),
        };
        Self {
            seed,
            numbers: Numbers::new(seed ^ 0x51b),
            job: Job::new(setup),
            frame,
            block,
            overlays: BTreeMap::new(),
            to_workers: Vec::new(),
            to_job: vec![Event::Started],
            old: Vec::new(),
            n_workers: world.n_workers,
            present: workers.into_iter().collect(),
            boot: BootId::new(1),
            report: None,
            started_again: None,
            quarantined: Vec::new(),
            dispatches: Vec::new(),
            n_lies: 0,
            n_lost: 0,
            n_commits: 0,
            n_keys_read: 0,
            panicked: BTreeSet::new(),
            world,
        }
    }

    /// Runs until the job has ended; returns its report.
    pub(super) fn run(&mut self) -> JobReport {
        for _ in 0..STEPS_MAX {
            self.step();
            if let Some(report) = self.report.take() {
                self.everything_after_the_end_is_passed_over();
                return report;
            }
            assert!(self.started_again.is_none(), "seed {}: starts again", self.seed);
        }
        panic!("seed {}: hangs in {:?}", self.seed, self.job.phase());
    }

    pub(super) fn give(&mut self, event: Event) {
        for effect in self.job.on_event(event) {
            self.perform(effect);
        }
    }

    fn everything_after_the_end_is_passed_over(&mut self) {
        let n_late = self.job.n_late();
        let rest = std::mem::take(&mut self.to_job);
        let n_rest = rest.len() as u64;
        for event in rest {
            assert!(self.job.on_event(event).is_empty(), "seed {}: works on", self.seed);
        }
        assert_eq!(self.job.n_late(), n_late + n_rest, "seed {}", self.seed);
    }

    pub(super) fn step(&mut self) {
        let n_choices = (self.to_workers.len() + self.to_job.len()) as u64;
        if self.numbers.percent(2) {
            self.deliver_again();
        } else if self.present.is_empty() || self.numbers.below(1_000) < self.world.join_permille {
            self.join();
        } else if n_choices == 0 {
            // Nothing is under way: a job that waits now waits for ever.
            panic!("seed {}: waits for nothing in {:?}", self.seed, self.job.phase());
        } else {
            let place = usize::try_from(self.numbers.below(n_choices)).unwrap();
            if place < self.to_workers.len() {
                let (worker, task) = self.to_workers.swap_remove(place);
                self.work(worker, task);
            } else {
                let place = place - self.to_workers.len();
                let event = self.to_job.swap_remove(place);
                self.give(event);
            }
        }
    }

    fn deliver_again(&mut self) {
        if let Some(SliceOutcomeFrom(worker, outcome)) = self.old.pop() {
            self.to_job.push(Event::SliceAnswered { worker, outcome: Box::new(outcome) });
        }
    }

    fn join(&mut self) {
        self.n_workers += 1;
        let worker = WorkerId::new(self.n_workers);
        self.present.insert(worker);
        self.to_job.push(Event::WorkerJoined(worker));
    }

    /// The worker is gone; what it had under way never arrives, or arrives late.
    fn lose(&mut self, worker: WorkerId) {
        self.n_lost += 1;
        self.present.remove(&worker);
        self.to_workers.retain(|(other, _)| *other != worker);
        self.to_job.push(Event::WorkerLost(worker));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Prepare { worker, part, indices } => self.prepare(worker, part, &indices),
            Effect::RecoverLocally { indices } => {
                let senders = indices.iter().map(|index| (*index, self.sender(*index))).collect();
                self.to_job.push(Event::Recovered { senders });
            }
            Effect::Dispatch { worker, task } => {
                let indices = task.items.iter().map(|item| item.index).collect();
                self.dispatches.push((worker, task.kind, indices));
                self.to_workers.push((worker, *task));
            }
            Effect::Cancel { worker, dispatch } => self.cancel(worker, dispatch),
            Effect::ReadSnapshot { shard, keys } => {
                let owner = |key: &SnapshotKey| self.world.shards.shard_of(key.address());
                assert!(keys.iter().all(|key| owner(key) == shard), "seed {}", self.seed);
                self.n_keys_read += keys.len() as u64;
                let answers = keys.into_iter().map(|key| (key, self.answer(key))).collect();
                self.to_job.push(Event::SnapshotRead { shard, boot: self.boot, answers });
            }
            Effect::Assemble(unassembled) => {
                assert!(unassembled.requests.is_empty());
                let (receipts, results) = assemble(&self.frame, unassembled);
                let assembled = Box::new(Assembled { receipts, results });
                self.to_job.push(Event::Assembled(Ok(assembled)));
            }
            Effect::Seal { writes } => {
                let writes: Vec<(AccessIndex, &WriteSet)> =
                    writes.iter().map(|it| (it.index, &*it.writes)).collect();
                let state_root = Some(root(&self.block.base, writes.iter().map(|it| it.1)));
                let tx_roots = tx_roots(&self.frame, &self.block, &writes);
                let boots = self.world.shards.indices().map(|shard| (shard, self.boot)).collect();
                let n_repeated = self.numbers.below(2);
                self.to_job.push(Event::Sealed { boots, n_repeated, state_root, tx_roots });
            }
            Effect::Abort => self.to_job.push(Event::Aborted),
            Effect::Commit => {
                self.n_commits += 1;
                self.to_job.push(Event::Committed);
            }
            Effect::Quarantine { worker, .. } => self.quarantined.push(worker),
            Effect::StartAgain { reason } => self.started_again = Some(reason),
            Effect::EndJob { .. } => {}
            Effect::Finish(report) => self.report = Some(*report),
        }
    }

    fn answer(&self, key: SnapshotKey) -> SnapshotAnswer {
        match &self.world.broken {
            Some((_, Verdict::Unavailable { key: other })) if *other == key => {
                SnapshotAnswer::Unavailable
            }
            _ => self.block.base.answer(&key),
        }
    }

    fn cancel(&mut self, worker: WorkerId, dispatch: Dispatch) {
        // Half of what is cancelled arrives all the same.
        if self.numbers.percent(50) {
            self.to_workers
                .retain(|(other, task)| *other != worker || (task.slice, task.attempt) != dispatch);
        }
    }

    fn sender(&self, index: AccessIndex) -> Option<Address> {
        (self.world.unsigned != Some(index)).then_some(SENDER)
    }

    fn prepare(&mut self, worker: WorkerId, part: u32, indices: &[AccessIndex]) {
        if self.numbers.percent(self.world.loss_percent) {
            if self.numbers.percent(50) {
                return self.lose(worker);
            }
            let status = Status::new(Code::ResourceExhausted, "the queue is full");
            return self.to_job.push(Event::PrepareFailed { worker, part, status });
        }
        let mut senders: Vec<_> =
            indices.iter().map(|index| (*index, self.sender(*index))).collect();
        if self.world.liar == Some((worker, Lie::Sender)) {
            self.n_lies += 1;
            senders[0].1 = senders[0].1.map(|_| Address::with_last_byte(2));
        }
        self.to_job.push(Event::Prepared { worker, part, senders, cpu_us: 1 });
    }

    fn work(&mut self, worker: WorkerId, task: SliceTask) {
        if self.numbers.percent(self.world.loss_percent) {
            if self.numbers.percent(50) {
                return self.lose(worker);
            }
            let dispatch = (task.slice, task.attempt);
            let status = Status::new(Code::ResourceExhausted, "the queue is full");
            return self.to_job.push(Event::SliceFailed { worker, dispatch, status });
        }
        let mine = self.overlays.entry(worker).or_default();
        for entry in &task.overlay {
            match &entry.writes {
                Some(writes) => drop(mine.insert(entry.index, Arc::clone(writes))),
                None => drop(mine.remove(&entry.index)),
            }
        }
        let confirms = task.kind == SliceKind::Confirmation;
        let overlay = if confirms { BTreeMap::new() } else { mine.clone() };
        let (numbers, panicked) = (&mut self.numbers, &mut self.panicked);
        let World { unsigned, panic_percent, unreported_percent, .. } = self.world;
        let broken = &self.world.broken;
        let mut outcome = self.block.run_slice(&task, &overlay, |item, outcome| {
            let sender = item.transaction.as_ref().map(|signed| signed.sender);
            mind_sender(unsigned, sender.filter(|_| !confirms), outcome);
            if numbers.percent(panic_percent) && panicked.insert(outcome.index) {
                outcome.verdict = Verdict::Failed { message: "model panics".to_owned() };
            }
            if let Some((_, verdict)) = broken.as_ref().filter(|(at, _)| *at == outcome.index) {
                outcome.verdict = verdict.clone();
            }
        });
        outcome.snapshot.retain(|_| !numbers.percent(unreported_percent));
        if let Some(end) = unsigned.filter(|_| confirms) {
            outcome.transactions.retain(|outcome| outcome.index <= end);
        }
        self.mind_faults(worker, &mut outcome);
        outcome.reads.miss_steps = self.numbers.below(3);
        // At worst every shard is asked in every step, and has something staged.
        let n_shards = self.world.shards.get();
        outcome.reads.batches = u64::from(n_shards) * (1 + outcome.reads.miss_steps);
        outcome.n_stages = u32::from(n_shards);
        self.old.push(SliceOutcomeFrom(worker, outcome.clone()));
        self.to_job.push(Event::SliceAnswered { worker, outcome: Box::new(outcome) });
    }

    fn mind_faults(&mut self, worker: WorkerId, outcome: &mut SliceOutcome) {
        for transaction in &mut outcome.transactions {
            if Some(transaction.index) == self.world.all_wrong_at {
                more_gas(transaction);
            }
        }
        let Some((_, lie)) = self.world.liar.filter(|(liar, _)| *liar == worker) else { return };
        let told = match lie {
            Lie::Sender => false,
            Lie::Snapshot => lie_about_snapshot(outcome),
            Lie::Silence => outcome.transactions.pop().is_some(),
            _ => outcome.transactions.iter_mut().any(|it| lie_about(lie, it)),
        };
        self.n_lies += u64::from(told);
    }
}

/// A transaction without a sender is invalid for whoever recovers it again, one with a wrong
/// sender for whoever believes it.
fn mind_sender(unsigned: Option<AccessIndex>, believed: Option<Address>, outcome: &mut TxOutcome) {
    let verdict = || Verdict::Invalid { reason: "sender".to_owned() };
    match believed {
        Some(sender) if sender != SENDER => outcome.verdict = verdict(),
        None if unsigned == Some(outcome.index) => {
            outcome.reads.0.clear();
            outcome.verdict = verdict();
        }
        _ => {}
    }
}

fn assemble(
    frame: &JobFrame,
    unassembled: UnassembledReceipts,
) -> (Vec<ReceiptEnvelope>, BlockResults) {
    let receipts = assemble_receipts(unassembled.receipts, unassembled.roots.as_deref());
    let transactions = unassembled.transactions;
    let results = block_results(&frame.chain, &frame.attributes, &transactions, &receipts, &[]);
    (receipts, results.unwrap())
}

/// What stands for a state root: a hash of all there is.
fn root<'a>(base: &ModelState, writes: impl Iterator<Item = &'a WriteSet>) -> B256 {
    let mut state = base.clone();
    writes.for_each(|writes| state.apply(writes));
    keccak256(format!("{state:?}"))
}

/// Returns the same after each transaction, where receipts hold that; `writes` are those of every
/// index.
fn tx_roots(
    frame: &JobFrame,
    block: &ModelBlock,
    writes: &[(AccessIndex, &WriteSet)],
) -> Option<Vec<B256>> {
    let n_transactions = frame.attributes.n_transactions;
    let root = |offset: usize| {
        let index = AccessIndex::of_transaction(offset);
        let below = writes.iter().take_while(|(other, _)| *other <= index);
        root(&block.base, below.map(|(_, writes)| *writes))
    };
    has_state_roots(&frame.chain, frame.attributes.header.number)
        .then(|| (0..n_transactions).map(root).collect())
}

/// Returns the header of the block as serial execution makes it; of an invalid block any header.
fn expected_header(frame: &JobFrame, block: &ModelBlock) -> Header {
    let Ok(serial) = block.serial() else { return frame.attributes.header.clone() };
    let (_, results) = serial_results(frame, block, &serial);
    Header {
        gas_used: results.gas_used,
        transactions_root: results.transactions_root,
        receipts_root: results.receipts_root.unwrap(),
        logs_bloom: results.logs_bloom,
        ommers_hash: results.ommers_hash,
        withdrawals_root: results.withdrawals_root,
        state_root: results.state_root.unwrap(),
        ..frame.attributes.header.clone()
    }
}

fn serial_results(
    frame: &JobFrame,
    block: &ModelBlock,
    serial: &[Executed],
) -> (Vec<ReceiptEnvelope>, BlockResults) {
    let receipts = serial.iter().filter_map(|executed| executed.receipt.clone()).collect();
    let places = (0..).map(AccessIndex::new);
    let writes: Vec<_> = places.zip(serial.iter().map(|it| &*it.writes)).collect();
    let roots = tx_roots(frame, block, &writes);
    let unassembled = UnassembledReceipts {
        transactions: block.transactions().to_vec(),
        receipts,
        requests: Vec::new(),
        roots,
    };
    let (receipts, mut results) = assemble(frame, unassembled);
    results.state_root = Some(root(&block.base, writes.iter().map(|it| it.1)));
    (receipts, results)
}

impl Sim {
    /// Returns the state root after each transaction that ran, where receipts hold these.
    pub(super) fn roots_after(&self, ran: &[(AccessIndex, Executed)]) -> Option<Vec<B256>> {
        let writes: Vec<_> = ran.iter().map(|(index, it)| (*index, &*it.writes)).collect();
        let all = tx_roots(&self.frame, &self.block, &writes)?;
        let transactions = ran.iter().filter(|(_, it)| it.receipt.is_some());
        let offsets = transactions.filter_map(|(index, _)| index.transaction_offset());
        Some(offsets.map(|offset| all[offset]).collect())
    }

    /// Tells whether every index wrote what it writes in serial execution.
    pub(super) fn wrote_as_serial(&self, report: &JobReport) -> bool {
        let serial = self.block.serial().unwrap_or_default();
        let serial = serial.iter().map(|executed| &executed.writes);
        report.writes.iter().map(|(_, writes)| writes).eq(serial)
    }

    /// Returns what serial execution says: receipts and results, or the lowest invalid transaction.
    pub(super) fn serial(&self) -> Result<(Vec<ReceiptEnvelope>, BlockResults), usize> {
        let invalid = self.block.serial().err();
        let lowest = invalid.into_iter().chain(self.world.unsigned).min();
        if let Some(offset) = lowest.and_then(|index| index.transaction_offset()) {
            return Err(offset);
        }
        let serial = self.block.serial().expect("no transaction is invalid");
        Ok(serial_results(&self.frame, &self.block, &serial))
    }
}
