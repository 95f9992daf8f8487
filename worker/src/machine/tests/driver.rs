//! Carries the machine's effects out at once and delivers what became of them when it is told to.

use crate::{
    advance::{Advanced, advance},
    begin::begin,
    config::{Limits, WorkerConfig},
    error::WorkerError,
    fault::NoFault,
    machine::{Advance, BatchId, Begin, Begun, Effect, Machine, Reading, RunId, Staging},
    metrics::Metrics,
    pool::Ran,
};
use alloy_consensus::{Header, SignableTransaction, TxLegacy};
use alloy_hardforks::EthereumHardfork;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::{AncestorHashes, BlockAttributes, Code},
    chain::ChainSpec,
    execute::RunLimits,
    ids::{
        AccessIndex, Attempt, BootId, Incarnation, JobId, ShardIndex, SliceId, SnapshotId, Term,
    },
    outcome::SliceOutcome,
    shard::ShardCount,
    slice::SliceRun,
    task::{JobFrame, SignedBy, SliceKind, SliceTask, TaskItem},
};
use proto::{
    state::ReadResponse,
    status::{Code as StatusCode, Status},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tracing::Span;

/// Number of contracts; slice `n` calls contract `n` modulo this.
pub(super) const N_CONTRACTS: u32 = 3;

/// Reads slot 0, then the slot that its last byte names. What a run guesses for slot 0 has zero
/// there and names no third slot.
const CHASE: Bytes = Bytes::from_static(&[0x60, 0x00, 0x54, 0x60, 0xff, 0x16, 0x54, 0x00]);

/// Something that is under way.
#[derive(Debug)]
enum UnderWay {
    Began(RunId, Option<Begun>),
    Advanced(RunId, Box<SliceRun>, Advanced),
    Read(BatchId, Vec<SnapshotKey>),
    Staged,
}

/// A machine, what is under way, and a record of what it did.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) machine: Machine,
    count: ShardCount,
    pub(super) metrics: Metrics,
    under_way: Vec<UnderWay>,
    /// The slice of each run that was taken in.
    pub(super) runs: BTreeMap<RunId, SliceTask>,
    pub(super) answers: BTreeMap<RunId, Result<Box<SliceOutcome>, WorkerError>>,
    pub(super) keys_asked: Vec<SnapshotKey>,
    pub(super) n_reads: usize,
    pub(super) longest_read: usize,
    pub(super) n_staged: usize,
}

impl Driver {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with_shards(ShardCount::ONE, limits)
    }

    pub(super) fn with_shards(count: ShardCount, limits: Limits) -> Self {
        let metrics = Metrics::default();
        let config = WorkerConfig { limits, ..WorkerConfig::default() };
        Self {
            machine: Machine::new(config, count, metrics.clone(), Arc::new(NoFault)),
            metrics,
            count,
            under_way: Vec::new(),
            runs: BTreeMap::new(),
            answers: BTreeMap::new(),
            keys_asked: Vec::new(),
            n_reads: 0,
            longest_read: 0,
            n_staged: 0,
        }
    }

    pub(super) fn send(&mut self, task: SliceTask) -> Result<RunId, WorkerError> {
        let (received, effects) = self.machine.receive(task.clone(), Span::none());
        if let Ok(run) = &received {
            assert!(self.runs.insert(*run, task).is_none(), "a run's number was given twice");
        }
        self.perform(effects);
        received
    }

    pub(super) fn end_job(&mut self, job: JobId) {
        let effects = self.machine.end_job(job).unwrap();
        self.perform(effects);
    }

    pub(super) fn n_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Delivers one of the things that are under way; reads fail if `fails`.
    pub(super) fn deliver(&mut self, choice: usize, fails: bool) {
        let choice = choice % self.under_way.len();
        let cpu = Duration::from_micros(1);
        let effects = match self.under_way.remove(choice) {
            UnderWay::Began(run, begun) => self.machine.began(run, Ok(Ran { value: begun, cpu })),
            UnderWay::Advanced(run, slice, step) => {
                self.machine.advanced(run, Ok(Ran { value: (slice, step), cpu }))
            }
            UnderWay::Read(batch, _) if fails => {
                let status = Status::new(StatusCode::Unavailable, "asked to fail");
                let shard = ShardIndex::new(0);
                self.machine.read(batch, Err(WorkerError::State { shard, status }))
            }
            UnderWay::Read(batch, keys) => {
                let values = keys.iter().map(answer).collect();
                self.machine.read(batch, Ok(ReadResponse { boot: BootId::new(1), values }))
            }
            UnderWay::Staged => {
                self.machine.staged(Ok(()));
                Vec::new()
            }
        };
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let under_way = match effect {
                Effect::Begin(Begin { run, task, overlay, cancel, .. }) => {
                    UnderWay::Began(run, begin(task, &overlay, RunLimits::default(), cancel))
                }
                Effect::Advance(Advance { run, mut slice, answers, finish, .. }) => {
                    let step = advance(&mut slice, answers, finish);
                    UnderWay::Advanced(run, slice, step)
                }
                Effect::Read(Reading { batch, shard, request, .. }) => {
                    let count = self.count;
                    let owned = request.keys.iter().all(|it| count.shard_of(it.address()) == shard);
                    assert!(owned, "asked of another than its owner: {request:?}");
                    self.keys_asked.extend(&request.keys);
                    self.longest_read = self.longest_read.max(request.keys.len());
                    self.n_reads += 1;
                    UnderWay::Read(batch, request.keys)
                }
                Effect::Stage(Staging { shard, writes, .. }) => {
                    let accounts = writes.iter().flat_map(|(_, _, writes)| &writes.accounts);
                    for (address, _) in accounts {
                        assert_eq!(self.count.shard_of(address), shard);
                    }
                    self.n_staged += 1;
                    UnderWay::Staged
                }
                Effect::Answer { run, answer } => {
                    assert!(self.answers.insert(run, answer).is_none(), "{run} answered twice");
                    continue;
                }
            };
            self.under_way.push(under_way);
        }
    }
}

