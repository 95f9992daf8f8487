//! One key with what is known of it.

use super::{Wanted, batch::Why};
use crate::machine::RunId;
use alloy_primitives::{Address, B256, Bytes, U256};
use engine::account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue};
use std::hash::{Hash, Hasher};

/// What an answer is kept under: an account with and without its code is one, code goes by hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KnownKey {
    Account(Address),
    Slot(Address, U256),
    Code(B256),
}

impl KnownKey {
    pub(crate) const fn of(key: &SnapshotKey) -> Self {
        match key {
            SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address) => {
                Self::Account(*address)
            }
            SnapshotKey::Slot(address, slot) => Self::Slot(*address, *slot),
            SnapshotKey::Code(_, hash) => Self::Code(*hash),
        }
    }

    pub(crate) const fn of_value(value: &SnapshotValue) -> Self {
        Self::of(&value.key())
    }
}

/// Word by word, which the map's hasher takes much faster than bytes; this is most of what a key
/// costs on the worker's actor.
impl Hash for KnownKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Account(address) => hash_bytes(address.as_slice(), state),
            Self::Slot(address, slot) => {
                hash_bytes(address.as_slice(), state);
                slot.as_limbs().iter().for_each(|limb| state.write_u64(*limb));
            }
            Self::Code(hash) => hash_bytes(hash.as_slice(), state),
        }
    }
}

fn hash_bytes<H: Hasher>(bytes: &[u8], state: &mut H) {
    for word in bytes.chunks(8) {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        state.write_u64(u64::from_le_bytes(padded));
    }
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Entry {
    /// It was asked for, or is about to be.
    Asked(Asked),
    Account {
        account: Option<Account>,
        /// Whether the shard was asked for the code as well.
        with_code: bool,
    },
    Slot(U256),
    Code(Bytes),
    Unavailable,
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Asked {
    /// What is asked.
    pub(super) key: SnapshotKey,
    pub(super) why: Why,
    /// Who asked.
    first: RunId,
    /// Who waits as well, once for each key it wants. Mostly nobody.
    others: Vec<RunId>,
}

impl Asked {
    pub(super) const fn new(key: SnapshotKey, why: Why, run: RunId) -> Self {
        Self { key, why, first: run, others: Vec::new() }
    }

    /// Returns who waits, once for each key it wants.
    pub(super) fn waiters(&self) -> impl Iterator<Item = RunId> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

impl Entry {
    /// Returns the answer without code; `None` if it is not there yet.
    pub(super) fn answer(&self) -> Option<SnapshotAnswer> {
        match self {
            Self::Asked(_) => None,
            Self::Account { account, .. } => {
                Some(SnapshotAnswer::Account { account: *account, code: None })
            }
            Self::Slot(value) => Some(SnapshotAnswer::Slot(*value)),
            Self::Code(bytes) => Some(SnapshotAnswer::Code(bytes.clone())),
            Self::Unavailable => Some(SnapshotAnswer::Unavailable),
        }
    }

    pub(super) fn answer_or_wait(&mut self, run: RunId) -> Wanted {
        match self {
            Self::Asked(asked) => {
                asked.others.push(run);
                Wanted::Later
            }
            entry => Wanted::Here(entry.answer().unwrap_or(SnapshotAnswer::Unavailable)),
        }
    }
}

/// Tells whether an account has code.
pub(super) fn has_code(account: &Account) -> bool {
    account.code_hash != Account::default().code_hash
}

/// Returns the bytes of an answer: fixed-width values and codes, without the framing of any wire.
pub(crate) fn answer_bytes(answer: &SnapshotAnswer) -> u64 {
    /// Balance, nonce, code hash.
    const ACCOUNT_BYTES: usize = 32 + 8 + 32;
    let n_bytes = match answer {
        SnapshotAnswer::Account { account, code } => {
            let account = account.map_or(0, |_| ACCOUNT_BYTES);
            account + code.as_ref().map_or(0, |code| code.bytes.len())
        }
        SnapshotAnswer::Slot(_) => 32,
        SnapshotAnswer::Code(bytes) => bytes.len(),
        SnapshotAnswer::Unavailable => 0,
    };
    u64::try_from(n_bytes).unwrap_or(u64::MAX)
}
