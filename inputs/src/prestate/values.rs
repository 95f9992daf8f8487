//! `pre_state.json`, `bytecodes.json` and `block_hashes.json`: the values below a block.

use crate::{entries::Entries, error::InputError, input::AccountValues};
use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use engine::{account::Account, block::Code};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `pre_state.json` holds.
pub(super) type AccountFile = Vec<AccountValues>;

#[derive(Deserialize)]
struct PreAccount {
    /// Not there if the account does not exist.
    basic: Option<Basic>,
    #[serde(default)]
    code_hash: Option<B256>,
    storage: Entries<U256, U256>,
}

#[derive(Deserialize)]
struct Basic {
    balance: U256,
    nonce: U64,
}

#[derive(Deserialize)]
struct CodeFile {
    /// Padded with zeroes.
    bytecode: Bytes,
    original_len: usize,
}

/// Reads the accounts before a block, with their slots.
pub(super) fn read(at: &str, json: &[u8]) -> Result<AccountFile, InputError> {
    let Entries(accounts) = parse::<Entries<Address, PreAccount>>(at, json)?;
    Ok(accounts.into_iter().filter_map(account_values).collect())
}

fn account_values((address, given): (Address, PreAccount)) -> Option<AccountValues> {
    let Basic { balance, nonce } = given.basic?;
    let mut account = Account { balance, nonce: nonce.to(), ..Account::default() };
    if let Some(code_hash) = given.code_hash {
        account.code_hash = code_hash;
    }
    let Entries(mut storage) = given.storage;
    storage.retain(|(_, value)| !value.is_zero());
    Some(AccountValues { address, account, storage })
}

/// Reads codes and checks their hashes.
pub(super) fn read_codes(at: &str, json: &[u8]) -> Result<Vec<Code>, InputError> {
    let Entries(codes) = parse::<Entries<B256, CodeFile>>(at, json)?;
    codes.into_iter().map(|(hash, file)| code(at, hash, &file)).collect()
}

fn code(at: &str, hash: B256, file: &CodeFile) -> Result<Code, InputError> {
    let place = || format!("$[\"{hash}\"]");
    if file.original_len > file.bytecode.len() {
        let reason = format!("there are fewer than {} bytes", file.original_len);
        return Err(InputError::value(at, place(), reason));
    }
    let bytes = file.bytecode.slice(..file.original_len);
    if keccak256(&bytes) == hash {
        Ok(Code { hash, bytes })
    } else {
        Err(InputError::value(at, place(), "the code has another hash"))
    }
}

/// Reads hashes of earlier blocks.
pub(super) fn read_hashes(at: &str, json: &[u8]) -> Result<BTreeMap<u64, B256>, InputError> {
    let Entries(hashes) = parse::<Entries<u64, B256>>(at, json)?;
    Ok(hashes.into_iter().collect())
}

fn parse<'a, T: Deserialize<'a>>(at: &str, json: &'a [u8]) -> Result<T, InputError> {
    serde_json::from_slice(json).map_err(|error| InputError::json(at, &error))
}
