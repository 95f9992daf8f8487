//! Accounts as tests write them down.

use super::{
    Place,
    file::{AccountFile, AccountFiles},
};
use crate::{
    entries::Entries,
    error::InputError,
    input::{AccountValues, StateValues},
};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use engine::{account::Account, block::Code};
use std::collections::BTreeMap;

/// Reads a whole state, `pre` or `postState`.
pub(super) fn values(
    place: &Place<'_>,
    field: &str,
    Entries(files): AccountFiles<'_>,
) -> Result<StateValues, InputError> {
    let mut codes = BTreeMap::new();
    let mut accounts = Vec::with_capacity(files.len());
    for (address, file) in &files {
        let wrong =
            |part: &str, reason| place.wrong(&format!("{field}[{address:?}]{part}"), reason);
        let parsed = address.address().map_err(|reason| wrong("", reason))?;
        let (values, code) =
            account(parsed, file).map_err(|(part, reason)| wrong(&format!(".{part}"), reason))?;
        if !code.is_empty() {
            codes.insert(values.account.code_hash, code);
        }
        accounts.push(values);
    }
    accounts.sort_by_key(|values| values.address);
    if let Some(pair) = accounts.windows(2).find(|pair| pair[0].address == pair[1].address) {
        return Err(place.wrong(field, format!("{} is there twice", pair[0].address)));
    }
    let codes = codes.into_iter().map(|(hash, bytes)| Code { hash, bytes }).collect();
    Ok(StateValues { accounts, codes })
}

/// Reads one account and its code; fails with the field that is wrong.
fn account(
    address: Address,
    file: &AccountFile<'_>,
) -> Result<(AccountValues, Bytes), (&'static str, String)> {
    let code = file.code.bytes().map_err(|reason| ("code", reason))?;
    let mut account = Account {
        balance: file.balance.number().map_err(|reason| ("balance", reason))?,
        nonce: file.nonce.small_number().map_err(|reason| ("nonce", reason))?,
        ..Account::default()
    };
    if !code.is_empty() {
        account.code_hash = keccak256(&code);
    }
    let storage = slots(file).map_err(|reason| ("storage", reason))?;
    Ok((AccountValues { address, account, storage }, code))
}

fn slots(file: &AccountFile<'_>) -> Result<Vec<(U256, U256)>, String> {
    let Entries(files) = &file.storage;
    let mut slots = Vec::with_capacity(files.len());
    for (slot, value) in files {
        slots.push((slot.number()?, value.number()?));
    }
    slots.sort_unstable();
    if let Some(pair) = slots.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("slot {:#x} is there twice", pair[0].0));
    }
    slots.retain(|(_, value)| !value.is_zero());
    Ok(slots)
}
