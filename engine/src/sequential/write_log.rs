//! Notes which index wrote what, so that a difference can be laid to a transaction.

use crate::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::Account,
    ids::AccessIndex,
};
use alloy_primitives::{Address, U256};
use revm::state::Account as Touched;
use std::sync::Arc;

/// Writes by index, in order; an index that wrote nothing may be missing.
pub(super) type Writes = Vec<(AccessIndex, Arc<WriteSet>)>;

/// The write sets of a block's indices, as they come.
#[derive(Debug, Default)]
pub(super) struct WriteLog {
    closed: Writes,
    index: AccessIndex,
    open: WriteSet,
}

impl WriteLog {
    /// Closes the present index and goes on to another one.
    pub(super) fn begin(&mut self, index: AccessIndex) {
        let open = std::mem::take(&mut self.open);
        if !open.accounts.is_empty() {
            self.closed.push((self.index, Arc::new(open)));
        }
        self.index = index;
    }

    /// Notes an account that revm touched; `before` is the account below.
    pub(super) fn note(&mut self, address: Address, before: Option<Account>, touched: &Touched) {
        let write = self.open.account_mut(address);
        if touched.is_selfdestructed() {
            *write = AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() };
            return;
        }
        if touched.is_created() {
            *write = AccountWrite { wipe: Some(Wipe::Storage), ..AccountWrite::default() };
        }
        let before = before.unwrap_or_default();
        let info = &touched.info;
        if info.balance != before.balance {
            write.balance = Some(BalanceWrite::Set(info.balance));
        }
        if info.nonce != before.nonce {
            write.nonce = Some(info.nonce);
        }
        for (slot, value) in touched.storage.iter().filter(|(_, slot)| slot.is_changed()) {
            set_slot(&mut write.slots, *slot, value.present_value);
        }
        if info.code_hash != before.code_hash {
            write.code_hash = Some(info.code_hash);
            let code = info.code.as_ref().filter(|code| !code.is_empty());
            let code = code.map(|code| (info.code_hash, code.original_bytes()));
            self.open.codes.extend(code);
        }
    }

    /// Notes a balance that the block itself changed.
    pub(super) fn note_balance(&mut self, address: Address, balance: U256) {
        self.open.account_mut(address).balance = Some(BalanceWrite::Set(balance));
    }

    pub(super) fn into_writes(mut self) -> Writes {
        self.begin(AccessIndex::default());
        self.closed
    }
}

/// Index 0 and `n + 1` consist of several calls, which may write to the same slot.
fn set_slot(slots: &mut Vec<(U256, U256)>, slot: U256, value: U256) {
    match slots.binary_search_by_key(&slot, |(slot, _)| *slot) {
        Ok(at) => slots[at].1 = value,
        Err(at) => slots.insert(at, (slot, value)),
    }
}
