//! Questions to a Snapshot, their answers, and what a slice says it took from one.

use super::{
    DecodeError, Reason,
    access::unknown_byte,
    columns::{Column, Numbers, put_word},
    ids::{address, bytes_of, hash, kept, number, number_bytes},
};
use crate::wire::v1;
use alloy_primitives::{B256, U256};
use bytes::Bytes;
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue},
    block::Code,
};

const KEY_ACCOUNT: u8 = 1;
const KEY_ACCOUNT_WITH_CODE: u8 = 2;
const KEY_SLOT: u8 = 3;
const KEY_CODE: u8 = 4;

const NO_ACCOUNT: u8 = 1;
const ACCOUNT_WITHOUT_CODE: u8 = 2;
const ACCOUNT: u8 = 3;
const ANSWER_ACCOUNT_AND_CODE: u8 = 4;
const ANSWER_SLOT: u8 = 5;
const ANSWER_CODE: u8 = 6;
const ANSWER_UNAVAILABLE: u8 = 7;
const VALUE_SLOT: u8 = 4;

const fn key_kind(key: &SnapshotKey) -> u8 {
    match key {
        SnapshotKey::Account(_) => KEY_ACCOUNT,
        SnapshotKey::AccountWithCode(_) => KEY_ACCOUNT_WITH_CODE,
        SnapshotKey::Slot(..) => KEY_SLOT,
        SnapshotKey::Code(..) => KEY_CODE,
    }
}

/// Writes keys as columns.
pub(super) fn keys_message(keys: &[SnapshotKey]) -> v1::SnapshotKeys {
    let mut kinds = Vec::with_capacity(keys.len());
    let mut addresses = Vec::with_capacity(keys.len() * 20);
    let mut slots = Vec::new();
    let mut code_hashes = Vec::new();
    for key in keys {
        kinds.push(key_kind(key));
        addresses.extend_from_slice(key.address().as_slice());
        match key {
            SnapshotKey::Account(_) | SnapshotKey::AccountWithCode(_) => {}
            SnapshotKey::Slot(_, slot) => put_word(&mut slots, slot),
            SnapshotKey::Code(_, hash) => code_hashes.extend_from_slice(hash.as_slice()),
        }
    }
    v1::SnapshotKeys {
        kinds: kinds.into(),
        addresses: addresses.into(),
        slots: slots.into(),
        code_hashes: code_hashes.into(),
    }
}

/// Reads keys from columns.
pub(super) fn keys(wire: &v1::SnapshotKeys) -> Result<Vec<SnapshotKey>, DecodeError> {
    let mut addresses = Column::new("addresses", &wire.addresses);
    let mut slots = Column::new("slots", &wire.slots);
    let mut code_hashes = Column::new("code_hashes", &wire.code_hashes);
    let mut keys = Vec::with_capacity(wire.kinds.len());
    for kind in &wire.kinds {
        let address = addresses.address()?;
        keys.push(match *kind {
            KEY_ACCOUNT => SnapshotKey::Account(address),
            KEY_ACCOUNT_WITH_CODE => SnapshotKey::AccountWithCode(address),
            KEY_SLOT => SnapshotKey::Slot(address, slots.word()?),
            KEY_CODE => SnapshotKey::Code(address, code_hashes.hash()?),
            other => return Err(unknown_byte(other, "kinds")),
        });
    }
    addresses.end()?;
    slots.end()?;
    code_hashes.end()?;
    Ok(keys)
}

/// Writes one key.
pub(super) fn key_message(key: &SnapshotKey) -> v1::MissingKey {
    let word = match key {
        SnapshotKey::Account(_) | SnapshotKey::AccountWithCode(_) => Bytes::new(),
        SnapshotKey::Slot(_, slot) => number_bytes(*slot),
        SnapshotKey::Code(_, hash) => bytes_of(hash),
    };
    v1::MissingKey { kind: key_kind(key).into(), address: bytes_of(key.address()), word }
}

/// Reads one key.
pub(super) fn key(wire: &v1::MissingKey) -> Result<SnapshotKey, DecodeError> {
    let address = address(&wire.address, "address")?;
    let unknown = || DecodeError::new("kind", Reason::Unknown { given: wire.kind.into() });
    let key = match u8::try_from(wire.kind).map_err(|_| unknown())? {
        KEY_ACCOUNT => SnapshotKey::Account(address),
        KEY_ACCOUNT_WITH_CODE => SnapshotKey::AccountWithCode(address),
        KEY_SLOT => return Ok(SnapshotKey::Slot(address, number(&wire.word, "word")?)),
        KEY_CODE => return Ok(SnapshotKey::Code(address, hash(&wire.word, "word")?)),
        _ => return Err(unknown()),
    };
    Column::new("word", &wire.word).end()?;
    Ok(key)
}

/// Columns of values, while they are written.
#[derive(Default)]
struct Values {
    kinds: Vec<u8>,
    words: Vec<u8>,
    nonces: Vec<u64>,
    code_hashes: Vec<u8>,
}

impl Values {
    /// Appends an account, and returns the kind that says how.
    fn put_account(&mut self, account: Option<&Account>) -> u8 {
        let Some(account) = account else { return NO_ACCOUNT };
        put_word(&mut self.words, &account.balance);
        self.nonces.push(account.nonce);
        if account.code_hash == Account::default().code_hash {
            return ACCOUNT_WITHOUT_CODE;
        }
        self.code_hashes.extend_from_slice(account.code_hash.as_slice());
        ACCOUNT
    }
}

/// Columns of values, while they are read.
struct ValueColumns<'a> {
    words: Column<'a>,
    nonces: Numbers<'a, u64>,
    code_hashes: Column<'a>,
}

