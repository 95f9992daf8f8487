//! Why a state shard says no; each message names what to do.

use crate::place::Place;
use alloy_primitives::{Address, B256, U256};
use engine::{
    ids::{AccessIndex, ClusterId, Incarnation, JobId, SnapshotId, Term},
    trie::{Missing, WitnessError},
};
use proto::status::{Code, Status};
use std::time::Duration;

/// A call that a state shard refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Nothing has that name, or what had it is gone.
    #[error(
        "there is no Snapshot {snapshot}: load it again, or name one that is still kept \
             (state.limits.committed_snapshots_max)"
    )]
    UnknownSnapshot {
        /// The name.
        snapshot: SnapshotId,
    },
    /// The job was aborted, or a job below it.
    #[error("job {job} was aborted: execute the block as a new job")]
    JobAborted {
        /// The job.
        job: JobId,
    },
    /// The message comes after the job's writes are final.
    #[error("job {job} is sealed or committed already: nothing more is taken for it")]
    JobDecided {
        /// The job.
        job: JobId,
    },
    /// A Snapshot was waited for in vain.
    #[error("job {job} was not sealed within {seal_wait:?}: ask again, or give it up")]
    NotSealedInTime {
        /// The job.
        job: JobId,
        /// The limit.
        seal_wait: Duration,
    },
    /// The account is another shard's.
    #[error("account {address} does not belong to {place}: ask the shard that owns it")]
    ForeignAddress {
        /// The account.
        address: Address,
        /// What this shard is.
        place: Place,
    },
    /// A shard's place stays.
    #[error("this is {present} and cannot become {given}: start a new shard for that place")]
    OtherPlace {
        /// What it is.
        present: Place,
        /// What it was to be.
        given: Place,
    },
    /// The shard belongs to another cluster.
    #[error("this shard belongs to cluster {present}, not {given}: use a shard without a cluster")]
    OtherCluster {
        /// The cluster it belongs to.
        present: ClusterId,
        /// The one that asked.
        given: ClusterId,
    },
    /// The caller was leader once and is no more.
    #[error("term {given} is over, the present one is {present}: look the leader up again")]
    StaleTerm {
        /// The highest Term so far.
        present: Term,
        /// The one that was given.
        given: Term,
    },
    /// The batch is too large.
    #[error("{given} keys in one read are more than {read_keys_max}: split the read")]
    TooManyKeys {
        /// How many there were.
        given: usize,
        /// The limit.
        read_keys_max: usize,
    },
    /// As many calls wait for a seal as may.
    #[error("{waiting_max} calls wait for Snapshots to be sealed, which is the limit: ask later")]
    TooManyWaiting {
        /// The limit.
        waiting_max: usize,
    },
    /// Staged writes are write-once.
    #[error(
        "other writes are staged for job {job}, index {index}, incarnation {incarnation}: \
         a new run needs a new incarnation"
    )]
    StagedOtherwise {
        /// The job.
        job: JobId,
        /// The index.
        index: AccessIndex,
        /// The incarnation.
        incarnation: Incarnation,
    },
    /// No room for more staged writes.
    #[error("{staged_bytes_max} bytes are staged, which is the limit: seal or abort jobs first")]
    TooMuchStaged {
        /// The limit.
        staged_bytes_max: usize,
    },
    /// The writes of a seal are not in the block's order.
    #[error("job {job} cannot be sealed: index {index} does not come after the one before it")]
    WritesOutOfOrder {
        /// The job.
        job: JobId,
        /// The first index out of order.
        index: AccessIndex,
    },
    /// A seal brings values for what it does not order, or twice.
    #[error("job {job} cannot be sealed: index {index} has a value twice, or is not in the order")]
    ValueUnasked {
        /// The job.
        job: JobId,
        /// The index.
        index: AccessIndex,
    },
    /// The job was sealed with another parent, number, rule or other writes.
    #[error("job {job} was sealed with other content: execute the block as a new job")]
    SealedOtherwise {
        /// The job.
        job: JobId,
    },
    /// As many Snapshots are undecided as may be.
    #[error("{max} Snapshots are undecided, which is the limit: commit or abort jobs first")]
    TooManyProvisional {
        /// The limit.
        max: usize,
    },
    /// Only a sealed job can be committed.
    #[error("job {job} is not sealed: seal it first")]
    NotSealed {
        /// The job.
        job: JobId,
    },
    /// The job was committed as another block.
    #[error("job {job} was committed as block {hash}: it cannot become another")]
    CommittedOtherwise {
        /// The job.
        job: JobId,
        /// The block it became.
        hash: B256,
    },
    /// The job was sealed as a block of another number.
    #[error("job {job} was sealed as block number {sealed}, not {given}: commit that number")]
    OtherNumber {
        /// The job.
        job: JobId,
        /// The number that was sealed.
        sealed: u64,
        /// The number in the commit.
        given: u64,
    },
    /// A block is committed after its parent.
    #[error("job {job} cannot be committed before its parent, {parent}: commit that first")]
    ParentUndecided {
        /// The job.
        job: JobId,
        /// The parent.
        parent: SnapshotId,
    },
    /// What stands on a loaded Snapshot is verified and never committed.
    #[error("job {job} stands on a loaded Snapshot: its block can be verified, not committed")]
    OnLoaded {
        /// The job.
        job: JobId,
    },
    /// What was sealed to be verified has no diff to commit.
    #[error(
        "job {job} was sealed to be verified only: execute the block as a new job to commit it"
    )]
    OnlyVerified {
        /// The job.
        job: JobId,
    },
    /// The same block was committed with another state.
    #[error("block {hash} is committed with another state than job {job} has: compare both runs")]
    OtherState {
        /// The block.
        hash: B256,
        /// The job that differs.
        job: JobId,
    },
    /// What is committed stays.
    #[error("job {job} is committed as block {hash} and cannot be aborted")]
    Committed {
        /// The job.
        job: JobId,
        /// The block.
        hash: B256,
    },
    /// The cluster holds another chain.
    #[error("the genesis here is block {present}, not {given}: use an empty cluster for it")]
    OtherGenesis {
        /// The genesis that is there.
        present: B256,
        /// The one that was to be loaded.
        given: B256,
    },
    /// A genesis is loaded at this moment.
    #[error("a genesis is being loaded: ask again")]
    GenesisUnderWay,
    /// As many Snapshots are loaded as may be.
    #[error("{max} Snapshots are loaded, which is the limit: drop one first")]
    TooManyLoaded {
        /// The limit.
        max: usize,
    },
    /// Each loaded Snapshot has a number of its own.
    #[error("a Snapshot is loaded as number {number} already: give each its own")]
    NumberTaken {
        /// The number.
        number: u64,
    },
    /// As many listen to the feed as may.
    #[error("{feeds_max} callers listen to the feed, which is the limit: end one first")]
    TooManyFeeds {
        /// The limit.
        feeds_max: usize,
    },
    /// A listener is behind by as much as may be.
    #[error("{feed_len_max} messages of the feed waited, which is the limit: listen anew")]
    FeedTooSlow {
        /// The limit.
        feed_len_max: usize,
    },
    /// The values are more than one load may hold.
    #[error(
        "{given} accounts and slots, or nodes and codes, in one load are more than {load_values_max}: load fewer"
    )]
    TooManyValues {
        /// How many there were.
        given: usize,
        /// The limit.
        load_values_max: usize,
    },
    /// Values hold an account twice.
    #[error("account {address} is there twice: give each account once")]
    AccountTwice {
        /// The account.
        address: Address,
    },
    /// Values hold a slot twice.
    #[error("slot {slot} of account {address} is there twice: give each slot once")]
    SlotTwice {
        /// The account.
        address: Address,
        /// The slot.
        slot: U256,
    },
    /// Bytes do not have the hash they are given under.
    #[error("the code given as {hash} has another hash: give each code under its own")]
    OtherCode {
        /// The hash it was given under.
        hash: B256,
    },
    /// A genesis must be complete.
    #[error("account {address} has code {hash}, which is not there: a genesis needs every code")]
    CodeMissing {
        /// The account.
        address: Address,
        /// Hash of its code.
        hash: B256,
    },
    /// A witness is none of any state.
    #[error("contents: {0}")]
    BadWitness(#[from] WitnessError),
    /// A witness lacks a node that a read or a root needs: this says nothing of the block.
    #[error("the Snapshot cannot answer: {0}")]
    MissingNode(#[from] Missing),
    /// A Snapshot of values alone has no trie.
    #[error("{snapshot} has no trie: it was made from some values of a state")]
    NoTrie {
        /// The name.
        snapshot: SnapshotId,
    },
    /// Only loaded Snapshots are dropped by name.
    #[error("{snapshot} is not a loaded Snapshot: abort its job if it is not committed")]
    NotLoaded {
        /// The name.
        snapshot: SnapshotId,
    },
    /// The shard's actor or its threads stop.
    #[error("the state shard stops: ask again when it is back")]
    Stopped,
    /// Work ended in a panic.
    #[error("the state shard failed inside: its log has the reason")]
    Broken,
}

impl StateError {
    /// Returns the code of the status that the caller gets.
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownSnapshot { .. } | Self::NotSealed { .. } => Code::NotFound,
            Self::JobAborted { .. } => Code::Cancelled,
            Self::NotSealedInTime { .. } => Code::DeadlineExceeded,
            Self::TooManyKeys { .. }
            | Self::TooManyWaiting { .. }
            | Self::TooMuchStaged { .. }
            | Self::TooManyProvisional { .. }
            | Self::TooManyLoaded { .. }
            | Self::TooManyFeeds { .. }
            | Self::FeedTooSlow { .. }
            | Self::TooManyValues { .. } => Code::ResourceExhausted,
            Self::JobDecided { .. }
            | Self::OtherPlace { .. }
            | Self::OtherCluster { .. }
            | Self::StaleTerm { .. }
            | Self::OnlyVerified { .. }
            | Self::NumberTaken { .. }
            | Self::StagedOtherwise { .. }
            | Self::SealedOtherwise { .. }
            | Self::CommittedOtherwise { .. }
            | Self::OtherNumber { .. }
            | Self::ParentUndecided { .. }
            | Self::OnLoaded { .. }
            | Self::OtherState { .. }
            | Self::NoTrie { .. }
            | Self::Committed { .. }
            | Self::OtherGenesis { .. }
            | Self::MissingNode(_) => Code::FailedPrecondition,
            Self::WritesOutOfOrder { .. }
            | Self::ForeignAddress { .. }
            | Self::ValueUnasked { .. }
            | Self::AccountTwice { .. }
            | Self::SlotTwice { .. }
            | Self::OtherCode { .. }
            | Self::CodeMissing { .. }
            | Self::BadWitness(_)
            | Self::NotLoaded { .. } => Code::InvalidArgument,
            Self::GenesisUnderWay | Self::Stopped => Code::Unavailable,
            Self::Broken => Code::Internal,
        }
    }
}

impl From<StateError> for Status {
    fn from(error: StateError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
