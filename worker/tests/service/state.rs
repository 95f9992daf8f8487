//! State with real values that counts what it is asked, and holds its answers back on request.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use async_trait::async_trait;
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::Code,
    fold::AccountDiff,
    ids::{BootId, JobId, SnapshotId},
};
use futures::StreamExt;
use proto::{
    state::{
        CommitRequest, ConfigureRequest, Feed, FeedMessage, Head, LoadGenesisRequest,
        LoadSnapshotRequest, ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest,
        SealResponse, SealedShard, StageRequest, StateService,
    },
    status::{Code as StatusCode, Status},
};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{mpsc, watch};

/// A Snapshot's values, and a record of everything that was asked.
#[derive(Debug)]
pub(crate) struct MemoryState {
    accounts: Mutex<BTreeMap<Address, Account>>,
    slots: Mutex<BTreeMap<(Address, U256), U256>>,
    codes: Mutex<BTreeMap<B256, Bytes>>,
    reads: Mutex<Vec<ReadRequest>>,
    n_reads: watch::Sender<usize>,
    staged: Mutex<Vec<StageRequest>>,
    n_staged: watch::Sender<usize>,
    /// Reads wait while this is false.
    open: watch::Sender<bool>,
    /// What the next reads and stages fail with.
    pub(crate) failure: Mutex<Option<Status>>,
    pub(crate) boot: AtomicU64,
    /// The head that a feed begins with.
    pub(crate) head: Mutex<Option<B256>>,
    feeds: Mutex<Vec<mpsc::Sender<FeedMessage>>>,
    n_feeds: watch::Sender<usize>,
    /// How many values each answer lacks.
    pub(crate) n_values_short: AtomicU64,
}

impl Default for MemoryState {
    fn default() -> Self {
        Self {
            accounts: Mutex::default(),
            slots: Mutex::default(),
            codes: Mutex::default(),
            reads: Mutex::default(),
            n_reads: watch::Sender::new(0),
            staged: Mutex::default(),
            n_staged: watch::Sender::new(0),
            open: watch::Sender::new(true),
            failure: Mutex::default(),
            boot: AtomicU64::new(1),
            head: Mutex::default(),
            feeds: Mutex::default(),
            n_feeds: watch::Sender::new(0),
            n_values_short: AtomicU64::new(0),
        }
    }
}

impl MemoryState {
    pub(crate) fn put_balance(&self, address: Address, wei: u64) {
        let account = Account { balance: U256::from(wei), ..Account::default() };
        self.accounts.lock().unwrap().insert(address, account);
    }

    pub(crate) fn put_code(&self, address: Address, code: &Bytes) {
        let code_hash = keccak256(code);
        let account = Account { nonce: 1, code_hash, ..Account::default() };
        self.accounts.lock().unwrap().insert(address, account);
        self.codes.lock().unwrap().insert(code_hash, code.clone());
    }

    pub(crate) fn put_slot(&self, address: Address, slot: u64, value: u64) {
        self.slots.lock().unwrap().insert((address, U256::from(slot)), U256::from(value));
    }

