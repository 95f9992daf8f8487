//! Drafts executed one transaction after the other by plain revm.

use crate::workload::{DraftBlock, Genesis, GenesisAccount};
use alloy_consensus::{Transaction, TxEnvelope, Typed2718, transaction::SignerRecoverable};
use alloy_primitives::{Address, U256};
use revm::{
    Context, DatabaseRef, ExecuteCommitEvm, MainBuilder, MainContext,
    context::{BlockEnv, TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};

/// The state as it goes on from block to block, without system calls, fees' fall or withdrawals.
pub(super) struct Chain {
    pub(super) state: CacheDB<EmptyDB>,
    chain_id: u64,
    base_fee: u64,
    n_blocks: u64,
}

impl Chain {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let mut state = CacheDB::new(EmptyDB::new());
        genesis.accounts.iter().for_each(|account| insert(&mut state, account));
        let Genesis { chain_id, base_fee, .. } = *genesis;
        Self { state, chain_id, base_fee, n_blocks: 0 }
    }

    /// Runs a block and gives each transaction's gas; every one has to succeed.
    pub(super) fn run(&mut self, block: &DraftBlock) -> Vec<u64> {
        let results = self.try_run(block, &block.transactions);
        let gas = results.into_iter().enumerate().map(|(idx, result)| match result {
            Ok(ExecutionResult::Success { gas, .. }) => gas.tx_gas_used(),
            other => panic!("transaction {idx}: {other:?}"),
        });
        gas.collect()
    }

    /// Runs transactions in the environment of a block; one that is invalid changes nothing.
    pub(super) fn try_run(
        &mut self,
        block: &DraftBlock,
        transactions: &[TxEnvelope],
    ) -> Vec<Result<ExecutionResult, String>> {
        self.n_blocks += 1;
        let env = BlockEnv {
            number: U256::from(self.n_blocks),
            beneficiary: block.beneficiary,
            timestamp: U256::from(block.timestamp),
            gas_limit: block.gas_limit,
            basefee: self.base_fee,
            prevrandao: Some(block.prevrandao),
            ..BlockEnv::default()
        };
        let mut evm = Context::mainnet()
            .with_db(&mut self.state)
            .with_block(env)
            .modify_cfg_chained(|cfg| {
                cfg.chain_id = self.chain_id;
                cfg.set_spec_and_mainnet_gas_params(SpecId::CANCUN);
            })
            .build_mainnet();
        let run = |transaction| {
            evm.transact_commit(tx_env(transaction)).map_err(|error| error.to_string())
        };
        transactions.iter().map(run).collect()
    }

    pub(super) fn balance(&self, address: Address) -> U256 {
        self.state.basic_ref(address).unwrap().map_or(U256::ZERO, |account| account.balance)
    }

    pub(super) fn slot(&self, address: Address, slot: U256) -> U256 {
        self.state.storage_ref(address, slot).unwrap()
    }
}

fn insert(state: &mut CacheDB<EmptyDB>, account: &GenesisAccount) {
    let GenesisAccount { address, balance, nonce, ref code, ref storage } = *account;
    let code = Bytecode::new_raw(code.clone());
    let info = AccountInfo { balance, nonce, code_hash: code.hash_slow(), ..Default::default() };
    state.insert_account_info(address, info.with_code(code));
    for &(slot, value) in storage {
        state.insert_account_storage(address, slot, value).unwrap();
    }
}

fn tx_env(transaction: &TxEnvelope) -> TxEnv {
    TxEnv {
        tx_type: transaction.ty(),
        caller: transaction.recover_signer().unwrap(),
        gas_limit: transaction.gas_limit(),
        gas_price: transaction.max_fee_per_gas(),
        gas_priority_fee: transaction.max_priority_fee_per_gas(),
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: transaction.access_list().cloned().unwrap_or_default(),
        ..TxEnv::default()
    }
}
