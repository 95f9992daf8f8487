//! Workers and a state service that run model blocks, behind the real traits.

use alloy_consensus::{BlockBody, Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{B256, Bytes};
use async_trait::async_trait;
use engine::{
    access::WriteSet,
    account::TouchRule,
    block::{AncestorHashes, Block, Ommers},
    chain::ChainSpec,
    header::{assemble_receipts, block_results},
    ids::{AccessIndex, BootId, JobId, SnapshotId, WorkerId},
    model::{ModelBlock, ModelState, Shape},
    outcome::{SliceOutcome, Verdict},
    senders,
    task::SliceTask,
};
use proto::{
    coordinator::{ExecuteBlockRequest, Mode, PlanWish},
    state::{
        CommitRequest, Head, LoadGenesisRequest, ReadRequest, ReadResponse, SealRequest,
        SealResponse, StageRequest, StateService, StateValues,
    },
    status::{Code, Status},
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, watch};

pub(super) const SHAPE: Shape = Shape {
    n_transactions: 60,
    n_accounts: 40,
    invalid_percent: 0,
    parked_percent: 0,
    n_fitting: 60,
};

/// A chain of model blocks, each on the state that the one before left.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) rules: ChainSpec,
    pub(super) blocks: BTreeMap<u64, ModelBlock>,
    pub(super) encoded: Vec<(B256, Bytes)>,
}

pub(super) const GENESIS: B256 = B256::repeat_byte(9);

impl Chain {
    pub(super) fn new(seed: u64, n_blocks: u64, shape: Shape) -> Self {
        let mut chain = Self {
            rules: ModelBlock::new(seed, shape, TouchRule::Clears).frame(JobId::default()).chain,
            blocks: BTreeMap::new(),
            encoded: Vec::new(),
        };
        let mut base: Option<ModelState> = None;
        let mut parent_hash = GENESIS;
        for number in 1..=n_blocks {
            let mut block = ModelBlock::new(seed + number, shape, TouchRule::Clears);
            block.base = base.take().unwrap_or(block.base);
            let (hash, rlp) = encode(&chain.rules, &block, number, parent_hash);
            parent_hash = hash;
            let mut after = block.base.clone();
            for executed in block.serial().unwrap_or_default() {
                after.apply(&executed.writes);
            }
            base = Some(after);
            chain.encoded.push((hash, rlp));
            chain.blocks.insert(number, block);
        }
        chain
    }

    pub(super) fn request(&self, place: usize) -> ExecuteBlockRequest {
        let parent = place.checked_sub(1).map_or(GENESIS, |parent| self.encoded[parent].0);
        ExecuteBlockRequest {
            block_rlp: self.encoded[place].1.clone(),
            chain: self.rules.clone(),
            parent: SnapshotId::Block(parent),
            ancestors: AncestorHashes::default(),
            ommers: Ommers::Known,
            mode: Mode::VerifyAndCommit,
            plan: PlanWish::Split,
            slice_gas: None,
            seed: 1,
        }
    }
}

fn encode(rules: &ChainSpec, block: &ModelBlock, number: u64, parent_hash: B256) -> (B256, Bytes) {
    let frame = block.frame(JobId::default());
    let header = Header {
        number,
        parent_hash,
        gas_limit: frame.attributes.header.gas_limit,
        base_fee_per_gas: Some(0),
        withdrawals_root: Some(B256::ZERO),
        difficulty: alloy_primitives::U256::ZERO,
        ..Header::default()
    };
    let transactions: Vec<TxEnvelope> =
        block.transactions().iter().map(|tx| tx.as_ref().clone()).collect();
    let body =
        BlockBody { transactions, ommers: Vec::new(), withdrawals: Some(Withdrawals::default()) };
    let draft = alloy_consensus::Block { header, body };
    let decoded = Block::decode(&alloy_rlp::encode(&draft)).unwrap();
    let attributes = decoded.attributes();
    let serial = block.serial().unwrap_or_default();
    let receipts = assemble_receipts(serial.iter().filter_map(|it| it.receipt.clone()).collect());
    let results = block_results(rules, &attributes, &decoded.transactions, &receipts, &[]).unwrap();
    let header = Header {
        gas_used: results.gas_used,
        transactions_root: results.transactions_root,
        receipts_root: results.receipts_root.unwrap(),
        logs_bloom: results.logs_bloom,
        ommers_hash: results.ommers_hash,
        withdrawals_root: results.withdrawals_root,
        ..draft.header
    };
    let rlp = alloy_rlp::encode(&alloy_consensus::Block { header, body: draft.body });
    (Block::decode(&rlp).unwrap().hash, rlp.into())
}

/// How a worker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Says that it is gone, whatever it is asked.
    Gone,
    /// Answers to nothing, for ever.
    Silent,
    /// Adds one unit of gas to the first receipt.
    Lies,
}

/// A worker.
#[derive(Debug)]
pub(super) struct ModelWorker {
    pub(super) id: WorkerId,
    chain: Arc<Chain>,
    manner: Manner,
    overlays: Mutex<BTreeMap<JobId, BTreeMap<AccessIndex, Arc<WriteSet>>>>,
    /// Numbers of the blocks of which a slice came.
    pub(super) seen: watch::Sender<BTreeSet<u64>>,
    pub(super) ended: Mutex<BTreeSet<JobId>>,
}

