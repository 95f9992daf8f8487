//! geth's `genesis.json`: the first state, the first header, the chain's settings.

use super::{Content, genesis_file};
use crate::{
    error::InputError,
    input::{AccountValues, StateValues},
};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header,
    constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS},
};
use alloy_eips::{eip1559::INITIAL_BASE_FEE, eip7685::EMPTY_REQUESTS_HASH};
use alloy_genesis::{ChainConfig, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{account::Account, block::Code};
use std::collections::BTreeMap;

/// Gas limit of a genesis that names none.
const GAS_LIMIT: u64 = 4_712_388;

/// A genesis file, understood.
pub(super) struct Genesis {
    pub(super) header: Header,
    pub(super) state: StateValues,
    pub(super) config: ChainConfig,
}

/// Reads a genesis file.
pub(super) fn read(file: &Content) -> Result<Genesis, InputError> {
    let genesis = genesis_file::read(file)?;
    let state = state(&genesis.alloc);
    let header = header(&file.path, &genesis, state.root())?;
    Ok(Genesis { header, state, config: genesis.config })
}

/// Returns the header of the genesis block: later forks' fields are there if the fork is active
/// from the genesis block on.
pub(super) fn header(
    path: &str,
    genesis: &alloy_genesis::Genesis,
    state_root: B256,
) -> Result<Header, InputError> {
    let config = &genesis.config;
    let base_fee = genesis.base_fee_per_gas.map_or(Ok(INITIAL_BASE_FEE), u64::try_from);
    let base_fee = base_fee
        .map_err(|_| InputError::value(path, "$.baseFeePerGas", "it does not fit 64 bits"))?;
    let active = |time: Option<u64>| time.is_some_and(|time| time <= genesis.timestamp);
    let is_cancun = active(config.cancun_time);
    Ok(Header {
        parent_hash: genesis.parent_hash.unwrap_or_default(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: genesis.coinbase,
        state_root,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        difficulty: genesis.difficulty,
        number: genesis.number.unwrap_or_default(),
        gas_limit: if genesis.gas_limit == 0 { GAS_LIMIT } else { genesis.gas_limit },
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: genesis.nonce.into(),
        base_fee_per_gas: (config.london_block == Some(0)).then_some(base_fee),
        withdrawals_root: active(config.shanghai_time).then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: is_cancun.then(|| genesis.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: is_cancun.then(|| genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: is_cancun.then_some(B256::ZERO),
        requests_hash: active(config.prague_time).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}

fn state(alloc: &BTreeMap<Address, GenesisAccount>) -> StateValues {
    let mut codes = BTreeMap::new();
    let accounts = alloc.iter().map(|(address, given)| {
        let mut account = Account {
            balance: given.balance,
            nonce: given.nonce.unwrap_or_default(),
            ..Account::default()
        };
        if let Some(code) = given.non_empty_code() {
            account.code_hash = keccak256(code);
            codes.insert(account.code_hash, Bytes::clone(code));
        }
        AccountValues { address: *address, account, storage: slots(given) }
    });
    let accounts = accounts.collect();
    let codes = codes.into_iter().map(|(hash, bytes)| Code { hash, bytes }).collect();
    StateValues { accounts, codes }
}

fn slots(given: &GenesisAccount) -> Vec<(U256, U256)> {
    let slots = given.storage_slots().filter(|(_, value)| !value.is_zero());
    slots.map(|(slot, value)| (slot.into(), value)).collect()
}
