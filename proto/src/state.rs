//! The state service's messages and trait.

use crate::status::Status;
use alloy_primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use engine::{
    access::WriteSet,
    account::{Account, SnapshotAnswer, SnapshotKey, TouchRule},
    block::Code,
    ids::{AccessIndex, BootId, Incarnation, JobId, SnapshotId},
};
use std::sync::Arc;

/// Asks a Snapshot for keys. Keys of one batch belong to one shard.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Whose values are wanted.
    pub snapshot: SnapshotId,
    /// The keys; each at most once.
    pub keys: Vec<SnapshotKey>,
}

/// Answers a [`ReadRequest`].
#[derive(Clone, Debug)]
pub struct ReadResponse {
    /// The shard's boot id.
    pub boot: BootId,
    /// One value a key, in the request's order.
    pub values: Vec<SnapshotAnswer>,
}

/// Writes of one incarnation, sent to the shard while the block still runs. Read by nobody.
#[derive(Clone, Debug)]
pub struct StageRequest {
    /// The job.
    pub job: JobId,
    /// Write sets by index and incarnation; write-once.
    pub writes: Vec<(AccessIndex, Incarnation, Arc<WriteSet>)>,
}

/// Makes the state after a block, provisionally.
#[derive(Clone, Debug)]
pub struct SealRequest {
    /// The job; names the new Snapshot until it is decided.
    pub job: JobId,
    /// The state below the block.
    pub parent: SnapshotId,
    /// The block's number.
    pub block_number: u64,
    /// What becomes of touched empty accounts in this block.
    pub touch_rule: TouchRule,
    /// All final writes in order, index 0 and `n + 1` included.
    pub writes: Vec<(AccessIndex, Arc<WriteSet>)>,
}

/// Answers a [`SealRequest`].
#[derive(Clone, Debug)]
pub struct SealResponse {
    /// The shard's boot id.
    pub boot: BootId,
    /// RLP of the root node of the shard's account trie; `None` if this Snapshot has no trie
    /// (it was loaded from values alone).
    pub root_node: Option<Bytes>,
}

/// Decides a sealed block.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// The job that was sealed.
    pub job: JobId,
    /// Hash of the block, by which its Snapshot is named from now on.
    pub block_hash: B256,
    /// Number of the block.
    pub block_number: u64,
}

/// One account with all its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// The account's address.
    pub address: Address,
    /// Balance, nonce and code hash.
    pub account: Account,
    /// Slots that are not zero.
    pub storage: Vec<(U256, U256)>,
}

/// A whole state, or the part of one that somebody has.
#[derive(Clone, Debug, Default)]
pub struct StateValues {
    /// Accounts that exist.
    pub accounts: Vec<AccountState>,
    /// Codes of these accounts.
    pub codes: Vec<Code>,
}

/// Fills an empty cluster.
#[derive(Clone, Debug)]
pub struct LoadGenesisRequest {
    /// Hash of the genesis block; it becomes the head.
    pub block_hash: B256,
    /// Number of the genesis block.
    pub block_number: u64,
    /// The complete state.
    pub state: StateValues,
}

/// The head of the chain that the cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Hash of the head block.
    pub block_hash: B256,
    /// Number of the head block.
    pub block_number: u64,
}

/// The state service: owns state by ranges of hashed addresses, gives Snapshots, seals and commits.
#[async_trait]
pub trait StateService: Send + Sync + std::fmt::Debug {
    /// Reads keys of a Snapshot. A read of a provisional Snapshot that is not sealed yet waits.
    ///
    /// # Errors
    /// `NotFound` if there is no such Snapshot; `Cancelled` if its job was aborted;
    /// `DeadlineExceeded` if it was not sealed in time; `ResourceExhausted` for too many keys.
    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, Status>;

    /// Keeps writes of incarnations until the job is sealed or aborted.
    ///
    /// # Errors
    /// `FailedPrecondition` if other writes were staged under the same index and incarnation, or
    /// the job is sealed already (the caller need not care); `Cancelled` if it was aborted;
    /// `ResourceExhausted` if there is no room.
    async fn stage(&self, request: StageRequest) -> Result<(), Status>;

    /// Folds a block's writes into a provisional Snapshot and answers with its root node.
    /// Repeating the same request gives the same answer.
    ///
    /// # Errors
    /// `NotFound` if the parent is not there; `FailedPrecondition` if the job was sealed otherwise;
    /// `Cancelled` if the job or its parent was aborted; `ResourceExhausted` if too many Snapshots
    /// are undecided.
    async fn seal(&self, request: SealRequest) -> Result<SealResponse, Status>;

    /// Makes a sealed block's Snapshot durable under the block's hash, and the head if its parent
    /// is the head. Repeating it does nothing.
    ///
    /// # Errors
    /// `NotFound` if the job was not sealed; `FailedPrecondition` on a loaded Snapshot, before its
    /// parent, or as another block than before.
    async fn commit(&self, request: CommitRequest) -> Result<(), Status>;

    /// Drops a sealed, undecided block and its staged writes; or a job that was never sealed.
    ///
    /// # Errors
    /// `FailedPrecondition` if the job was committed.
    async fn abort(&self, job: JobId) -> Result<(), Status>;

    /// Fills an empty cluster with a genesis state. The same genesis again does nothing.
    ///
    /// # Errors
    /// `FailedPrecondition` if there is another genesis.
    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealResponse, Status>;

    /// Makes a Snapshot of its own from values; head, log and feed never see it. Accounts and
    /// slots that are not among the values do not exist, or are zero.
    ///
    /// # Errors
    /// `ResourceExhausted` if too many are loaded; `InvalidArgument` if an account is there twice.
    async fn load_snapshot(&self, state: StateValues) -> Result<SnapshotId, Status>;

    /// Drops a loaded Snapshot, and the provisional ones that were made on it.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status>;

    /// Returns the head; `None` while the cluster is empty.
    ///
    /// # Errors
    /// `Unavailable` if the shard that holds it is away.
    async fn head(&self) -> Result<Option<Head>, Status>;
}
