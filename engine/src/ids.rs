//! Identifiers: numbers that differ in meaning differ in type.

use alloy_primitives::B256;
use std::fmt;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the plain number.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// Returns the plain number.
            pub const fn get(self) -> $inner {
                self.0
            }

            /// Returns the number after this one.
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number_id! {
    /// The leader's number: grows with every new leader of a cluster.
    Term(u64)
}
number_id! {
    /// Number of a slice in its job; 0 is the first slice of the first round.
    SliceId(u32)
}
number_id! {
    /// One dispatch of a slice.
    Attempt(u32)
}
number_id! {
    /// One dispatch of one transaction; numbered by the coordinator, never reused within a job.
    Incarnation(u32)
}
number_id! {
    /// A worker, as the coordinator knows it.
    WorkerId(u64)
}
number_id! {
    /// Position of a state shard among the shards of its cluster, from 0.
    ShardIndex(u16)
}
number_id! {
    /// Random number that a state shard draws when it starts; a change tells that it restarted.
    BootId(u64)
}

number_id! {
    /// Random number that a cluster got when it began; what belongs to one cluster is refused by
    /// another.
    ClusterId(u64)
}

/// Position in a block as EIP-7928 counts: 0 before the first transaction, `n + 1` after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessIndex(u32);

impl AccessIndex {
    /// Before the first transaction: system calls and irregular state changes.
    pub const PRE_BLOCK: Self = Self(0);

    /// Wraps a position.
    pub const fn new(position: u32) -> Self {
        Self(position)
    }

    /// Returns the index of the transaction at `offset` (from 0) in the block's list.
    ///
    /// # Panics
    /// Never for a decodable block: a block holds fewer than 2^32 - 1 transactions.
    pub fn of_transaction(offset: usize) -> Self {
        Self(u32::try_from(offset + 1).expect("a block holds fewer than 2^32 - 1 transactions"))
    }

    /// Returns the index after the last of `n_transactions`: requests, rewards, withdrawals.
    pub fn post_block(n_transactions: usize) -> Self {
        Self::of_transaction(n_transactions)
    }

    /// Returns the plain position.
    pub const fn position(self) -> u32 {
        self.0
    }

    /// Returns the offset (from 0) in the block's transaction list, if this is no pre-block index.
    pub const fn transaction_offset(self) -> Option<usize> {
        match self.0.checked_sub(1) {
            Some(offset) => Some(offset as usize),
            None => None,
        }
    }

    /// Returns the index after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for AccessIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One execution of one block, from submission to commit or failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The leader under which the job was accepted.
    pub term: Term,
    /// Order of acceptance under that leader.
    pub sequence: u64,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.sequence)
    }
}

/// The state after a block, or one that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotId {
    /// The state after a decided block, by the block's hash.
    Block(B256),
    /// The state after a block that is sealed and not decided, by its job.
    Job(JobId),
    /// A state that `LoadSnapshot` made, by the number the state service gave it.
    Loaded(u64),
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(hash) => write!(f, "block {hash}"),
            Self::Job(job) => write!(f, "job {job}"),
            Self::Loaded(number) => write!(f, "loaded {number}"),
        }
    }
}
