//! State as a slice sees it: the slice's own writes, the overlay, and what the Snapshot answered.

use crate::{
    access::{ReadSet, WriteSet},
    account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue, TouchRule},
    execute::{StateView, ViewMiss},
    ids::AccessIndex,
    memory::BlockMemory,
};
use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{AddressMap, B256Map, HashMap},
};
use revm::bytecode::Bytecode;
use std::{cell::RefCell, sync::Arc};

/// An answer that may be that there is none.
#[derive(Clone, Copy, Debug)]
enum Known<T> {
    Value(T),
    Unavailable,
}

/// What a slice knows of state.
#[derive(Debug)]
pub(super) struct SliceView {
    /// Index of the reader.
    pub(super) at: AccessIndex,
    memory: BlockMemory,
    accounts: AddressMap<Known<Option<Account>>>,
    slots: HashMap<(Address, U256), Known<U256>>,
    codes: B256Map<Known<Bytecode>>,
    /// Snapshot values that reads were answered with.
    used: RefCell<Vec<SnapshotValue>>,
}

impl SliceView {
    pub(super) fn new(rule: TouchRule) -> Self {
        Self {
            at: AccessIndex::PRE_BLOCK,
            memory: BlockMemory::new(rule),
            accounts: AddressMap::default(),
            slots: HashMap::default(),
            codes: B256Map::default(),
            used: RefCell::default(),
        }
    }

    /// Puts an index's writes in place; `None` takes them away.
    pub(super) fn put(&mut self, index: AccessIndex, writes: Option<Arc<WriteSet>>) {
        match writes {
            Some(writes) => drop(self.memory.put(index, writes)),
            None => drop(self.memory.remove(index)),
        }
    }

    /// Takes an answer in.
    pub(super) fn provide(&mut self, key: SnapshotKey, answer: SnapshotAnswer) {
        match (key, answer) {
            (
                SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address),
                SnapshotAnswer::Account { account, code },
            ) => {
                self.accounts.insert(address, Known::Value(account));
                if let Some(code) = code {
                    self.codes.insert(code.hash, Known::Value(analyse(code.bytes)));
                }
            }
            (SnapshotKey::Slot(address, slot), SnapshotAnswer::Slot(value)) => {
                self.slots.insert((address, slot), Known::Value(value));
            }
            (SnapshotKey::Code(_, hash), SnapshotAnswer::Code(bytes)) => {
                self.codes.insert(hash, Known::Value(analyse(bytes)));
            }
            (
                SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address),
                SnapshotAnswer::Unavailable,
            ) => {
                self.accounts.insert(address, Known::Unavailable);
            }
            (SnapshotKey::Slot(address, slot), SnapshotAnswer::Unavailable) => {
                self.slots.insert((address, slot), Known::Unavailable);
            }
            // An answer of another kind than its question is no answer.
            (SnapshotKey::Code(_, hash), _) => {
                self.codes.insert(hash, Known::Unavailable);
            }
            (key, _) => self.provide(key, SnapshotAnswer::Unavailable),
        }
    }

    /// Tells whether every read has the value that the view gives at this index now.
    pub(super) fn holds(&self, reads: &ReadSet) -> bool {
        reads.0.iter().all(|read| {
            let key = &read.key;
            let value = self.memory.value(
                key,
                self.at,
                || self.base_account(key.address()).ok(),
                || match key {
                    crate::access::AccessKey::Slot(address, slot) => {
                        self.base_slot(address, slot).ok()
                    }
                    _ => None,
                },
            );
            value == Some(read.value)
        })
    }

    /// Returns the Snapshot values that reads were answered with, sorted, each once.
    pub(super) fn take_used(&mut self) -> Vec<SnapshotValue> {
        let mut used = std::mem::take(self.used.get_mut());
        used.sort_unstable_by_key(SnapshotValue::key);
        used.dedup();
        used
    }

    fn base_account(&self, address: &Address) -> Result<Option<Account>, ViewMiss> {
        let account = match self.accounts.get(address) {
            Some(Known::Value(account)) => *account,
            Some(Known::Unavailable) => {
                return Err(ViewMiss::Unavailable(SnapshotKey::Account(*address)));
            }
            // Who is not predicted is mostly a contract about to be called.
            None => return Err(ViewMiss::Missing(SnapshotKey::AccountWithCode(*address))),
        };
        self.used.borrow_mut().push(SnapshotValue::Account(*address, account));
        Ok(account)
    }

    fn base_slot(&self, address: &Address, slot: &U256) -> Result<U256, ViewMiss> {
        let value = match self.slots.get(&(*address, *slot)) {
            Some(Known::Value(value)) => *value,
            Some(Known::Unavailable) => {
                return Err(ViewMiss::Unavailable(SnapshotKey::Slot(*address, *slot)));
            }
            None => {
                // An absent account has no storage to ask for.
                if let Some(Known::Value(None)) = self.accounts.get(address) {
                    U256::ZERO
                } else {
                    return Err(ViewMiss::Missing(SnapshotKey::Slot(*address, *slot)));
                }
            }
        };
        self.used.borrow_mut().push(SnapshotValue::Slot(*address, *slot, value));
        Ok(value)
    }
}

/// Runs `read` with a base that may miss, and keeps what the miss was.
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
        match self.codes.get(hash) {
            Some(Known::Value(code)) => Ok(code.clone()),
            Some(Known::Unavailable) => {
                Err(ViewMiss::Unavailable(SnapshotKey::Code(*address, *hash)))
            }
            None => Err(ViewMiss::Missing(SnapshotKey::Code(*address, *hash))),
        }
    }
}

fn analyse(bytes: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(bytes.clone()).unwrap_or_else(|_| Bytecode::new_legacy(bytes))
}
