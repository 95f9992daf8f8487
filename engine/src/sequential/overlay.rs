//! The state below a block with the block's writes so far on top.

use super::{
    Record,
    write_log::{WriteLog, Writes},
};
use crate::{
    account::Account,
    block::AncestorHashes,
    fold::{AccountDiff, StateDiff},
    ids::AccessIndex,
};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map, U256Map},
};
use revm::{
    Database,
    state::{Account as Touched, AccountInfo, Bytecode, EvmState},
};
use std::collections::BTreeSet;

/// What the block made of one account.
#[derive(Clone, Debug, Default)]
struct Entry {
    /// Without code: that is kept by hash.
    info: Option<AccountInfo>,
    /// Slots that are not among these are zero, whatever the state below says.
    is_wiped: bool,
    slots: U256Map<U256>,
}

impl Entry {
    fn gone() -> Self {
        Self { info: None, is_wiped: true, slots: U256Map::default() }
    }

    fn into_diff(self) -> AccountDiff {
        AccountDiff {
            account: self.info.as_ref().map(account_of),
            wiped: self.is_wiped,
            slots: self.slots.into_iter().collect(),
        }
    }
}

/// A block's writes, without the state below.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    accounts: AddressMap<Entry>,
    codes: B256Map<Bytecode>,
}

impl Written {
    fn commit(&mut self, address: Address, mut touched: Touched) {
        let is_destroyed = touched.is_selfdestructed();
        let entry = self.accounts.entry(address).or_default();
        if is_destroyed || (!touched.is_created() && touched.is_empty()) {
            *entry = Entry::gone();
            return;
        }
        if touched.is_created() {
            entry.is_wiped = true;
            entry.slots.clear();
        }
        let changed = touched.storage.iter().filter(|(_, slot)| slot.is_changed());
        entry.slots.extend(changed.map(|(slot, value)| (*slot, value.present_value)));
        let code = touched.info.code.take().filter(|code| !code.is_empty());
        if let Some(code) = code.filter(|code| touched.is_created() || code.is_eip7702()) {
            self.codes.entry(touched.info.code_hash).or_insert(code);
        }
        entry.info = Some(touched.info);
    }

    /// Returns the final values of everything that was written, in order. An account that was
    /// touched and is as it was has an entry too.
    pub(super) fn into_diff(self) -> StateDiff {
        let accounts =
            self.accounts.into_iter().map(|(address, entry)| (address, entry.into_diff()));
        let codes = self.codes.into_iter().map(|(hash, code)| (hash, code.original_bytes()));
        StateDiff { accounts: accounts.collect(), codes: codes.collect() }
    }
}

/// What each index changed, with the values that the block had given until then: laid over the
/// state below one after the other they are the states between the transactions.
#[derive(Debug, Default)]
struct Steps {
    closed: Vec<StateDiff>,
    /// Accounts that the present index wrote.
    open: BTreeSet<Address>,
}

/// A database of revm that keeps the block's writes apart from the state below.
#[derive(Debug)]
pub(super) struct Overlay<'a, DB> {
    base: DB,
    ancestors: &'a AncestorHashes,
    written: Written,
    log: Option<WriteLog>,
    steps: Option<Steps>,
}

impl<'a, DB: Database> Overlay<'a, DB> {
    /// Makes an overlay without writes.
    pub(super) fn new(base: DB, ancestors: &'a AncestorHashes, record: Record) -> Self {
        let log = (record == Record::Writes).then(WriteLog::default);
        let steps = (record == Record::Steps).then(Steps::default);
        Self { base, ancestors, written: Written::default(), log, steps }
    }

    /// Says to which index the writes from now on belong.
    pub(super) fn begin(&mut self, index: AccessIndex) {
        if let Some(log) = &mut self.log {
            log.begin(index);
        }
        if let Some(steps) = &mut self.steps {
            let entry = |address: &Address| self.written.accounts.get(address).cloned();
            let open = std::mem::take(&mut steps.open).into_iter();
            let accounts = open.map(|it| (it, entry(&it).unwrap_or_default().into_diff()));
            let accounts = accounts.collect();
            steps.closed.push(StateDiff { accounts, ..StateDiff::default() });
        }
    }

    /// Takes in what one transaction or system call left behind.
    ///
    /// revm has applied the fork's rule on empty accounts before: one that is touched, empty and
    /// not created goes, in every fork.
    pub(super) fn commit(&mut self, state: EvmState) -> Result<(), DB::Error> {
        for (address, account) in state.into_iter().filter(|(_, account)| account.is_touched()) {
            if self.log.is_some() {
                let before = self.account(address)?;
                self.log.iter_mut().for_each(|log| log.note(address, before, &account));
            }
            self.written.commit(address, account);
            self.steps.iter_mut().for_each(|steps| _ = steps.open.insert(address));
        }
        Ok(())
    }

    /// Gives an account a new balance, made by `change` from the present one. The account exists
    /// afterwards unless it is empty and `clears_empty` (EIP-161) is set.
    pub(super) fn change_balance(
        &mut self,
        address: Address,
        clears_empty: bool,
        change: impl FnOnce(U256) -> U256,
    ) -> Result<(), DB::Error> {
        let mut info = self.basic(address)?.unwrap_or_default();
        info.code = None;
        info.balance = change(info.balance);
        if let Some(log) = &mut self.log {
            log.note_balance(address, info.balance);
        }
        self.steps.iter_mut().for_each(|steps| _ = steps.open.insert(address));
        let entry = self.written.accounts.entry(address).or_default();
        if clears_empty && info.is_empty() {
            *entry = Entry::gone();
        } else {
            entry.info = Some(info);
        }
        Ok(())
    }

    /// Tells whether there is code at an address.
    pub(super) fn has_code(&mut self, address: Address) -> Result<bool, DB::Error> {
        Ok(self.basic(address)?.is_some_and(|info| !info.is_empty_code_hash()))
    }

    /// Ends the block: what it wrote, by index if that was noted, and its steps if they were.
    pub(super) fn into_written(self) -> (Written, Option<Writes>, Vec<StateDiff>) {
        let steps = self.steps.map(|steps| steps.closed).unwrap_or_default();
        (self.written, self.log.map(WriteLog::into_writes), steps)
    }

    fn account(&mut self, address: Address) -> Result<Option<Account>, DB::Error> {
        Ok(self.basic(address)?.as_ref().map(account_of))
    }
}

const fn account_of(info: &AccountInfo) -> Account {
    Account { balance: info.balance, nonce: info.nonce, code_hash: info.code_hash }
}

impl<DB: Database> Database for Overlay<'_, DB> {
    type Error = DB::Error;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        match self.written.accounts.get(&address) {
            Some(entry) => Ok(entry.info.clone()),
            None => self.base.basic(address),
        }
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Self::Error> {
        match self.written.codes.get(&code_hash) {
            Some(code) => Ok(code.clone()),
            None => self.base.code_by_hash(code_hash),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        if let Some(entry) = self.written.accounts.get(&address) {
            if let Some(value) = entry.slots.get(&slot) {
                return Ok(*value);
            }
            if entry.is_wiped {
                return Ok(U256::ZERO);
            }
        }
        self.base.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        Ok(self.ancestors.get(number))
    }
}
