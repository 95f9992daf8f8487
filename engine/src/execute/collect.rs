//! Turns revm's state after a run into writes.

use super::{observed::Aspects, recorder::Recorder, view::StateView};
use crate::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::Account,
};
use alloy_primitives::{Address, U256};
use revm::{
    primitives::KECCAK_EMPTY,
    state::{Account as EvmAccount, EvmState},
};

/// Value that a transaction moves to a recipient that it has to do with for no other reason: a
/// Credit, if the recipient turns out to be an account without code (rule 6).
#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    pub(super) to: Address,
    pub(super) value: U256,
}

/// Adds what a run changed to the index's writes. Notes as observed what the writes depend on.
pub(super) fn add_writes<V: StateView>(
    recorder: &mut Recorder<V>,
    state: &EvmState,
    payment: Option<Payment>,
    writes: &mut WriteSet,
) {
    // Untouched never means a write, whatever else the flags say. In order, so that each goes to the
    // end of what is written.
    let mut touched: Vec<_> = state.iter().filter(|(_, account)| account.is_touched()).collect();
    touched.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in touched {
        let original = recorder.loaded.get(address).copied().flatten();
        let Some(write) = write_of(account, original.as_ref()) else { continue };
        if let Some(payment) = payment.filter(|payment| payment.to == *address)
            && is_credit(recorder, payment, original.as_ref(), &write)
        {
            *writes.account_mut(*address) = AccountWrite::credit(payment.value);
            continue;
        }
        note_dependencies(recorder, *address, account, &write);
        if let Some(code) = deployed_code(account, &write) {
            writes.codes.push(code);
        }
        merge(writes.account_mut(*address), write);
    }
    writes.codes.sort_unstable_by_key(|(hash, _)| *hash);
    writes.codes.dedup_by_key(|(hash, _)| *hash);
}

/// Returns what a touched account's state means as a write; `None` if it means nothing.
fn write_of(account: &EvmAccount, original: Option<&Account>) -> Option<AccountWrite> {
    // Created and destroyed in one transaction is both: destroyed comes first.
    if account.is_selfdestructed() {
        return Some(AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() });
    }
    let before = original.copied().unwrap_or_default();
    let info = &account.info;
    // A creation hides the storage of whoever was there. Where revm calls a mere touch of an absent
    // account a creation (before Spurious Dragon) there is nothing to hide.
    let is_contract = info.nonce > 0 || info.code_hash != KECCAK_EMPTY;
    let hides = account.is_created() && (original.is_some() || is_contract);
    let wipe = hides.then_some(Wipe::Storage);
    let mut slots: Vec<(U256, U256)> = account
        .storage
        .iter()
        .filter(|(_, slot)| slot.present_value != slot.original_value)
        .map(|(slot, value)| (*slot, value.present_value))
        .collect();
    slots.sort_unstable_by_key(|(slot, _)| *slot);
    let write = AccountWrite {
        wipe,
        balance: (info.balance != before.balance).then_some(BalanceWrite::Set(info.balance)),
        nonce: (info.nonce != before.nonce).then_some(info.nonce),
        code_hash: (info.code_hash != before.code_hash).then_some(info.code_hash),
        slots,
    };
    if write != AccountWrite::default() {
        return Some(write);
    }
    // A touch that changes nothing is a Credit of zero. Of an account with code it is nothing at
    // all: the code hash is a validated read, so the account is present whoever touches it.
    (before.code_hash == KECCAK_EMPTY).then(|| AccountWrite::credit(U256::ZERO))
}

/// Tells whether a recipient's write is nothing but the payment, to an account without code of
/// which nothing else was observed; nor may the sum be one that overflows.
fn is_credit<V: StateView>(
    recorder: &Recorder<V>,
    payment: Payment,
    original: Option<&Account>,
    write: &AccountWrite,
) -> bool {
    let before = original.copied().unwrap_or_default();
    let observed = recorder.observations.of(&payment.to, &before.balance);
    let sum = before.balance.checked_add(payment.value);
    let paid = AccountWrite { balance: sum.map(BalanceWrite::Set), ..AccountWrite::default() };
    before.code_hash == KECCAK_EMPTY && observed == Aspects::CODE_ONLY && *write == paid
}

/// A value that replaces another depends on it: the balance that a payment was added to, the
/// nonce that was counted up, the existence of what was created.
fn note_dependencies<V: StateView>(
    recorder: &mut Recorder<V>,
    address: Address,
    account: &EvmAccount,
    write: &AccountWrite,
) {
    let mut aspects = Aspects::CODE_ONLY;
    if matches!(write.balance, Some(BalanceWrite::Set(_))) {
        aspects = aspects.and(Aspects::BALANCE).and(Aspects::EXISTENCE);
    }
    if write.nonce.is_some() {
        aspects = aspects.and(Aspects::NONCE).and(Aspects::EXISTENCE);
    }
    if write.code_hash.is_some() {
        aspects = aspects.and(Aspects::EXISTENCE);
    }
    if account.is_created() || write.wipe.is_some() {
        aspects = Aspects::ALL;
    }
    // Only add to a note that is there: a missing one already counts as everything.
    if recorder.observations.is_noted(&address) {
        recorder.observations.note(address, aspects);
    }
}

fn deployed_code(
    account: &EvmAccount,
    write: &AccountWrite,
) -> Option<(alloy_primitives::B256, alloy_primitives::Bytes)> {
    let hash = write.code_hash.filter(|hash| *hash != KECCAK_EMPTY)?;
    account.info.code.as_ref().map(|code| (hash, code.original_bytes()))
}

/// Puts a later step's write of the same index over an earlier one.
fn merge(into: &mut AccountWrite, later: AccountWrite) {
    into.wipe = later.wipe.or(into.wipe);
    match later.balance {
        Some(BalanceWrite::Credit(amount)) => into.add_credit(amount),
        Some(set) => into.balance = Some(set),
        None => {}
    }
    into.nonce = later.nonce.or(into.nonce);
    into.code_hash = later.code_hash.or(into.code_hash);
    for (slot, value) in later.slots {
        match into.slots.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => into.slots[at].1 = value,
            Err(at) => into.slots.insert(at, (slot, value)),
        }
    }
}