impl<'a> ValueColumns<'a> {
    fn new(words: &'a Bytes, nonces: &'a [u64], code_hashes: &'a Bytes) -> Self {
        Self {
            words: Column::new("words", words),
            nonces: Numbers::new("nonces", nonces),
            code_hashes: Column::new("code_hashes", code_hashes),
        }
    }

    fn word(&mut self) -> Result<U256, DecodeError> {
        self.words.word()
    }

    fn account(&mut self, has_code: bool) -> Result<Account, DecodeError> {
        let balance = self.words.word()?;
        let nonce = self.nonces.number()?;
        let code_hash =
            if has_code { self.code_hashes.hash()? } else { Account::default().code_hash };
        Ok(Account { balance, nonce, code_hash })
    }

    fn end(self) -> Result<(), DecodeError> {
        self.words.end()?;
        self.nonces.end()?;
        self.code_hashes.end()
    }
}

/// Writes answers as columns. A code that comes with an account has the account's hash.
pub(super) fn answers_message(answers: &[SnapshotAnswer]) -> v1::SnapshotAnswers {
    let mut values = Values::default();
    let mut codes = Vec::new();
    for answer in answers {
        let kind = match answer {
            SnapshotAnswer::Account { account: Some(account), code: Some(code) } => {
                put_account_and_code(&mut values, account, code.hash);
                codes.push(code.bytes.0.clone());
                ANSWER_ACCOUNT_AND_CODE
            }
            SnapshotAnswer::Account { account, .. } => values.put_account(account.as_ref()),
            SnapshotAnswer::Slot(value) => {
                put_word(&mut values.words, value);
                ANSWER_SLOT
            }
            SnapshotAnswer::Code(code) => {
                codes.push(code.0.clone());
                ANSWER_CODE
            }
            SnapshotAnswer::Unavailable => ANSWER_UNAVAILABLE,
        };
        values.kinds.push(kind);
    }
    v1::SnapshotAnswers {
        kinds: values.kinds.into(),
        words: values.words.into(),
        nonces: values.nonces,
        code_hashes: values.code_hashes.into(),
        codes,
    }
}

fn put_account_and_code(values: &mut Values, account: &Account, code_hash: B256) {
    put_word(&mut values.words, &account.balance);
    values.nonces.push(account.nonce);
    values.code_hashes.extend_from_slice(code_hash.as_slice());
}

/// Reads answers from columns.
pub(super) fn answers(wire: &v1::SnapshotAnswers) -> Result<Vec<SnapshotAnswer>, DecodeError> {
    let mut values = ValueColumns::new(&wire.words, &wire.nonces, &wire.code_hashes);
    let mut codes = wire.codes.iter();
    let mut next_code =
        || codes.next().map(kept).ok_or_else(|| DecodeError::new("codes", Reason::Short));
    let mut answers = Vec::with_capacity(wire.kinds.len());
    for kind in &wire.kinds {
        answers.push(match *kind {
            NO_ACCOUNT => SnapshotAnswer::Account { account: None, code: None },
            ACCOUNT_WITHOUT_CODE | ACCOUNT => {
                let account = Some(values.account(*kind == ACCOUNT)?);
                SnapshotAnswer::Account { account, code: None }
            }
            ANSWER_ACCOUNT_AND_CODE => {
                let account = values.account(true)?;
                let code = Some(Code { hash: account.code_hash, bytes: next_code()? });
                SnapshotAnswer::Account { account: Some(account), code }
            }
            ANSWER_SLOT => SnapshotAnswer::Slot(values.word()?),
            ANSWER_CODE => SnapshotAnswer::Code(next_code()?),
            ANSWER_UNAVAILABLE => SnapshotAnswer::Unavailable,
            other => return Err(unknown_byte(other, "kinds")),
        });
    }
    values.end()?;
    match codes.len() {
        0 => Ok(answers),
        given => Err(DecodeError::new("codes", Reason::Length { given, expected: 0 })),
    }
}

/// Writes keys with their values as columns.
pub(super) fn values_message(snapshot: &[SnapshotValue]) -> v1::SnapshotValues {
    let mut values = Values::default();
    let mut addresses = Vec::with_capacity(snapshot.len() * 20);
    for value in snapshot {
        let (address, kind) = match value {
            SnapshotValue::Account(address, account) => {
                (address, values.put_account(account.as_ref()))
            }
            SnapshotValue::Slot(address, slot, value) => {
                put_word(&mut values.words, slot);
                put_word(&mut values.words, value);
                (address, VALUE_SLOT)
            }
        };
        addresses.extend_from_slice(address.as_slice());
        values.kinds.push(kind);
    }
    v1::SnapshotValues {
        kinds: values.kinds.into(),
        addresses: addresses.into(),
        words: values.words.into(),
        nonces: values.nonces,
        code_hashes: values.code_hashes.into(),
    }
}

/// Reads keys with their values from columns.
pub(super) fn values(wire: &v1::SnapshotValues) -> Result<Vec<SnapshotValue>, DecodeError> {
    let mut addresses = Column::new("addresses", &wire.addresses);
    let mut values = ValueColumns::new(&wire.words, &wire.nonces, &wire.code_hashes);
    let mut read = Vec::with_capacity(wire.kinds.len());
    for kind in &wire.kinds {
        let address = addresses.address()?;
        read.push(match *kind {
            NO_ACCOUNT => SnapshotValue::Account(address, None),
            ACCOUNT_WITHOUT_CODE | ACCOUNT => {
                SnapshotValue::Account(address, Some(values.account(*kind == ACCOUNT)?))
            }
            VALUE_SLOT => SnapshotValue::Slot(address, values.word()?, values.word()?),
            other => return Err(unknown_byte(other, "kinds")),
        });
    }
    addresses.end()?;
    values.end()?;
    Ok(read)
}
