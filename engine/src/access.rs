//! What transactions read and write, key by key.

use crate::account::{Existence, credited};
use alloy_primitives::{Address, B256, Bytes, U256};

/// One key of state, as fine as validation looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessKey {
    /// Balance of an account, in wei.
    Balance(Address),
    /// Nonce of an account.
    Nonce(Address),
    /// Hash of an account's code.
    CodeHash(Address),
    /// Whether an account exists and is empty; never written, always derived.
    Existence(Address),
    /// One storage slot.
    Slot(Address, U256),
}

impl AccessKey {
    /// Returns the account that the key belongs to.
    pub const fn address(&self) -> &Address {
        match self {
            Self::Balance(address)
            | Self::Nonce(address)
            | Self::CodeHash(address)
            | Self::Existence(address)
            | Self::Slot(address, _) => address,
        }
    }
}

/// The value of an [`AccessKey`], as one word: wei, a number, a hash, a slot, or an existence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessValue(pub U256);

impl From<U256> for AccessValue {
    fn from(word: U256) -> Self {
        Self(word)
    }
}

impl From<u64> for AccessValue {
    fn from(number: u64) -> Self {
        Self(U256::from(number))
    }
}

impl From<B256> for AccessValue {
    fn from(hash: B256) -> Self {
        Self(hash.into())
    }
}

impl From<Existence> for AccessValue {
    fn from(existence: Existence) -> Self {
        Self(U256::from(existence as u8))
    }
}

/// One key that an incarnation observed, with the value it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// What was observed.
    pub key: AccessKey,
    /// What it was: the resolved value, writes, Credits and wipes below included.
    pub value: AccessValue,
}

/// All that one incarnation observed, sorted by key, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet(pub Vec<Read>);

/// What clears an account's storage at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wipe {
    /// The account was destroyed: it is absent after this index, and its storage is gone.
    Destroyed,
    /// A contract was created over an existing account: the old storage is gone.
    Storage,
}

/// How an index changed a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BalanceWrite {
    /// The balance is this.
    Set(U256),
    /// This was added, whatever the balance was; zero is a touch.
    Credit(U256),
}

/// What one index wrote to one account. An entry at all is a touch (EIP-161).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountWrite {
    /// Comes before everything else that the index wrote to the account.
    pub wipe: Option<Wipe>,
    /// The balance, if it changed or was added to.
    pub balance: Option<BalanceWrite>,
    /// The nonce, if it changed.
    pub nonce: Option<u64>,
    /// The code's hash, if it changed.
    pub code_hash: Option<B256>,
    /// Slots that changed, sorted by slot.
    pub slots: Vec<(U256, U256)>,
}

impl AccountWrite {
    /// Returns the write of a Credit: an addition that commutes.
    pub fn credit(amount: U256) -> Self {
        Self { balance: Some(BalanceWrite::Credit(amount)), ..Self::default() }
    }

    /// Adds a Credit of the same index.
    pub const fn add_credit(&mut self, amount: U256) {
        self.balance = Some(match self.balance {
            Some(BalanceWrite::Set(balance)) => BalanceWrite::Set(credited(balance, amount)),
            Some(BalanceWrite::Credit(sum)) => BalanceWrite::Credit(sum.saturating_add(amount)),
            None => BalanceWrite::Credit(amount),
        });
    }
}

/// All that one incarnation wrote, sorted by address, each address once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// Writes by account.
    pub accounts: Vec<(Address, AccountWrite)>,
    /// Codes deployed, by hash; they travel with the hash.
    pub codes: Vec<(B256, Bytes)>,
}

impl WriteSet {
    /// Returns the entry of an account, made if it is missing.
    pub fn account_mut(&mut self, address: Address) -> &mut AccountWrite {
        let at = match self.accounts.binary_search_by_key(&address, |(address, _)| *address) {
            Ok(at) => at,
            Err(at) => {
                self.accounts.insert(at, (address, AccountWrite::default()));
                at
            }
        };
        &mut self.accounts[at].1
    }
}