    /// Forgets code, as a witness may lack it.
    pub(crate) fn drop_code(&self, code: &Bytes) {
        self.codes.lock().unwrap().remove(&keccak256(code));
    }

    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.open.send_replace(true);
    }

    /// Every key that was asked, in the order of asking.
    pub(crate) fn keys_asked(&self) -> Vec<SnapshotKey> {
        self.reads.lock().unwrap().iter().flat_map(|read| read.keys.clone()).collect()
    }

    pub(crate) fn reads(&self) -> Vec<ReadRequest> {
        self.reads.lock().unwrap().clone()
    }

    pub(crate) async fn until_reads(&self, n: usize) {
        self.n_reads.subscribe().wait_for(|present| *present >= n).await.unwrap();
    }

    pub(crate) fn staged(&self) -> Vec<StageRequest> {
        self.staged.lock().unwrap().clone()
    }

    pub(crate) async fn until_staged(&self, n: usize) {
        self.n_staged.subscribe().wait_for(|present| *present >= n).await.unwrap();
    }

    /// Tells all feeds.
    pub(crate) fn tell(&self, message: &FeedMessage) {
        for feed in self.feeds.lock().unwrap().iter() {
            feed.try_send(message.clone()).unwrap();
        }
    }

    /// Returns how many feeds somebody listens to.
    pub(crate) fn n_open_feeds(&self) -> usize {
        self.feeds.lock().unwrap().iter().filter(|feed| !feed.is_closed()).count()
    }

    /// Puts an account as a block left it.
    pub(crate) fn put(&self, address: Address, diff: &AccountDiff) {
        let account = diff.account.expect("no account ends in these tests");
        self.accounts.lock().unwrap().insert(address, account);
        let slots = diff.slots.iter().map(|(slot, value)| ((address, *slot), *value));
        self.slots.lock().unwrap().extend(slots);
    }

    pub(crate) fn break_feeds(&self) {
        self.feeds.lock().unwrap().clear();
    }

    pub(crate) async fn until_feeds(&self, n: usize) {
        self.n_feeds.subscribe().wait_for(|present| *present >= n).await.unwrap();
    }

    fn answer(&self, key: &SnapshotKey) -> SnapshotAnswer {
        match key {
            SnapshotKey::Account(address) => {
                SnapshotAnswer::Account { account: self.account(address), code: None }
            }
            SnapshotKey::AccountWithCode(address) => {
                let account = self.account(address);
                let hash = account.map(|account| account.code_hash);
                let code = hash.and_then(|hash| Some(Code { hash, bytes: self.code(&hash)? }));
                SnapshotAnswer::Account { account, code }
            }
            SnapshotKey::Slot(address, slot) => {
                let slots = self.slots.lock().unwrap();
                SnapshotAnswer::Slot(slots.get(&(*address, *slot)).copied().unwrap_or_default())
            }
            SnapshotKey::Code(_, hash) => {
                self.code(hash).map_or(SnapshotAnswer::Unavailable, SnapshotAnswer::Code)
            }
        }
    }

    pub(crate) fn account(&self, address: &Address) -> Option<Account> {
        self.accounts.lock().unwrap().get(address).copied()
    }

    fn code(&self, hash: &B256) -> Option<Bytes> {
        self.codes.lock().unwrap().get(hash).cloned()
    }

    fn failed<T>(&self) -> Option<Result<T, Status>> {
        self.failure.lock().unwrap().clone().map(Err)
    }
}

#[async_trait]
impl StateService for MemoryState {
    async fn configure(&self, _: ConfigureRequest) -> Result<BootId, Status> {
        Err(not_a_workers())
    }

    async fn feed(&self) -> Result<Feed, Status> {
        if let Some(failed) = self.failed() {
            return failed;
        }
        let (feed, messages) = mpsc::channel(100);
        let boot = BootId::new(self.boot.load(Ordering::Relaxed));
        let head = self.head.lock().unwrap().map(|hash| (None, hash));
        feed.try_send(FeedMessage::Start { boot, head }).unwrap();
        self.feeds.lock().unwrap().push(feed);
        self.n_feeds.send_modify(|n| *n += 1);
        let messages = futures::stream::unfold(messages, async |mut messages| {
            let message = messages.recv().await?;
            Some((Ok(message), messages))
        });
        Ok(messages.boxed())
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status> {
        self.reads.lock().unwrap().push(request.clone());
        self.n_reads.send_modify(|n| *n += 1);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        if let Some(failed) = self.failed() {
            return failed;
        }
        let mut values: Vec<_> = request.keys.iter().map(|key| self.answer(key)).collect();
        for _ in 0..self.n_values_short.load(Ordering::Relaxed) {
            values.pop();
        }
        Ok(ReadResponse { boot: BootId::new(self.boot.load(Ordering::Relaxed)), values })
    }

    async fn stage(&self, request: StageRequest) -> Result<(), Status> {
        self.staged.lock().unwrap().push(request);
        self.n_staged.send_modify(|n| *n += 1);
        self.failed().unwrap_or(Ok(()))
    }

    async fn seal(&self, _: SealRequest) -> Result<SealResponse, Status> {
        Err(not_a_workers())
    }

    async fn commit(&self, _: CommitRequest) -> Result<(), Status> {
        Err(not_a_workers())
    }

    async fn abort(&self, _: JobId) -> Result<(), Status> {
        Err(not_a_workers())
    }

    async fn load_genesis(&self, _: LoadGenesisRequest) -> Result<SealedShard, Status> {
        Err(not_a_workers())
    }

    async fn load_snapshot(&self, _: LoadSnapshotRequest) -> Result<(), Status> {
        Err(not_a_workers())
    }

    async fn drop_snapshot(&self, _: SnapshotId) -> Result<(), Status> {
        Err(not_a_workers())
    }

    async fn set_head(&self, _: B256) -> Result<Head, Status> {
        Err(not_a_workers())
    }

    async fn prove(&self, _: ProveRequest) -> Result<ProveResponse, Status> {
        Err(not_a_workers())
    }

    async fn head(&self) -> Result<Option<Head>, Status> {
        Err(not_a_workers())
    }
}

fn not_a_workers() -> Status {
    Status::new(StatusCode::Internal, "a worker has no business here")
}
