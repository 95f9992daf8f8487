//! Read sets and write sets. Their order is the engine's to judge, not the wire's.

use super::{
    At, DecodeError, Reason,
    columns::{Column, Numbers, SlotColumns, Slots, put_word},
    ids::bytes_of,
};
use crate::wire::v1;
use alloy_primitives::{Address, B256, Bytes};
use engine::{
    access::{AccessKey, AccessValue, AccountWrite, BalanceWrite, Read, ReadSet, Wipe, WriteSet},
    block::Code,
    ids::AccessIndex,
};
use std::sync::Arc;

const KIND_BALANCE: u8 = 1;
const KIND_NONCE: u8 = 2;
const KIND_CODE_HASH: u8 = 3;
const KIND_EXISTENCE: u8 = 4;
const KIND_SLOT: u8 = 5;

const WIPE_DESTROYED: u8 = 1;
const WIPE_STORAGE: u8 = 2;
const WIPE_MASK: u8 = 3;
const BALANCE_SET: u8 = 1 << 2;
const BALANCE_CREDIT: u8 = 2 << 2;
const BALANCE_MASK: u8 = 3 << 2;
const NONCE: u8 = 1 << 4;
const CODE_HASH: u8 = 1 << 5;
const SLOTS: u8 = 1 << 6;
const UNUSED: u8 = 1 << 7;

impl From<&ReadSet> for v1::ReadSet {
    fn from(reads: &ReadSet) -> Self {
        let n_reads = reads.0.len();
        let mut kinds = Vec::with_capacity(n_reads);
        let mut addresses = Vec::with_capacity(n_reads * 20);
        let mut slots = Vec::new();
        let mut values = Vec::with_capacity(n_reads * 16);
        for read in &reads.0 {
            kinds.push(match &read.key {
                AccessKey::Balance(_) => KIND_BALANCE,
                AccessKey::Nonce(_) => KIND_NONCE,
                AccessKey::CodeHash(_) => KIND_CODE_HASH,
                AccessKey::Existence(_) => KIND_EXISTENCE,
                AccessKey::Slot(_, slot) => {
                    put_word(&mut slots, slot);
                    KIND_SLOT
                }
            });
            addresses.extend_from_slice(read.key.address().as_slice());
            put_word(&mut values, &read.value.0);
        }
        Self {
            kinds: kinds.into(),
            addresses: addresses.into(),
            slots: slots.into(),
            values: values.into(),
        }
    }
}

impl TryFrom<v1::ReadSet> for ReadSet {
    type Error = DecodeError;

    fn try_from(wire: v1::ReadSet) -> Result<Self, DecodeError> {
        let mut addresses = Column::new("addresses", &wire.addresses);
        let mut slots = Column::new("slots", &wire.slots);
        let mut values = Column::new("values", &wire.values);
        let mut reads = Vec::with_capacity(wire.kinds.len());
        for kind in &wire.kinds {
            let address = addresses.address()?;
            let key = match *kind {
                KIND_BALANCE => AccessKey::Balance(address),
                KIND_NONCE => AccessKey::Nonce(address),
                KIND_CODE_HASH => AccessKey::CodeHash(address),
                KIND_EXISTENCE => AccessKey::Existence(address),
                KIND_SLOT => AccessKey::Slot(address, slots.word()?),
                other => return Err(unknown_byte(other, "kinds")),
            };
            reads.push(Read { key, value: AccessValue(values.word()?) });
        }
        addresses.end()?;
        slots.end()?;
        values.end()?;
        Ok(Self(reads))
    }
}

/// Returns the error of a kind or of flags that stand for nothing.
pub(super) fn unknown_byte(given: u8, field: &str) -> DecodeError {
    DecodeError::new(field, Reason::Unknown { given: given.into() })
}

impl From<&WriteSet> for v1::WriteSet {
    fn from(writes: &WriteSet) -> Self {
        let n_accounts = writes.accounts.len();
        let mut flags = Vec::with_capacity(n_accounts);
        let mut addresses = Vec::with_capacity(n_accounts * 20);
        let mut balances = Vec::new();
        let mut nonces = Vec::new();
        let mut code_hashes = Vec::new();
        let mut slots = SlotColumns::default();
        for (address, write) in &writes.accounts {
            addresses.extend_from_slice(address.as_slice());
            let mut flag = match write.wipe {
                None => 0,
                Some(Wipe::Destroyed) => WIPE_DESTROYED,
                Some(Wipe::Storage) => WIPE_STORAGE,
            };
            if let Some(balance) = &write.balance {
                let (kind, word) = match balance {
                    BalanceWrite::Set(word) => (BALANCE_SET, word),
                    BalanceWrite::Credit(word) => (BALANCE_CREDIT, word),
                };
                flag |= kind;
                put_word(&mut balances, word);
            }
            if let Some(nonce) = write.nonce {
                flag |= NONCE;
                nonces.push(nonce);
            }
            if let Some(hash) = &write.code_hash {
                flag |= CODE_HASH;
                code_hashes.extend_from_slice(hash.as_slice());
            }
            if slots.put(write.slots.iter().map(|(slot, value)| (slot, value))) {
                flag |= SLOTS;
            }
            flags.push(flag);
        }
        Self {
            flags: flags.into(),
            addresses: addresses.into(),
            balances: balances.into(),
            nonces,
            code_hashes: code_hashes.into(),
            slot_counts: slots.counts,
            slots: slots.words.into(),
            codes: writes.codes.iter().map(code_message).collect(),
        }
    }
}

