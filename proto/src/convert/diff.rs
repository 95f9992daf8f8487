//! What a block changed, as the feed carries it.

use super::{
    DecodeError,
    access::{code_message, codes, unknown_byte},
    columns::{Column, Numbers, SlotColumns, Slots, put_word},
};
use crate::wire::v1;
use alloy_primitives::Address;
use engine::{
    account::Account,
    fold::{AccountDiff, StateDiff},
};
use std::collections::BTreeMap;

const EXISTS: u8 = 1;
const CODE_HASH: u8 = 1 << 1;
const WIPED: u8 = 1 << 2;
const SLOTS: u8 = 1 << 3;
const UNUSED: u8 = !(EXISTS | CODE_HASH | WIPED | SLOTS);

impl From<&StateDiff> for v1::StateDiff {
    fn from(diff: &StateDiff) -> Self {
        let mut flags = Vec::with_capacity(diff.accounts.len());
        let mut addresses = Vec::with_capacity(diff.accounts.len() * 20);
        let mut balances = Vec::new();
        let mut nonces = Vec::new();
        let mut code_hashes = Vec::new();
        let mut slots = SlotColumns::default();
        for (address, changed) in &diff.accounts {
            addresses.extend_from_slice(address.as_slice());
            let mut flag = if changed.wiped { WIPED } else { 0 };
            if let Some(account) = &changed.account {
                flag |= EXISTS;
                put_word(&mut balances, &account.balance);
                nonces.push(account.nonce);
                if account.code_hash != Account::default().code_hash {
                    flag |= CODE_HASH;
                    code_hashes.extend_from_slice(account.code_hash.as_slice());
                }
            }
            if slots.put(changed.slots.iter()) {
                flag |= SLOTS;
            }
            flags.push(flag);
        }
        let codes = diff.codes.iter().map(|(hash, code)| code_message(&(*hash, code.clone())));
        Self {
            flags: flags.into(),
            addresses: addresses.into(),
            balances: balances.into(),
            nonces,
            code_hashes: code_hashes.into(),
            slot_counts: slots.counts,
            slots: slots.words.into(),
            codes: codes.collect(),
        }
    }
}

impl TryFrom<v1::StateDiff> for StateDiff {
    type Error = DecodeError;

    fn try_from(wire: v1::StateDiff) -> Result<Self, DecodeError> {
        let mut columns = DiffColumns {
            addresses: Column::new("addresses", &wire.addresses),
            balances: Column::new("balances", &wire.balances),
            nonces: Numbers::new("nonces", &wire.nonces),
            code_hashes: Column::new("code_hashes", &wire.code_hashes),
            slots: Slots::new(&wire.slot_counts, &wire.slots),
        };
        let mut accounts = BTreeMap::new();
        for flag in &wire.flags {
            let (address, changed) = columns.account(*flag)?;
            if accounts.last_key_value().is_some_and(|(last, _)| *last >= address) {
                return Err(DecodeError::malformed("addresses", "column", "it is not ascending"));
            }
            accounts.insert(address, changed);
        }
        columns.end()?;
        let codes = codes(wire.codes)?.into_iter().map(|code| (code.hash, code.bytes)).collect();
        Ok(Self { accounts, codes })
    }
}

/// The columns of a diff.
struct DiffColumns<'a> {
    addresses: Column<'a>,
    balances: Column<'a>,
    nonces: Numbers<'a, u64>,
    code_hashes: Column<'a>,
    slots: Slots<'a>,
}

impl DiffColumns<'_> {
    fn account(&mut self, flag: u8) -> Result<(Address, AccountDiff), DecodeError> {
        let has = |bit: u8| flag & bit != 0;
        if has(UNUSED) || (has(CODE_HASH) && !has(EXISTS)) {
            return Err(unknown_byte(flag, "flags"));
        }
        let address = self.addresses.address()?;
        let mut account = None;
        if has(EXISTS) {
            let balance = self.balances.word()?;
            let nonce = self.nonces.number()?;
            let code_hash = if has(CODE_HASH) {
                self.code_hashes.hash()?
            } else {
                Account::default().code_hash
            };
            account = Some(Account { balance, nonce, code_hash });
        }
        let mut slots = BTreeMap::new();
        if has(SLOTS) {
            let listed = self.slots.of_account()?;
            if !listed.is_sorted_by(|one, other| one.0 < other.0) {
                return Err(DecodeError::malformed("slots", "column", "it is not ascending"));
            }
            slots = listed.into_iter().collect();
        }
        Ok((address, AccountDiff { account, wiped: has(WIPED), slots }))
    }

    fn end(self) -> Result<(), DecodeError> {
        self.addresses.end()?;
        self.balances.end()?;
        self.nonces.end()?;
        self.code_hashes.end()?;
        self.slots.end()
    }
}
