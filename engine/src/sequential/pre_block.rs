//! What happens to state before a block's first transaction.

use super::{
    Stop,
    system_call::{Judge, system_call},
};
use crate::chain::ChainSpec;
use alloy_consensus::Header;
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_evm::eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::U256;
use revm::Database;

/// Applies the DAO's irregular change (EIP-779), then the calls that store the parent's beacon
/// root (EIP-4788) and hash (EIP-2935). The outcome of these calls does not matter.
pub(super) fn apply<DB: Database>(
    chain: &ChainSpec,
    header: &Header,
    judge: &mut Judge<'_, DB>,
) -> Result<(), Stop<DB::Error>> {
    if chain.ethereum_fork_activation(EthereumHardfork::Dao).transitions_at_block(header.number) {
        drain_dao(judge).map_err(Stop::State)?;
    }
    if header.number == 0 {
        return Ok(());
    }
    if chain.is_cancun_active_at_timestamp(header.timestamp) {
        let root = header.parent_beacon_block_root.unwrap_or_default();
        system_call(judge, BEACON_ROOTS_ADDRESS, root.into())?;
    }
    if chain.is_prague_active_at_timestamp(header.timestamp) {
        system_call(judge, HISTORY_STORAGE_ADDRESS, header.parent_hash.into())?;
    }
    Ok(())
}

fn drain_dao<DB: Database>(judge: &mut Judge<'_, DB>) -> Result<(), DB::Error> {
    let state = &mut judge.ctx.journaled_state.database;
    let mut drained = U256::ZERO;
    for account in DAO_HARDFORK_ACCOUNTS {
        state.change_balance(account, false, |balance| {
            drained += balance;
            U256::ZERO
        })?;
    }
    state.change_balance(DAO_HARDFORK_BENEFICIARY, false, |balance| balance + drained)
}