/// Writes a code with its hash.
pub(super) fn code_message((hash, code): &(B256, Bytes)) -> v1::Code {
    v1::Code { hash: bytes_of(hash), code: code.0.clone() }
}

/// Reads codes with their hashes.
pub(super) fn codes(wire: Vec<v1::Code>) -> Result<Vec<Code>, DecodeError> {
    let codes = wire.into_iter().enumerate();
    codes.map(|(position, code)| code.try_into().at_position("codes", position)).collect()
}

impl TryFrom<v1::WriteSet> for WriteSet {
    type Error = DecodeError;

    fn try_from(wire: v1::WriteSet) -> Result<Self, DecodeError> {
        let mut columns = WriteColumns {
            addresses: Column::new("addresses", &wire.addresses),
            balances: Column::new("balances", &wire.balances),
            nonces: Numbers::new("nonces", &wire.nonces),
            code_hashes: Column::new("code_hashes", &wire.code_hashes),
            slots: Slots::new(&wire.slot_counts, &wire.slots),
        };
        let mut accounts = Vec::with_capacity(wire.flags.len());
        for flag in &wire.flags {
            accounts.push(columns.account(*flag)?);
        }
        columns.end()?;
        let codes = codes(wire.codes)?.into_iter().map(|code| (code.hash, code.bytes)).collect();
        Ok(Self { accounts, codes })
    }
}

/// The columns of a write set.
struct WriteColumns<'a> {
    addresses: Column<'a>,
    balances: Column<'a>,
    nonces: Numbers<'a, u64>,
    code_hashes: Column<'a>,
    slots: Slots<'a>,
}

impl WriteColumns<'_> {
    fn account(&mut self, flag: u8) -> Result<(Address, AccountWrite), DecodeError> {
        if flag & UNUSED != 0 {
            return Err(unknown_byte(flag, "flags"));
        }
        let address = self.addresses.address()?;
        let wipe = match flag & WIPE_MASK {
            0 => None,
            WIPE_DESTROYED => Some(Wipe::Destroyed),
            WIPE_STORAGE => Some(Wipe::Storage),
            _ => return Err(unknown_byte(flag, "flags")),
        };
        let balance = match flag & BALANCE_MASK {
            0 => None,
            BALANCE_SET => Some(BalanceWrite::Set(self.balances.word()?)),
            BALANCE_CREDIT => Some(BalanceWrite::Credit(self.balances.word()?)),
            _ => return Err(unknown_byte(flag, "flags")),
        };
        let has = |bit: u8| flag & bit != 0;
        let nonce = has(NONCE).then(|| self.nonces.number()).transpose()?;
        let code_hash = has(CODE_HASH).then(|| self.code_hashes.hash()).transpose()?;
        let slots = if has(SLOTS) { self.slots.of_account()? } else { Vec::new() };
        Ok((address, AccountWrite { wipe, balance, nonce, code_hash, slots }))
    }

    fn end(self) -> Result<(), DecodeError> {
        self.addresses.end()?;
        self.balances.end()?;
        self.nonces.end()?;
        self.code_hashes.end()?;
        self.slots.end()
    }
}

/// Writes the writes of one index.
pub(super) fn indexed_message((index, writes): &(AccessIndex, Arc<WriteSet>)) -> v1::IndexedWrites {
    v1::IndexedWrites { index: index.position(), writes: Some(writes.as_ref().into()) }
}

/// Reads the writes of indices.
pub(super) fn indexed(
    wire: Vec<v1::IndexedWrites>,
    field: &str,
) -> Result<Vec<(AccessIndex, Arc<WriteSet>)>, DecodeError> {
    let entries = wire.into_iter().enumerate();
    let read = entries.map(|(position, entry)| {
        let writes = writes(entry.writes).at_position(field, position)?;
        Ok((AccessIndex::new(entry.index), writes))
    });
    read.collect()
}

/// Reads a write set that has to be there.
pub(super) fn writes(wire: Option<v1::WriteSet>) -> Result<Arc<WriteSet>, DecodeError> {
    use super::Required;
    let writes = wire.required("writes")?;
    WriteSet::try_from(writes).at("writes").map(Arc::new)
}