pub(super) fn contract(slice: u32) -> Address {
    Address::repeat_byte(0xc0 + u8::try_from(slice % N_CONTRACTS).unwrap())
}

/// What the Snapshot holds: contracts that chase a slot, and nothing else.
fn answer(key: &SnapshotKey) -> SnapshotAnswer {
    let hash = keccak256(&CHASE);
    let is_contract = (0..N_CONTRACTS).any(|number| contract(number) == *key.address());
    let account = is_contract.then(|| Account { nonce: 1, code_hash: hash, ..Account::default() });
    match key {
        SnapshotKey::Account(_) => SnapshotAnswer::Account { account, code: None },
        SnapshotKey::AccountWithCode(_) => {
            let code = account.map(|_| Code { hash, bytes: CHASE });
            SnapshotAnswer::Account { account, code }
        }
        SnapshotKey::Slot(_, slot) if slot.is_zero() => SnapshotAnswer::Slot(U256::from(5)),
        SnapshotKey::Slot(..) => SnapshotAnswer::Slot(U256::ZERO),
        SnapshotKey::Code(..) => SnapshotAnswer::Code(CHASE),
    }
}

pub(super) const fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

/// A slice of one transaction, whose sender two slices share, that calls the slice's contract.
pub(super) fn task(sequence: u64, slice: u32, attempt: u32, kind: SliceKind) -> SliceTask {
    let frame = JobFrame {
        job: job(sequence),
        chain: ChainSpec::up_to(1, EthereumHardfork::Berlin),
        attributes: BlockAttributes {
            header: Header { gas_limit: 30_000_000, ..Header::default() },
            ommers: Vec::new(),
            withdrawals: None,
            n_transactions: 100,
        },
        ancestors: AncestorHashes::default(),
        snapshot: SnapshotId::Block(B256::repeat_byte(7)),
    };
    let tx =
        TxLegacy { gas_limit: 100_000, to: TxKind::Call(contract(slice)), ..TxLegacy::default() };
    let signature = Signature::new(U256::ONE, U256::ONE, false);
    let transaction = SignedBy {
        transaction: Arc::new(tx.into_signed(signature).into()),
        sender: Address::repeat_byte(u8::try_from(slice / 2).unwrap()),
    };
    let item = TaskItem {
        index: AccessIndex::new(slice + 1),
        incarnation: Incarnation::new(attempt),
        transaction: Some(transaction),
        standing: None,
    };
    SliceTask {
        frame: Arc::new(frame),
        slice: SliceId::new(slice),
        attempt: Attempt::new(attempt),
        kind,
        items: vec![item],
        final_below: AccessIndex::new(slice + 1),
        gas_left: None,
        overlay: Vec::new(),
    }
}
