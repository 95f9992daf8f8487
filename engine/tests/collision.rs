//! What revm alone does where a contract is created over storage (EIP-7610): the limit that the
//! official tests of such collisions meet. Nothing of evmesh runs here.

use alloy_primitives::{Address, B256, TxKind, U256, address};
use revm::{
    Context, Database, ExecuteEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::TxEnv,
    context_interface::result::{ExecutionResult, HaltReason},
    primitives::{StorageKey, StorageValue, hardfork::SpecId},
    state::AccountInfo,
};
use std::{cell::RefCell, convert::Infallible};

const SENDER: Address = address!("00000000000000000000000000000000000000aa");
const GAS_LIMIT: u64 = 100_000;

/// A state of a sender, and of what is at the address where it creates its first contract.
#[derive(Debug)]
struct State {
    at_new_address: AccountInfo,
    /// What revm asked, in order.
    asked: RefCell<Vec<String>>,
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.asked.borrow_mut().push(format!("account {address}"));
        if address == SENDER {
            return Ok(Some(AccountInfo::from_balance(U256::MAX >> 1)));
        }
        Ok((address == new_address()).then(|| self.at_new_address.clone()))
    }

    fn code_by_hash(&mut self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    /// Every slot of the new address holds something: its storage is not empty.
    fn storage(&mut self, address: Address, _: StorageKey) -> Result<StorageValue, Infallible> {
        self.asked.borrow_mut().push(format!("slot of {address}"));
        Ok(U256::from(u8::from(address == new_address())))
    }

    fn block_hash(&mut self, _: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

fn new_address() -> Address {
    SENDER.create(0)
}

/// Creates a contract over an account; returns how that ended, and what revm asked of the state.
fn create_over(at_new_address: AccountInfo) -> (ExecutionResult, Vec<String>) {
    let state = State { at_new_address, asked: RefCell::default() };
    let context = Context::mainnet()
        .with_db(state)
        .modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(SpecId::PRAGUE));
    let mut evm = context.build_mainnet();
    let transaction =
        TxEnv { caller: SENDER, kind: TxKind::Create, gas_limit: GAS_LIMIT, ..TxEnv::default() };
    let result = evm.transact(transaction).unwrap().result;
    let asked = evm.ctx.journaled_state.database.asked.take();
    (result, asked)
}

#[test]
fn revm_creates_a_contract_over_storage_and_has_no_way_to_know() {
    let (result, asked) = create_over(AccountInfo::from_balance(U256::from(1)));

    // EIP-7610 has it fail and use up its gas, as it does over code or a nonce.
    assert!(result.is_success(), "revm looks at storage: {result:?}");
    assert!(result.tx_gas_used() < GAS_LIMIT, "{result:?}");
    let (account, slots) = (format!("account {}", new_address()), "slot of");
    assert!(asked.contains(&account), "{asked:?}");
    // What it asks for, balance, nonce and code, says nothing about storage.
    assert!(!asked.iter().any(|question| question.starts_with(slots)), "{asked:?}");
}

#[test]
fn revm_does_not_create_a_contract_over_a_nonce() {
    let (result, _) = create_over(AccountInfo { nonce: 1, ..AccountInfo::default() });

    let ExecutionResult::Halt { reason, .. } = &result else { panic!("{result:?}") };
    assert_eq!(*reason, HaltReason::CreateCollision);
    assert_eq!(result.tx_gas_used(), GAS_LIMIT);
}