impl ModelWorker {
    pub(super) fn new(id: u64, chain: &Arc<Chain>, manner: Manner) -> Arc<Self> {
        Arc::new(Self {
            id: WorkerId::new(id),
            chain: Arc::clone(chain),
            manner,
            overlays: Mutex::default(),
            seen: watch::channel(BTreeSet::new()).0,
            ended: Mutex::default(),
        })
    }

    async fn mind_manner(&self) -> Result<(), Status> {
        match self.manner {
            Manner::Honest | Manner::Lies => Ok(()),
            Manner::Gone => Err(Status::new(Code::Unavailable, "gone")),
            Manner::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl WorkerService for ModelWorker {
    async fn prepare(&self, request: PrepareRequest) -> Result<PrepareResponse, Status> {
        self.mind_manner().await?;
        let header = &request.frame.attributes.header;
        let spec = request.frame.chain.spec_at(header.number, header.timestamp);
        let sender =
            |(index, tx): &(AccessIndex, Arc<TxEnvelope>)| (*index, senders::recover(tx, spec));
        let senders = request.transactions.iter().map(sender).collect();
        Ok(PrepareResponse { senders, cpu_us: 0 })
    }

    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status> {
        let number = task.frame.attributes.header.number;
        self.seen.send_modify(|seen| {
            seen.insert(number);
        });
        self.mind_manner().await?;
        let overlay = {
            let mut overlays = self.overlays.lock().unwrap();
            let mine = overlays.entry(task.frame.job).or_default();
            for entry in &task.overlay {
                match &entry.writes {
                    Some(writes) => drop(mine.insert(entry.index, Arc::clone(writes))),
                    None => drop(mine.remove(&entry.index)),
                }
            }
            mine.clone()
        };
        let block = &self.chain.blocks[&number];
        let mut outcome = block.run_slice(&task, &overlay, |_, _| {});
        if self.manner == Manner::Lies {
            let mut receipts = outcome.transactions.iter_mut().filter_map(|it| {
                let Verdict::Executed(executed) = &mut it.verdict else { return None };
                executed.receipt.as_mut()
            });
            if let Some(receipt) = receipts.next() {
                receipt.gas.used += 1;
            }
        }
        Ok(outcome)
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        self.ended.lock().unwrap().insert(job);
        self.mind_manner().await
    }
}

/// A state service.
#[derive(Debug)]
pub(super) struct ModelShard {
    pub(super) snapshots: Mutex<BTreeMap<SnapshotId, ModelState>>,
    aborted: Mutex<BTreeSet<JobId>>,
    pub(super) committed: Mutex<Vec<B256>>,
    /// Commits wait for a permit here.
    pub(super) may_commit: Semaphore,
    /// Boot id of the next answers.
    pub(super) boots: Mutex<Vec<BootId>>,
}

impl ModelShard {
    pub(super) fn new(chain: &Chain, n_commits: usize) -> Arc<Self> {
        let genesis = (SnapshotId::Block(GENESIS), chain.blocks[&1].base.clone());
        Arc::new(Self {
            snapshots: Mutex::new(BTreeMap::from([genesis])),
            aborted: Mutex::default(),
            committed: Mutex::default(),
            may_commit: Semaphore::new(n_commits),
            boots: Mutex::default(),
        })
    }

    fn boot(&self) -> BootId {
        self.boots.lock().unwrap().pop().unwrap_or(BootId::new(1))
    }

    fn snapshot(&self, id: &SnapshotId) -> Result<ModelState, Status> {
        let snapshots = self.snapshots.lock().unwrap();
        snapshots.get(id).cloned().ok_or_else(|| Status::new(Code::NotFound, "no snapshot"))
    }
}

#[async_trait]
impl StateService for ModelShard {
    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        let state = self.snapshot(&request.snapshot)?;
        let values = request.keys.iter().map(|key| state.answer(key)).collect();
        Ok(ReadResponse { boot: self.boot(), values })
    }

    async fn stage(&self, _: StageRequest) -> Result<(), Status> {
        Ok(())
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        if self.aborted.lock().unwrap().contains(&request.job) {
            return Err(Status::new(Code::FailedPrecondition, "the job was aborted"));
        }
        let mut state = self.snapshot(&request.parent)?;
        request.writes.iter().for_each(|(_, writes)| state.apply(writes));
        self.snapshots.lock().unwrap().insert(SnapshotId::Job(request.job), state);
        Ok(SealResponse { boot: self.boot(), root_node: None })
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.may_commit.acquire().await.unwrap().forget();
        let state = self.snapshot(&SnapshotId::Job(request.job))?;
        self.snapshots.lock().unwrap().insert(SnapshotId::Block(request.block_hash), state);
        self.committed.lock().unwrap().push(request.block_hash);
        Ok(())
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.aborted.lock().unwrap().insert(job);
        self.snapshots.lock().unwrap().remove(&SnapshotId::Job(job));
        Ok(())
    }

    async fn load_genesis(&self, _: LoadGenesisRequest) -> Result<SealResponse, Status> {
        Err(Status::new(Code::FailedPrecondition, "there is a genesis"))
    }

    async fn load_snapshot(&self, _: StateValues) -> Result<SnapshotId, Status> {
        Err(Status::new(Code::ResourceExhausted, "no room"))
    }

    async fn drop_snapshot(&self, _: SnapshotId) -> Result<(), Status> {
        Err(Status::new(Code::NotFound, "no snapshot"))
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        Ok(None)
    }
}
