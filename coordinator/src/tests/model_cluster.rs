//! Workers and a state service that run model blocks, behind the real traits.

use alloy_consensus::{BlockBody, Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use engine::{
    access::WriteSet,
    account::TouchRule,
    block::{AncestorHashes, Block, Ommers},
    chain::ChainSpec,
    digest,
    header::{assemble_receipts, block_results},
    ids::{AccessIndex, BootId, Incarnation, JobId, ShardIndex, SnapshotId, WorkerId},
    model::{ModelBlock, ModelState, Shape},
    outcome::{SliceOutcome, Verdict},
    senders,
    shard::ShardCount,
    task::SliceTask,
};
use proto::{
    coordinator::{ExecuteBlockRequest, Mode, PlanWish},
    state::{
        CommitRequest, ConfigureRequest, Feed, Head, LoadGenesisRequest, LoadSnapshotRequest,
        ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealPurpose, SealRequest,
        SealResponse, SealedShard, SnapshotContents, StageRequest, StateService,
    },
    status::{Code, Status},
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, watch};

pub(crate) const SHAPE: Shape = Shape {
    n_transactions: 60,
    n_accounts: 40,
    invalid_percent: 0,
    parked_percent: 0,
    n_fitting: 60,
};

/// A chain of model blocks, each on the state that the one before left.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) rules: ChainSpec,
    pub(crate) blocks: BTreeMap<u64, ModelBlock>,
    pub(crate) encoded: Vec<(B256, Bytes)>,
}

pub(crate) const GENESIS: B256 = B256::repeat_byte(9);

