//! State as a slice sees it: the slice's own writes, the overlay, and what the Snapshot answered.

use crate::{
    access::{AccessKey, ReadSet, WriteSet},
    account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue, TouchRule},
    execute::{StateView, ViewMiss},
    ids::AccessIndex,
    memory::{BlockMemory, readers::Readers, replace},
};
use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{AddressMap, B256Map, HashMap},
};
use revm::bytecode::Bytecode;
use std::{cell::Cell, collections::BTreeSet, sync::Arc};

/// An answer of the Snapshot.
#[derive(Debug)]
struct Answer<T> {
    /// `None` if the Snapshot cannot answer.
    value: Option<T>,
    /// Whether a run was answered with it.
    is_used: Cell<bool>,
}

impl<T> Answer<T> {
    const fn new(value: Option<T>) -> Self {
        Self { value, is_used: Cell::new(false) }
    }
}

/// What a slice knows of state.
#[derive(Debug)]
pub(super) struct SliceView {
    /// Index of the reader.
    pub(super) at: AccessIndex,
    memory: BlockMemory,
    readers: Readers,
    accounts: AddressMap<Answer<Option<Account>>>,
    slots: HashMap<(Address, U256), Answer<U256>>,
    codes: B256Map<Option<Bytecode>>,
}

impl SliceView {
    pub(super) fn new(rule: TouchRule) -> Self {
        Self {
            at: AccessIndex::PRE_BLOCK,
            memory: BlockMemory::new(rule),
            readers: Readers::default(),
            accounts: AddressMap::default(),
            slots: HashMap::default(),
            codes: B256Map::default(),
        }
    }

    /// Puts an index's writes in place; `None` takes them away. Adds the indices above whose reads
    /// may have changed to `found`.
    pub(super) fn put(
        &mut self,
        index: AccessIndex,
        writes: Option<Arc<WriteSet>>,
        found: &mut BTreeSet<AccessIndex>,
    ) {
        let accounts = &self.accounts;
        let base = |address: &Address| accounts.get(address).and_then(|answer| answer.value);
        replace(&mut self.memory, &self.readers, (index, writes), base, found);
    }

    /// Notes what the outcome at an index read.
    pub(super) fn add_reads(&mut self, index: AccessIndex, reads: &ReadSet) {
        self.readers.add(index, reads);
    }

    /// Forgets what an earlier outcome at an index read.
    pub(super) fn remove_reads(&mut self, index: AccessIndex, reads: &ReadSet) {
        self.readers.remove(index, reads);
    }

    /// Takes an answer in. An answer of another kind than its question is no answer.
    pub(super) fn provide(&mut self, key: SnapshotKey, answer: SnapshotAnswer) {
        match key {
            SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address) => {
                let value = match answer {
                    SnapshotAnswer::Account { account, code } => {
                        if let Some(code) = code {
                            self.codes.insert(code.hash, Some(analyse(code.bytes)));
                        }
                        Some(account)
                    }
                    _ => None,
                };
                self.accounts.insert(address, Answer::new(value));
            }
            SnapshotKey::Slot(address, slot) => {
                let value = match answer {
                    SnapshotAnswer::Slot(value) => Some(value),
                    _ => None,
                };
                self.slots.insert((address, slot), Answer::new(value));
            }
            SnapshotKey::Code(_, hash) => {
                let code = match answer {
                    SnapshotAnswer::Code(bytes) => Some(analyse(bytes)),
                    _ => None,
                };
                self.codes.insert(hash, code);
            }
        }
    }

    /// Tells whether every read has the value that the view gives at this index now.
    pub(super) fn holds(&self, reads: &ReadSet) -> bool {
        reads.0.iter().all(|read| {
            let key = &read.key;
            let slot = || match key {
                AccessKey::Slot(address, slot) => self.base_slot(address, slot).ok(),
                _ => None,
            };
            let account = || self.base_account(key.address()).ok();
            self.memory.value(key, self.at, account, slot) == Some(read.value)
        })
    }

    /// Tells whether the payments of what an index wrote fit the balances that they meet.
    pub(super) fn payments_fit(
        &self,
        index: AccessIndex,
        writes: &WriteSet,
        beneficiary: &Address,
    ) -> bool {
        let base = |address: &Address| self.base_account(address).ok();
        // Who is paid by a Credit is known: its code is a read of the outcome, which holds.
        self.memory.payments_fit(index, writes, beneficiary, base).unwrap_or(true)
    }

    /// Returns the Snapshot values that runs were answered with, sorted, each once.
    pub(super) fn used(&self) -> Vec<SnapshotValue> {
        let accounts = self.accounts.iter().filter(|(_, answer)| answer.is_used.get());
        let slots = self.slots.iter().filter(|(_, answer)| answer.is_used.get());
        let accounts = accounts
            .filter_map(|(address, answer)| Some(SnapshotValue::Account(*address, answer.value?)));
        let slots = slots.filter_map(|((address, slot), answer)| {
            Some(SnapshotValue::Slot(*address, *slot, answer.value?))
        });
        let mut used: Vec<_> = accounts.chain(slots).collect();
        used.sort_unstable_by_key(SnapshotValue::key);
        used
    }

    fn base_account(&self, address: &Address) -> Result<Option<Account>, ViewMiss> {
        let Some(answer) = self.accounts.get(address) else {
            // Who is not predicted is mostly a contract about to be called.
            return Err(ViewMiss::Missing(SnapshotKey::AccountWithCode(*address)));
        };
        answer.is_used.set(true);
        answer.value.ok_or(ViewMiss::Unavailable(SnapshotKey::Account(*address)))
    }

    fn base_slot(&self, address: &Address, slot: &U256) -> Result<U256, ViewMiss> {
        let key = SnapshotKey::Slot(*address, *slot);
        let answer = self.slots.get(&(*address, *slot)).ok_or(ViewMiss::Missing(key))?;
        answer.is_used.set(true);
        answer.value.ok_or(ViewMiss::Unavailable(key))
    }
}

/// Reads through a base that may miss, and keeps what the miss was.
fn with_base<T, B>(
    base: impl FnOnce() -> Result<B, ViewMiss>,
    read: impl FnOnce(&mut dyn FnMut() -> Option<B>) -> Option<T>,
) -> Result<T, ViewMiss> {
    let mut base = Some(base);
    let mut miss = None;
    let value = read(&mut || match base.take().map(|base| base()) {
        Some(Ok(value)) => Some(value),
        Some(Err(found)) => {
            miss = Some(found);
            None
        }
        None => None,
    });
    value.ok_or_else(|| miss.expect("a value is missing only because its base is"))
}

impl StateView for SliceView {
    fn account(&self, address: &Address) -> Result<Option<Account>, ViewMiss> {
        with_base(|| self.base_account(address), |base| self.memory.account(address, self.at, base))
    }

    fn slot(&self, address: &Address, slot: &U256) -> Result<U256, ViewMiss> {
        with_base(
            || self.base_slot(address, slot),
            |base| self.memory.slot(address, slot, self.at, base),
        )
    }

    fn code(&self, address: &Address, hash: &B256) -> Result<Bytecode, ViewMiss> {
        if let Some(bytes) = self.memory.code(hash) {
            return Ok(analyse(bytes.clone()));
        }
        let key = SnapshotKey::Code(*address, *hash);
        let code = self.codes.get(hash).ok_or(ViewMiss::Missing(key))?;
        code.clone().ok_or(ViewMiss::Unavailable(key))
    }
}

fn analyse(bytes: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(bytes.clone()).unwrap_or_else(|_| Bytecode::new_legacy(bytes))
}
