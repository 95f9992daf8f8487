//! What a block does outside its transactions: index 0 and index `n + 1`.

use super::{
    collect,
    executor::Executor,
    handler::{KeepFeeBack, RunError},
    observed::Aspects,
    recorder::Stop,
    view::StateView,
};
use crate::{
    access::WriteSet,
    outcome::{Executed, Verdict},
    task::JobFrame,
};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
};
use alloy_evm::{
    block::state_changes::post_block_balance_increments,
    eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY},
};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    Database as _,
    context::{
        ContextSetters, ContextTr, JournalTr, TxEnv, result::EVMError, result::ExecutionResult,
    },
    handler::{EvmTr, Handler, SystemCallTx},
    primitives::KECCAK_EMPTY,
};
use std::sync::Arc;

/// Contracts that index `n + 1` calls from Prague on, with the type byte of their requests.
const REQUEST_CONTRACTS: [(Address, u8); 2] = [
    (WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE),
    (CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE),
];

/// Gas of a system call (EIP-4788).
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// Runs index 0: parent hash (EIP-2935), beacon root (EIP-4788), the DAO's irregular change.
pub(super) fn pre_block<V: StateView>(run: &mut Executor<V>) -> Result<Verdict, RunError> {
    let frame = Arc::clone(&run.frame);
    let (chain, header) = (&frame.chain, &frame.attributes.header);
    let mut writes = WriteSet::default();
    if header.number != 0 && chain.is_prague_active_at_timestamp(header.timestamp) {
        let parent: Bytes = header.parent_hash.0.into();
        system_call(run, HISTORY_STORAGE_ADDRESS, parent, &mut writes)?;
    }
    if header.number != 0 && chain.is_cancun_active_at_timestamp(header.timestamp) {
        let Some(root) = header.parent_beacon_block_root else {
            return Ok(invalid("parent beacon block root is missing (EIP-4788)"));
        };
        system_call(run, BEACON_ROOTS_ADDRESS, root.0.into(), &mut writes)?;
    }
    if chain.ethereum_fork_activation(EthereumHardfork::Dao).transitions_at_block(header.number) {
        drain_dao(run, &mut writes)?;
    }
    Ok(executed(writes, Vec::new()))
}

/// Runs index `n + 1`: requests of system contracts, rewards, withdrawals.
pub(super) fn post_block<V: StateView>(run: &mut Executor<V>) -> Result<Verdict, RunError> {
    let frame = Arc::clone(&run.frame);
    let (chain, attributes) = (&frame.chain, &frame.attributes);
    let mut writes = WriteSet::default();
    let mut requests = Vec::new();
    if chain.is_prague_active_at_timestamp(attributes.header.timestamp) {
        for (contract, request_type) in REQUEST_CONTRACTS {
            if !has_code(run, contract)? {
                return Ok(invalid(&format!("system contract {contract} has no code")));
            }
            let output = match system_call(run, contract, Bytes::new(), &mut writes)? {
                ExecutionResult::Success { output, .. } => output.into_data(),
                failed => {
                    let reason = format!("system call of {contract} failed: {failed:?}");
                    return Ok(Verdict::Invalid { reason });
                }
            };
            if !output.is_empty() {
                requests.push([&[request_type], output.as_ref()].concat().into());
            }
        }
    }
    let block = run.evm.ctx().block.clone();
    let withdrawals = attributes.withdrawals.as_deref();
    let increments = post_block_balance_increments(chain, &block, &attributes.ommers, withdrawals);
    // In order, so that each goes to the end of what is written.
    let mut increments: Vec<_> = increments.into_iter().collect();
    increments.sort_unstable_by_key(|(address, _)| *address);
    for (address, amount) in increments {
        writes.account_mut(address).add_credit(U256::from(amount));
    }
    Ok(executed(writes, requests))
}

fn executed(writes: WriteSet, requests: Vec<Bytes>) -> Verdict {
    Verdict::Executed(Box::new(Executed { writes: Arc::new(writes), receipt: None, requests }))
}

fn invalid(reason: &str) -> Verdict {
    Verdict::Invalid { reason: reason.to_owned() }
}

/// Calls a contract as the system address does: no fee, no nonce, gas that no block counts.
fn system_call<V: StateView>(
    run: &mut Executor<V>,
    contract: Address,
    input: Bytes,
    writes: &mut WriteSet,
) -> Result<ExecutionResult, RunError> {
    run.recorder().observations.note(contract, Aspects::CODE_ONLY);
    let gas_limit = SYSTEM_CALL_GAS;
    run.evm.ctx().set_tx(TxEnv { gas_limit, ..TxEnv::new_system_tx(contract, input) });
    let result = KeepFeeBack::default().run_system_call(&mut run.evm)?;
    let state = run.evm.ctx().journal_mut().finalize();
    let recorder = run.recorder();
    collect::add_writes(recorder, &state, None, writes);
    recorder.keep_for_next_step(state);
    Ok(result)
}

fn has_code<V: StateView>(run: &mut Executor<V>, address: Address) -> Result<bool, RunError> {
    let recorder = run.recorder();
    recorder.observations.note(address, Aspects::CODE_ONLY);
    let account = recorder.basic(address).map_err(EVMError::Database)?;
    let missing = !recorder.missing.is_empty();
    Ok(missing || account.is_some_and(|account| account.code_hash != KECCAK_EMPTY))
}

/// Moves the balances of the DAO and its children to the refund contract (EIP-779).
fn drain_dao<V: StateView>(run: &mut Executor<V>, writes: &mut WriteSet) -> Result<(), RunError> {
    let recorder = run.recorder();
    let mut drained = U256::ZERO;
    for address in DAO_HARDFORK_ACCOUNTS {
        recorder.observations.note(address, Aspects::BALANCE.and(Aspects::EXISTENCE));
        let account = recorder.basic(address).map_err(|stop: Stop| EVMError::Database(stop))?;
        let balance = account.map_or(U256::ZERO, |account| account.balance);
        if !balance.is_zero() {
            drained += balance;
            writes.account_mut(address).balance =
                Some(crate::access::BalanceWrite::Set(U256::ZERO));
        }
    }
    writes.account_mut(DAO_HARDFORK_BENEFICIARY).add_credit(drained);
    Ok(())
}

/// Returns the contracts that index 0 (`before`) or index `n + 1` calls.
pub fn block_step_contracts(frame: &JobFrame, before: bool) -> Vec<Address> {
    let (chain, timestamp) = (&frame.chain, frame.attributes.header.timestamp);
    let prague = chain.is_prague_active_at_timestamp(timestamp);
    let mut contracts = Vec::new();
    if before {
        if prague {
            contracts.push(HISTORY_STORAGE_ADDRESS);
        }
        if chain.is_cancun_active_at_timestamp(timestamp) {
            contracts.push(BEACON_ROOTS_ADDRESS);
        }
    } else if prague {
        contracts.extend(REQUEST_CONTRACTS.map(|(contract, _)| contract));
    }
    contracts
}