impl Chain {
    pub(crate) fn new(seed: u64, n_blocks: u64, shape: Shape) -> Self {
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

    pub(crate) fn request(&self, place: usize) -> ExecuteBlockRequest {
        let parent = place.checked_sub(1).map_or(GENESIS, |parent| self.encoded[parent].0);
        ExecuteBlockRequest {
            block_rlp: self.encoded[place].1.clone(),
            chain: self.rules.clone(),
            parent: SnapshotId::Block(parent),
            ancestors: AncestorHashes::default(),
            lineage: engine::lineage::Lineage::default(),
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
    let receipts =
        assemble_receipts(serial.iter().filter_map(|it| it.receipt.clone()).collect(), None);
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
pub(crate) enum Manner {
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
pub(crate) struct ModelWorker {
    pub(crate) id: WorkerId,
    chain: Arc<Chain>,
    manner: Manner,
    overlays: Mutex<BTreeMap<JobId, BTreeMap<AccessIndex, Arc<WriteSet>>>>,
    staged: Arc<Staged>,
    /// Numbers of the blocks of which a slice came.
    pub(crate) seen: watch::Sender<BTreeSet<u64>>,
    pub(crate) ended: Mutex<BTreeSet<JobId>>,
}

impl ModelWorker {
    pub(crate) fn new(
        id: u64,
        chain: &Arc<Chain>,
        manner: Manner,
        staged: Arc<Staged>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: WorkerId::new(id),
            chain: Arc::clone(chain),
            manner,
            overlays: Mutex::default(),
            staged,
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
        let mut staged = self.staged.lock().unwrap();
        for it in &outcome.transactions {
            if let Some(executed) = it.executed() {
                let name = (outcome.job, it.index, it.incarnation);
                staged.insert(name, Arc::clone(&executed.writes));
            }
        }
        Ok(outcome)
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        self.ended.lock().unwrap().insert(job);
        self.mind_manner().await
    }
}

/// What a shard does that it should not, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It refuses to seal.
    Seal,
    /// It says of these writes that they were not staged.
    Lacks(usize),
    /// It says that it lacks writes, however often it is sent them.
    LacksForEver,
}

/// What all shards of a cluster know of each other, for tests alone.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Blocks committed, by whom, in order.
    pub(crate) committed: Vec<(ShardIndex, B256)>,
    /// Jobs dropped, by whom.
    pub(crate) aborted: Vec<(ShardIndex, JobId)>,
    /// Seals asked for: by whom, how many writes in order, how many with their values, what for.
    pub(crate) seals: Vec<(ShardIndex, usize, usize, SealPurpose)>,
}

/// A state shard: keeps what a cluster of its number would keep in it.
#[derive(Debug)]
pub(crate) struct ModelShard {
    index: ShardIndex,
    count: ShardCount,
    pub(crate) snapshots: Mutex<BTreeMap<SnapshotId, ModelState>>,
    /// What workers staged; whatever was executed counts as staged.
    staged: Arc<Staged>,
    aborted: Mutex<BTreeSet<JobId>>,
    pub(crate) journal: Arc<Mutex<Journal>>,
    /// Commits wait for a permit here.
    pub(crate) may_commit: Semaphore,
    /// Boot id of the next answers.
    pub(crate) boots: Mutex<Vec<BootId>>,
    pub(crate) trouble: Mutex<Option<Trouble>>,
    loaded: Mutex<BTreeMap<SnapshotId, usize>>,
    place: Mutex<Option<ConfigureRequest>>,
}

/// Whole write sets by job, index and incarnation.
pub(crate) type Staged = Mutex<BTreeMap<(JobId, AccessIndex, Incarnation), Arc<WriteSet>>>;

impl ModelShard {
    pub(crate) fn cluster(chain: &Chain, n_shards: usize, n_commits: usize) -> Vec<Arc<Self>> {
        let count = ShardCount::new(n_shards).unwrap();
        let (staged, journal) = (Arc::<Staged>::default(), Arc::<Mutex<Journal>>::default());
        let genesis = || (SnapshotId::Block(GENESIS), chain.blocks[&1].base.clone());
        let shard = |index| {
            Arc::new(Self {
                index,
                count,
                snapshots: Mutex::new(BTreeMap::from([genesis()])),
                staged: Arc::clone(&staged),
                aborted: Mutex::default(),
                journal: Arc::clone(&journal),
                may_commit: Semaphore::new(n_commits),
                boots: Mutex::default(),
                trouble: Mutex::default(),
                loaded: Mutex::default(),
                place: Mutex::default(),
            })
        };
        count.indices().map(shard).collect()
    }

    pub(crate) fn staged(&self) -> Arc<Staged> {
        Arc::clone(&self.staged)
    }

    fn boot(&self) -> BootId {
        self.boots.lock().unwrap().pop().unwrap_or(BootId::new(1))
    }

    fn snapshot(&self, id: &SnapshotId) -> Result<ModelState, Status> {
        let snapshots = self.snapshots.lock().unwrap();
        snapshots.get(id).cloned().ok_or_else(|| Status::new(Code::NotFound, "no snapshot"))
    }

    pub(crate) fn loaded(&self) -> Vec<SnapshotId> {
        self.loaded.lock().unwrap().keys().copied().collect()
    }

    fn owns(&self, address: &Address) -> bool {
        self.count.shard_of(address) == self.index
    }

    /// This shard's part of what was staged.
    fn part(&self, job: JobId, (index, run): (AccessIndex, Incarnation)) -> Option<Arc<WriteSet>> {
        let whole = self.staged.lock().unwrap().get(&(job, index, run)).cloned()?;
        let mut parts = self.count.split(&whole).into_iter();
        parts.find(|(shard, _)| *shard == self.index).map(|(_, part)| part)
    }

    /// The writes of a seal, or what differs.
    fn writes_of(&self, request: &SealRequest) -> Result<Vec<Arc<WriteSet>>, SealResponse> {
        let trouble = *self.trouble.lock().unwrap();
        let given: BTreeMap<_, _> = request.values.iter().cloned().collect();
        let n_lacking = match trouble {
            Some(Trouble::Lacks(n_lacking)) => n_lacking,
            Some(Trouble::LacksForEver) => usize::MAX,
            _ => 0,
        };
        let staged = |(place, at): (usize, &(AccessIndex, Incarnation))| {
            let own = self.part(request.job, *at).filter(|_| place >= n_lacking);
            let given = given.get(&at.0).filter(|_| trouble != Some(Trouble::LacksForEver));
            (at.0, given.cloned().or(own))
        };
        let writes: Vec<_> = request.order.iter().enumerate().map(staged).collect();
        let digests: Vec<_> = writes
            .iter()
            .map(|(index, it)| (*index, it.as_ref().map(|it| digest::of_write_set(it))))
            .collect();
        let whole: Option<Vec<_>> =
            digests.iter().map(|(index, it)| Some((*index, (*it)?))).collect();
        if whole.map(digest::of_writes) == Some(request.digest) {
            return Ok(writes.into_iter().filter_map(|(_, it)| it).collect());
        }
        Err(SealResponse::Differs { boot: self.boot(), digests })
    }
}

#[async_trait]
impl StateService for ModelShard {
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status> {
        let mut place = self.place.lock().unwrap();
        let term = request.term;
        let same = |place: &ConfigureRequest| ConfigureRequest { term, ..place.clone() } == request;
        if place.as_ref().is_some_and(|place| !same(place)) {
            return Err(Status::new(Code::FailedPrecondition, "it has another place"));
        }
        *place = Some(request);
        Ok(BootId::new(1))
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        assert!(request.keys.iter().all(|key| self.owns(key.address())), "another's keys");
        let state = self.snapshot(&request.snapshot)?;
        let values = request.keys.iter().map(|key| state.answer(key)).collect();
        Ok(ReadResponse { boot: self.boot(), values })
    }

    async fn stage(&self, _: StageRequest) -> Result<(), Status> {
        Ok(())
    }

    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status> {
        if self.aborted.lock().unwrap().contains(&request.job) {
            return Err(Status::new(Code::Cancelled, "the job was aborted"));
        }
        let sizes = (request.order.len(), request.values.len());
        let seal = (self.index, sizes.0, sizes.1, request.purpose);
        self.journal.lock().unwrap().seals.push(seal);
        if *self.trouble.lock().unwrap() == Some(Trouble::Seal) {
            return Err(Status::new(Code::Internal, "the disk is broken"));
        }
        let mut state = self.snapshot(&request.parent)?;
        let writes = match self.writes_of(&request) {
            Ok(writes) => writes,
            Err(differs) => return Ok(differs),
        };
        writes.iter().for_each(|writes| state.apply(writes));
        self.snapshots.lock().unwrap().insert(SnapshotId::Job(request.job), state);
        let index_root_nodes = Vec::new();
        let boot = self.boot();
        Ok(SealResponse::Sealed(SealedShard { boot, root_node: None, index_root_nodes }))
    }

    async fn commit(&self, request: CommitRequest) -> Result<(), Status> {
        self.may_commit.acquire().await.unwrap().forget();
        let state = self.snapshot(&SnapshotId::Job(request.job))?;
        self.snapshots.lock().unwrap().insert(SnapshotId::Block(request.block_hash), state);
        self.journal.lock().unwrap().committed.push((self.index, request.block_hash));
        Ok(())
    }

    async fn abort(&self, job: JobId) -> Result<(), Status> {
        self.aborted.lock().unwrap().insert(job);
        self.snapshots.lock().unwrap().remove(&SnapshotId::Job(job));
        self.journal.lock().unwrap().aborted.push((self.index, job));
        Ok(())
    }

    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status> {
        assert!(request.state.accounts.iter().all(|it| self.owns(&it.address)), "another's");
        let mut trie = engine::trie::StateTrie::default();
        for it in &request.state.accounts {
            trie.set_account(&it.address, it.account, it.storage.iter().copied()).unwrap();
        }
        let (boot, root_node) = (self.boot(), Some(trie.root_node()));
        Ok(SealedShard { boot, root_node, index_root_nodes: Vec::new() })
    }

    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status> {
        if *self.trouble.lock().unwrap() == Some(Trouble::Seal) {
            return Err(Status::new(Code::ResourceExhausted, "no room"));
        }
        let name = SnapshotId::Loaded(request.number);
        let SnapshotContents::Values(state) = &request.contents else {
            return Err(Status::new(Code::InvalidArgument, "only values are loaded here"));
        };
        let n_accounts = state.accounts.len();
        let before = self.loaded.lock().unwrap().insert(name, n_accounts);
        before.map_or(Ok(()), |_| Err(Status::new(Code::FailedPrecondition, "it is taken")))
    }

    async fn drop_snapshot(&self, name: SnapshotId) -> Result<(), Status> {
        let dropped = self.loaded.lock().unwrap().remove(&name);
        dropped.map(drop).ok_or_else(|| Status::new(Code::NotFound, "no snapshot"))
    }

    async fn set_head(&self, _: B256) -> Result<Head, Status> {
        Err(Status::new(Code::NotFound, "no head is chosen here"))
    }

    async fn prove(&self, _: ProveRequest) -> Result<ProveResponse, Status> {
        Err(Status::new(Code::FailedPrecondition, "nothing is proved here"))
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        let committed = self.journal.lock().unwrap().committed.clone();
        let last = committed.iter().rev().find(|(shard, _)| *shard == self.index);
        Ok(last.map(|(_, block_hash)| Head { block_hash: *block_hash, block_number: 1 }))
    }

    async fn feed(&self) -> Result<Feed, Status> {
        Err(Status::new(Code::ResourceExhausted, "nobody is fed"))
    }
}
