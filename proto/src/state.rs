//! The messages and the trait of a state shard.

use crate::status::Status;
use alloy_primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use engine::{
    access::WriteSet,
    account::{Account, SnapshotAnswer, SnapshotKey, TouchRule},
    block::Code,
    fold::StateDiff,
    ids::{AccessIndex, BootId, ClusterId, Incarnation, JobId, ShardIndex, SnapshotId, Term},
    shard::ShardCount,
    trie::{AccountProof, Witness},
};
use futures::stream::BoxStream;
use std::sync::Arc;

/// Asks a Snapshot for keys. Keys of one batch belong to one shard.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Whose values are wanted.
    pub snapshot: SnapshotId,
    /// The keys; each at most once.
    pub keys: Vec<SnapshotKey>,
}

/// Gives a shard its place in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigureRequest {
    /// The cluster.
    pub cluster: ClusterId,
    /// Which of its shards this is to be.
    pub index: ShardIndex,
    /// How many shards there are.
    pub count: ShardCount,
    /// The leader's number.
    pub term: Term,
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

/// What a sealed Snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealPurpose {
    /// The block is to be committed: its diff goes to the feed.
    Commit,
    /// The Snapshot stays in memory until it is dropped; no diff, no log entry.
    Verify,
}

/// Makes the state after a block, provisionally, from writes that were staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealRequest {
    /// The job; names the new Snapshot until it is decided.
    pub job: JobId,
    /// The state below the block.
    pub parent: SnapshotId,
    /// The block's number.
    pub block_number: u64,
    /// What becomes of touched empty accounts in this block.
    pub touch_rule: TouchRule,
    /// What the Snapshot is for.
    pub purpose: SealPurpose,
    /// Which incarnation's writes are final, of every index that wrote to this shard, ascending;
    /// index 0 and `n + 1` included.
    pub order: Vec<(AccessIndex, Incarnation)>,
    /// Digest of these writes ([`engine::digest::of_writes`]).
    pub digest: B256,
    /// Writes that the shard said it lacks or has otherwise; they count in place of what was staged.
    pub values: Vec<(AccessIndex, Arc<WriteSet>)>,
    /// Whether the root node is wanted after every index too: before Byzantium a receipt holds the
    /// state root after its transaction (EIP-658 put an end to it).
    pub roots_by_index: bool,
}

/// Answers a [`SealRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealResponse {
    /// The Snapshot is there.
    Sealed(SealedShard),
    /// What was staged is not what is to be sealed. Nothing was sealed; the same request with the
    /// values of the indices that differ does it.
    Differs {
        /// The shard's boot id.
        boot: BootId,
        /// Digest of what is staged for each index of the request's order; `None` for nothing.
        digests: Vec<(AccessIndex, Option<B256>)>,
    },
}

/// A shard's part of a new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedShard {
    /// The shard's boot id.
    pub boot: BootId,
    /// RLP of the root node of the shard's account trie; `None` if this Snapshot has no trie
    /// (it was loaded from values alone).
    pub root_node: Option<Bytes>,
    /// The same after index 0, and after every later index of the request's order, ascending; empty
    /// unless it was asked for, and where there is no trie.
    pub index_root_nodes: Vec<(AccessIndex, Bytes)>,
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

/// What a Snapshot of its own is made from.
#[derive(Clone, Debug)]
pub enum SnapshotContents {
    /// Values that somebody knows of a state: what is not among them does not exist, or is zero.
    /// Roots are not checkable.
    Values(StateValues),
    /// All values of a state.
    Whole(StateValues),
    /// Nodes of a state's trie: of what is not among them nothing is known.
    Witness(Arc<Witness>),
}

/// Makes a Snapshot of its own.
#[derive(Clone, Debug)]
pub struct LoadSnapshotRequest {
    /// The number that names it at every shard, given by the coordinator.
    pub number: u64,
    /// The shard's part of the values; a witness is whole at every shard.
    pub contents: SnapshotContents,
}

/// Asks what a Snapshot says of an account, with proofs (EIP-1186).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProveRequest {
    /// Whose state is meant.
    pub snapshot: SnapshotId,
    /// The account.
    pub address: Address,
    /// Slots of it.
    pub slots: Vec<U256>,
}

