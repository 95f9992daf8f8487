//! The text of a `genesis.json`. What geth takes is taken: numbers of any size without quotes,
//! `null` for what is not there, fields that it does not know.

use super::Content;
use crate::error::InputError;
use alloy_genesis::{ChainConfig, Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap};

/// The fields, as they are written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    config: ChainConfig,
    alloc: BTreeMap<Address, AccountFields>,
    gas_limit: U256,
    difficulty: U256,
    nonce: Option<U256>,
    timestamp: Option<U256>,
    number: Option<U256>,
    base_fee_per_gas: Option<U256>,
    blob_gas_used: Option<U256>,
    excess_blob_gas: Option<U256>,
    extra_data: Option<Bytes>,
    #[serde(alias = "mixhash")]
    mix_hash: Option<B256>,
    coinbase: Option<Address>,
    parent_hash: Option<B256>,
}

#[derive(Deserialize)]
struct AccountFields {
    balance: U256,
    nonce: Option<U256>,
    code: Option<Bytes>,
    /// Slot numbers and values may be shorter than 32 bytes.
    storage: Option<BTreeMap<U256, U256>>,
}

/// Reads the text.
pub(super) fn read(file: &Content) -> Result<Genesis, InputError> {
    let text = with_big_numbers_quoted(&file.bytes);
    let fields: File =
        serde_json::from_slice(&text).map_err(|error| InputError::json(&file.path, &error))?;
    fields.into_genesis(&file.path)
}

impl File {
    fn into_genesis(self, path: &str) -> Result<Genesis, InputError> {
        let small = |field: &str, number: Option<U256>| small_number(path, field, number);
        let accounts = self.alloc.into_iter().map(|(address, fields)| {
            let field = format!("alloc.{address}.nonce");
            let nonce = small_number(path, &field, fields.nonce)?;
            Ok((address, fields.into_account(nonce)))
        });
        Ok(Genesis {
            nonce: small("nonce", self.nonce)?.unwrap_or_default(),
            timestamp: small("timestamp", self.timestamp)?.unwrap_or_default(),
            gas_limit: small("gasLimit", Some(self.gas_limit))?.unwrap_or_default(),
            base_fee_per_gas: small("baseFeePerGas", self.base_fee_per_gas)?.map(u128::from),
            blob_gas_used: small("blobGasUsed", self.blob_gas_used)?,
            excess_blob_gas: small("excessBlobGas", self.excess_blob_gas)?,
            number: small("number", self.number)?,
            alloc: accounts.collect::<Result<_, InputError>>()?,
            config: self.config,
            difficulty: self.difficulty,
            extra_data: self.extra_data.unwrap_or_default(),
            mix_hash: self.mix_hash.unwrap_or_default(),
            coinbase: self.coinbase.unwrap_or_default(),
            parent_hash: self.parent_hash,
            slot_number: None,
        })
    }
}

impl AccountFields {
    fn into_account(self, nonce: Option<u64>) -> GenesisAccount {
        let word = |(slot, value): (U256, U256)| (B256::from(slot), B256::from(value));
        let storage = self.storage.map(|storage| storage.into_iter().map(word).collect());
        GenesisAccount {
            nonce,
            balance: self.balance,
            code: self.code,
            storage,
            ..GenesisAccount::default()
        }
    }
}

fn small_number(path: &str, field: &str, number: Option<U256>) -> Result<Option<u64>, InputError> {
    let small = number.map(u64::try_from).transpose();
    small.map_err(|_| InputError::value(path, format!("$.{field}"), "it does not fit 64 bits"))
}

/// Puts numbers of more than 64 bits in quotes: as numbers they would lose digits.
fn with_big_numbers_quoted(json: &[u8]) -> Cow<'_, [u8]> {
    let mut quoted: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        let begin = at;
        at = match byte {
            b'"' => end_of_text(json, at),
            b'-' | b'0'..=b'9' => end_of_number(json, at),
            _ => at + 1,
        };
        let number = &json[begin..at];
        if is_big(number) {
            let out = quoted.get_or_insert_default();
            out.extend_from_slice(&json[copied..begin]);
            out.push(b'"');
            out.extend_from_slice(number);
            out.push(b'"');
            copied = at;
        }
    }
    match quoted {
        Some(mut quoted) => {
            quoted.extend_from_slice(&json[copied..]);
            Cow::Owned(quoted)
        }
        None => Cow::Borrowed(json),
    }
}

/// Returns the position after a text that begins here.
fn end_of_text(json: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Returns the position after a number that begins here.
fn end_of_number(json: &[u8], begin: usize) -> usize {
    let is_of_number = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let len = json[begin..].iter().take_while(|byte| is_of_number(byte)).count();
    begin + len
}

/// Tells whether this is a whole number that 64 bits do not hold.
fn is_big(text: &[u8]) -> bool {
    let is_whole = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_whole && str::from_utf8(text).is_ok_and(|digits| digits.parse::<u64>().is_err())
}
