//! What happens to state after a block's last transaction.

use super::{
    Stop,
    system_call::{Judge, required_system_call},
};
use crate::{block::BlockAttributes, chain::ChainSpec};
use alloy_eips::{
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{Address, Bytes, U256};
use revm::{Database, primitives::hardfork::SpecId};
use std::collections::BTreeMap;

const WEI_PER_GWEI: u64 = 1_000_000_000;
const WEI_PER_ETHER: u64 = 1_000_000_000_000_000_000;

/// Collects the requests of system contracts (EIP-7002, EIP-7251), then pays rewards and
/// withdrawals. Returns the requests with their type bytes, empty ones left out.
pub(super) fn apply<DB: Database>(
    chain: &ChainSpec,
    attributes: &BlockAttributes,
    judge: &mut Judge<'_, DB>,
) -> Result<Vec<Bytes>, Stop<DB::Error>> {
    let header = &attributes.header;
    let mut requests = Vec::new();
    if chain.is_prague_active_at_timestamp(header.timestamp) {
        for (kind, contract) in [
            (WITHDRAWAL_REQUEST_TYPE, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS),
            (CONSOLIDATION_REQUEST_TYPE, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS),
        ] {
            let output = required_system_call(judge, contract)?;
            if !output.is_empty() {
                requests.push([&[kind], output.as_ref()].concat().into());
            }
        }
    }
    let clears_empty =
        chain.spec_at(header.number, header.timestamp).is_enabled_in(SpecId::SPURIOUS_DRAGON);
    for (address, amount) in payments(chain, attributes) {
        let state = &mut judge.ctx.journaled_state.database;
        state
            .change_balance(address, clears_empty, |balance| {
                // What does not fit changes nothing, as revm has it with fees.
                balance.checked_add(amount).unwrap_or(balance)
            })
            .map_err(Stop::State)?;
    }
    Ok(requests)
}

/// Returns who is paid how much in all: rewards of proof of work, and withdrawals.
fn payments(chain: &ChainSpec, attributes: &BlockAttributes) -> BTreeMap<Address, U256> {
    let header = &attributes.header;
    let mut payments = Vec::new();
    if let Some(reward) = block_reward(chain, header.number) {
        let nephew = reward / U256::from(32) * U256::from(attributes.ommers.len());
        payments.push((header.beneficiary, reward + nephew));
        payments.extend(attributes.ommers.iter().map(|ommer| {
            let depth = header.number.saturating_sub(ommer.number);
            let eighths = U256::from(8_u64.saturating_sub(depth));
            (ommer.beneficiary, reward * eighths / U256::from(8))
        }));
    }
    let withdrawals = attributes.withdrawals.iter().flatten();
    payments.extend(withdrawals.map(|withdrawal| {
        (withdrawal.address, U256::from(withdrawal.amount) * U256::from(WEI_PER_GWEI))
    }));
    let mut sums = BTreeMap::<Address, U256>::new();
    for (address, amount) in payments {
        *sums.entry(address).or_default() += amount;
    }
    sums
}

/// Returns what a block itself is worth; nothing from Paris on.
fn block_reward(chain: &ChainSpec, number: u64) -> Option<U256> {
    let ether = if chain.is_paris_active_at_block(number) {
        return None;
    } else if chain.is_constantinople_active_at_block(number) {
        2
    } else if chain.is_byzantium_active_at_block(number) {
        3
    } else {
        5
    };
    Some(U256::from(ether) * U256::from(WEI_PER_ETHER))
}
