//! Accounts as state holds them, and how writes in order change them.

use crate::{
    access::{AccountWrite, BalanceWrite, Wipe},
    block::Code,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::primitives::{KECCAK_EMPTY, hardfork::SpecId};

/// An account of a Snapshot. Its storage is kept apart, slot by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Balance in wei.
    pub balance: U256,
    /// Number of transactions sent, or contracts created.
    pub nonce: u64,
    /// Keccak-256 of the code; of the empty string where there is none.
    pub code_hash: B256,
}

impl Default for Account {
    fn default() -> Self {
        Self { balance: U256::ZERO, nonce: 0, code_hash: KECCAK_EMPTY }
    }
}

impl Account {
    /// Tells whether balance and nonce are zero and there is no code (EIP-161).
    pub fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce == 0 && self.code_hash == KECCAK_EMPTY
    }
}

/// What a transaction can learn of an account without looking at a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Existence {
    /// There is no such account.
    Absent,
    /// It exists with zero balance, zero nonce and no code (only before Spurious Dragon, or left
    /// over from then).
    Empty,
    /// It exists and is not empty.
    Present,
}

impl Existence {
    /// Returns the existence of an account as a Snapshot holds it.
    pub fn of(account: Option<&Account>) -> Self {
        match account {
            None => Self::Absent,
            Some(account) if account.is_empty() => Self::Empty,
            Some(_) => Self::Present,
        }
    }
}

/// What becomes of an empty account that is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TouchRule {
    /// Before Spurious Dragon: a touch makes an absent account exist.
    Creates,
    /// From Spurious Dragon on (EIP-161): a touched account that is empty is removed.
    Clears,
}

impl TouchRule {
    /// Returns the rule of a fork.
    pub const fn of(spec: SpecId) -> Self {
        if spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) { Self::Clears } else { Self::Creates }
    }
}

/// Applies one index's write to an account: the one function from which worker, coordinator and
/// state shard derive existence (it is never written).
///
/// Every write is a touch. `None` is an absent account, before as well as after.
pub fn apply_account_write(
    account: Option<Account>,
    write: &AccountWrite,
    rule: TouchRule,
) -> Option<Account> {
    if write.wipe == Some(Wipe::Destroyed) {
        return None;
    }
    let mut account = account.unwrap_or_default();
    match write.balance {
        Some(BalanceWrite::Set(balance)) => account.balance = balance,
        Some(BalanceWrite::Credit(amount)) => {
            account.balance = credited(account.balance, amount);
        }
        None => {}
    }
    if let Some(nonce) = write.nonce {
        account.nonce = nonce;
    }
    if let Some(code_hash) = write.code_hash {
        account.code_hash = code_hash;
    }
    exists_when_touched(account, rule)
}

/// Returns a balance with a Credit added. One that does not fit changes nothing, as revm has it
/// with fees; so Credits that meet such a balance are added up in their order.
pub const fn credited(balance: U256, amount: U256) -> U256 {
    match balance.checked_add(amount) {
        Some(sum) => sum,
        None => balance,
    }
}

/// Returns what becomes of an account by a touch, whatever it was before: it exists, or is cleared
/// for being empty (EIP-161).
pub fn exists_when_touched(account: Account, rule: TouchRule) -> Option<Account> {
    (rule == TouchRule::Creates || !account.is_empty()).then_some(account)
}

/// A read from a Snapshot with its answer: what a state shard said of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotValue {
    /// An account; `None` where there is none.
    Account(Address, Option<Account>),
    /// A storage slot; zero where it was never set.
    Slot(Address, U256, U256),
}

impl SnapshotValue {
    /// Returns the key that was asked.
    pub const fn key(&self) -> SnapshotKey {
        match self {
            Self::Account(address, _) => SnapshotKey::Account(*address),
            Self::Slot(address, slot, _) => SnapshotKey::Slot(*address, *slot),
        }
    }
}

/// A question to a Snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotKey {
    /// Balance, nonce and code hash of an account, or that there is none.
    Account(Address),
    /// The same, and the account's code in the same answer.
    AccountWithCode(Address),
    /// One storage slot.
    Slot(Address, U256),
    /// The code with this hash, which the account at the address has.
    Code(Address, B256),
}

impl SnapshotKey {
    /// Returns the account that the key belongs to; it decides the shard.
    pub const fn address(&self) -> &Address {
        match self {
            Self::Account(address)
            | Self::AccountWithCode(address)
            | Self::Slot(address, _)
            | Self::Code(address, _) => address,
        }
    }
}

/// The answer to a [`SnapshotKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotAnswer {
    /// An account, and its code if that was asked for and there is any.
    Account {
        /// The account; `None` where there is none.
        account: Option<Account>,
        /// Its code.
        code: Option<Code>,
    },
    /// A storage slot; zero where it was never set.
    Slot(U256),
    /// Code by hash.
    Code(Bytes),
    /// This Snapshot cannot answer the key (a witness without that node).
    Unavailable,
}