/// Answers a [`ProveRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProveResponse {
    /// RLP of the root node of the shard's account trie.
    pub root_node: Bytes,
    /// The account, if it would be this shard's; its proof begins at that node.
    pub proof: Option<AccountProof>,
}

/// The head of the chain that the cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Hash of the head block.
    pub block_hash: B256,
    /// Number of the head block.
    pub block_number: u64,
}

/// What a shard tells the workers' caches, in order. It speaks of committed blocks and of sealed
/// blocks that are to be committed; loaded Snapshots and those on them never appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedMessage {
    /// What the shard stands at: the first message, and once more when a genesis is loaded into an
    /// empty shard or another block is made the head. Whoever hears it forgets what it knew.
    Start {
        /// The shard's boot id.
        boot: BootId,
        /// The head, under its two names (the genesis has no job); `None` while the shard is empty.
        head: Option<(Option<JobId>, B256)>,
    },
    /// A block is sealed.
    Sealed {
        /// The shard's boot id.
        boot: BootId,
        /// The job, which names the new Snapshot.
        job: JobId,
        /// The Snapshot below it, as the job named it.
        parent: SnapshotId,
        /// Every key of this shard that changed, absences and wipes included; may be empty.
        diff: Arc<StateDiff>,
    },
    /// A sealed block is committed.
    Committed {
        /// The job.
        job: JobId,
        /// Hash of its block, which names its Snapshot from now on.
        block_hash: B256,
    },
    /// A sealed block is dropped, and all above it.
    Dropped {
        /// The job.
        job: JobId,
    },
}

/// Messages of a feed, until the shard stops, the connection breaks or the subscriber is too slow;
/// whoever wants more subscribes again and starts from nothing.
pub type Feed = BoxStream<'static, Result<FeedMessage, Status>>;

/// One state shard: owns the state of a range of hashed addresses, gives Snapshots, seals, commits.
#[async_trait]
pub trait StateService: Send + Sync + std::fmt::Debug {
    /// Gives the shard its place in a cluster. Repeating it does nothing.
    ///
    /// # Errors
    /// `FailedPrecondition` if the shard has another place, or belongs to another cluster.
    async fn configure(&self, request: ConfigureRequest) -> Result<BootId, Status>;

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

    /// Folds a block's final writes into a provisional Snapshot and answers with its root node, or
    /// says which of them it lacks. Repeating the same request gives the same answer.
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
    async fn load_genesis(&self, request: LoadGenesisRequest) -> Result<SealedShard, Status>;

    /// Makes a Snapshot of its own; head, log and feed never see it.
    ///
    /// # Errors
    /// `ResourceExhausted` if too many are loaded; `InvalidArgument` if an account is there twice,
    /// or a witness lacks its root or has nodes that no state has;
    /// `FailedPrecondition` if the number is taken.
    async fn load_snapshot(&self, request: LoadSnapshotRequest) -> Result<(), Status>;

    /// Drops a loaded Snapshot, and the provisional ones that were made on it.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    async fn drop_snapshot(&self, snapshot: SnapshotId) -> Result<(), Status>;

    /// Makes a committed block the head, whatever was it before. Whoever listens to the feed hears
    /// that it starts anew. Repeating it does nothing.
    ///
    /// # Errors
    /// `NotFound` if the block is not committed here, or was too long ago.
    async fn set_head(&self, block_hash: B256) -> Result<Head, Status>;

    /// Proves what a Snapshot says of an account. A shard that would not have it answers with its
    /// root node alone, which the whole proof needs too.
    ///
    /// # Errors
    /// `NotFound` if there is no such Snapshot; `FailedPrecondition` if it has no trie;
    /// `Unavailable` if it lacks a node; `ResourceExhausted` for too many slots.
    async fn prove(&self, request: ProveRequest) -> Result<ProveResponse, Status>;

    /// Returns the head; `None` while the shard is empty. Shard 0's is the cluster's.
    ///
    /// # Errors
    /// `Unavailable` if the shard is away.
    async fn head(&self) -> Result<Option<Head>, Status>;

    /// Subscribes to what the shard seals and decides.
    ///
    /// # Errors
    /// `ResourceExhausted` if there are too many subscribers; `Unavailable` if the shard stops.
    async fn feed(&self) -> Result<Feed, Status>;
}
