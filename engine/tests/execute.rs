//! Rules 4, 6, 7, 9 and 11, one transaction or a few at a time.

use crate::world::{
    BENEFICIARY, Call, ETHER, GAS_PRICE, World, addr, drive, executed, frame, reads, run_one, task,
};
use alloy_hardforks::EthereumHardfork::{self, Cancun, Homestead, London, Prague, Shanghai};
use alloy_primitives::{B256, Bytes, TxKind, U256};
use engine::{
    access::{AccessKey, AccountWrite, BalanceWrite, Wipe},
    execute::{CancelFlag, RunLimits},
    ids::AccessIndex,
    outcome::{TxOutcome, Verdict},
    slice::{SliceRun, Step},
    task::{SliceKind, SliceTask, TaskItem},
};
use revm::bytecode::opcode::{
    BALANCE, BLOCKHASH, CALLER, COINBASE, JUMP, JUMPDEST, PUSH0, PUSH1, SELFDESTRUCT, SLOAD,
    SSTORE, STOP,
};
use std::collections::BTreeMap;

fn write_of(outcome: &TxOutcome, address: alloy_primitives::Address) -> AccountWrite {
    let writes = &executed(outcome).writes;
    let found = writes.accounts.iter().find(|(written, _)| *written == address);
    found.map(|(_, write)| write.clone()).unwrap_or_default()
}

fn rich() -> World {
    World::default().with_balance(addr(1), ETHER).with_balance(addr(2), ETHER)
}

#[test]
fn the_fee_is_a_credit_if_nobody_looks_at_the_beneficiary() {
    let outcome = run_one(&rich(), London, &Call::new(addr(1), addr(2)).value(5));

    let fee = U256::from(21_000 * (GAS_PRICE - 1));
    assert_eq!(write_of(&outcome, BENEFICIARY), AccountWrite::credit(fee));
    let beneficiary = |key: &AccessKey| *key.address() == BENEFICIARY;
    assert!(!reads(&outcome).iter().any(beneficiary), "a Credit reads nothing");
}

#[test]
fn the_fee_is_an_ordinary_write_if_the_transaction_loads_the_beneficiary() {
    let contract = addr(9);
    let world = rich()
        .with_code(contract, &[COINBASE, BALANCE, PUSH0, SSTORE, STOP])
        .with_balance(BENEFICIARY, U256::from(77));

    let outcome = run_one(&world, Shanghai, &Call::new(addr(1), contract));

    let gas = executed(&outcome).receipt.as_ref().unwrap().gas.used;
    let after = U256::from(77) + U256::from(u128::from(gas) * (GAS_PRICE - 1));
    assert_eq!(write_of(&outcome, BENEFICIARY).balance, Some(BalanceWrite::Set(after)));
    assert!(reads(&outcome).contains(&AccessKey::Balance(BENEFICIARY)));
}

#[test]
fn a_touch_that_changes_nothing_is_a_credit_of_zero() {
    let outcome = run_one(&rich(), Shanghai, &Call::new(addr(1), addr(7)));

    assert_eq!(write_of(&outcome, addr(7)), AccountWrite::credit(U256::ZERO));
}

#[test]
fn a_payment_to_an_account_without_code_is_a_credit_and_observes_its_code_only() {
    for world in [rich(), rich().with_balance(addr(7), U256::from(3))] {
        let outcome = run_one(&world, Shanghai, &Call::new(addr(1), addr(7)).value(5));

        assert_eq!(write_of(&outcome, addr(7)), AccountWrite::credit(U256::from(5)));
        let of_recipient = reads(&outcome).into_iter().filter(|key| *key.address() == addr(7));
        assert_eq!(of_recipient.collect::<Vec<_>>(), [AccessKey::CodeHash(addr(7))]);
    }
}

#[test]
fn a_payment_is_an_ordinary_write_if_its_recipient_is_there_for_another_reason() {
    let ordinary = |world: World, call: Call| {
        let outcome = run_one(&world, Shanghai, &call);
        let to = *call.to.to().unwrap();
        let write = write_of(&outcome, to);
        assert!(matches!(write.balance, Some(BalanceWrite::Set(_))), "{write:?}");
        assert!(reads(&outcome).contains(&AccessKey::Balance(to)));
    };
    let to = |to| Call::new(addr(1), to).value(5);
    ordinary(rich(), to(BENEFICIARY));
    ordinary(rich().with_code(addr(7), &[STOP]), to(addr(7)));
    ordinary(rich().with_balance(addr(7), U256::MAX - U256::from(9)), to(addr(7)));
}

#[test]
fn a_contract_destroyed_before_cancun_loses_account_and_storage() {
    let contract = addr(9);
    let world = rich()
        .with_code(contract, &[CALLER, SELFDESTRUCT])
        .with_slot(contract, 9, 9)
        .with_balance(contract, U256::from(50));

    let shanghai = run_one(&world, Shanghai, &Call::new(addr(1), contract));
    let cancun = run_one(&world, Cancun, &Call::new(addr(1), contract));

    assert_eq!(write_of(&shanghai, contract).wipe, Some(Wipe::Destroyed));
    assert_eq!(write_of(&cancun, contract).wipe, None, "EIP-6780");
    assert_eq!(write_of(&cancun, contract).balance, Some(BalanceWrite::Set(U256::ZERO)));
}

#[test]
fn a_slot_of_a_contract_destroyed_below_in_the_block_reads_zero() {
    let contract = addr(9);
    // With value: destroy. Without: write what slot 9 holds to slot 1.
    let code = [
        revm::bytecode::opcode::CALLVALUE,
        PUSH1,
        10,
        revm::bytecode::opcode::JUMPI,
        PUSH1,
        9,
        SLOAD,
        PUSH1,
        1,
        SSTORE,
        JUMPDEST,
        CALLER,
        SELFDESTRUCT,
    ];
    let world = rich().with_code(contract, &code).with_slot(contract, 9, 9);
    let calls = [Call::new(addr(1), contract).value(1), Call::new(addr(2), contract)];
    let driven = drive(
        &world,
        task(Shanghai, SliceKind::Whole, 1, &calls),
        &BTreeMap::new(),
        RunLimits::default(),
    );

    let second = &driven.outcome.transactions[1];
    let code_read = second.reads.0.iter().find(|read| read.key == AccessKey::CodeHash(contract));
    assert_eq!(
        code_read.unwrap().value,
        revm::primitives::KECCAK_EMPTY.into(),
        "the second call finds no code"
    );
}

#[test]
fn an_invalid_transaction_is_an_outcome_with_its_reads() {
    let outcome = run_one(&rich(), London, &Call::new(addr(1), addr(2)).nonce(7));

    assert!(matches!(&outcome.verdict, Verdict::Invalid { reason } if reason.contains("nonce")));
    assert!(reads(&outcome).contains(&AccessKey::Nonce(addr(1))));
}

#[test]
fn a_key_that_the_snapshot_cannot_answer_ends_the_run_by_name() {
    let contract = addr(9);
    let mut world = rich().with_code(contract, &[STOP]);
    world.codes.clear();

    let outcome = run_one(&world, London, &Call::new(addr(1), contract));

    assert!(matches!(outcome.verdict, Verdict::Unavailable { .. }), "{:?}", outcome.verdict);
}

/// JUMPDEST PUSH0 JUMP.
const ENDLESS: [u8; 3] = [JUMPDEST, PUSH0, JUMP];
/// More gas than anybody will see burnt.
const ENDLESS_GAS: u64 = 1 << 52;

fn endless_world() -> World {
    World::default().with_balance(addr(1), U256::MAX >> 1).with_code(addr(9), &ENDLESS)
}

#[test]
fn an_endless_guess_is_parked_with_its_reads() {
    let call = Call::new(addr(1), addr(9)).gas(ENDLESS_GAS);
    let mut task = task(Shanghai, SliceKind::Round, 5, &[call]);
    task.final_below = AccessIndex::new(1);
    let limits = RunLimits { speculative_gas: 100_000, ..RunLimits::default() };

    let driven = drive(&endless_world(), task, &BTreeMap::new(), limits);

    let outcome = &driven.outcome.transactions[0];
    assert_eq!(outcome.verdict, Verdict::Parked);
    assert!(reads(outcome).contains(&AccessKey::Nonce(addr(1))));
}

#[test]
fn nothing_is_parked_when_all_below_is_final() {
    let call = Call::new(addr(1), addr(9)).gas(3_000_000);
    let mut task = task(Shanghai, SliceKind::Round, 5, &[call]);
    task.final_below = AccessIndex::new(5);
    let limits = RunLimits { speculative_gas: 100_000, ..RunLimits::default() };

    let driven = drive(&endless_world(), task, &BTreeMap::new(), limits);

    assert!(!executed(&driven.outcome.transactions[0]).receipt.as_ref().unwrap().success);
}

#[test]
fn a_raised_flag_ends_an_endless_run() {
    let call = Call::new(addr(1), addr(9)).gas(ENDLESS_GAS);
    let task = task(Shanghai, SliceKind::Whole, 1, &[call]);
    let world = endless_world();
    let cancel = CancelFlag::default();
    let mut run = SliceRun::new(task, &BTreeMap::new(), RunLimits::default(), cancel.clone());
    for key in run.predicted_keys() {
        run.provide(key, world.answer(&key));
    }
    let thread = std::thread::spawn(move || run.advance());
    cancel.cancel();

    assert!(matches!(thread.join().unwrap(), Step::Cancelled));
}

#[test]
fn block_hashes_come_from_the_frame() {
    let contract = addr(9);
    let world = rich().with_code(contract, &[PUSH0, BLOCKHASH, PUSH0, SSTORE, STOP]);

    let outcome = run_one(&world, Shanghai, &Call::new(addr(1), contract));

    let hash = U256::from_be_bytes(B256::repeat_byte(0xa0).0);
    assert_eq!(write_of(&outcome, contract).slots, vec![(U256::ZERO, hash)]);
}

#[test]
fn a_created_contract_travels_with_its_code() {
    // Init code that returns one byte (STOP) as code.
    let init = [PUSH1, 1, PUSH0, revm::bytecode::opcode::RETURN];
    let mut call = Call::new(addr(1), addr(1)).gas(500_000);
    call.to = TxKind::Create;
    call.input = Bytes::copy_from_slice(&init);

    let outcome = run_one(&rich(), Shanghai, &call);

    let created = addr(1).create(0);
    let write = write_of(&outcome, created);
    assert_eq!(write.nonce, Some(1));
    assert_eq!(executed(&outcome).writes.codes, vec![(write.code_hash.unwrap(), vec![0].into())]);
    assert!(reads(&outcome).contains(&AccessKey::Existence(created)));
}

#[test]
fn a_self_payment_and_a_payment_by_the_beneficiary_keep_every_wei() {
    let world = World::default().with_balance(BENEFICIARY, ETHER);

    let outcome = run_one(&world, Homestead, &Call::new(BENEFICIARY, BENEFICIARY).value(5));

    // Fee paid and earned by the same account: only the nonce changes.
    let expected = AccountWrite { nonce: Some(1), ..AccountWrite::default() };
    assert_eq!(write_of(&outcome, BENEFICIARY), expected);
}

fn block_step(last: EthereumHardfork, index: u32, world: &World) -> TxOutcome {
    let item = TaskItem {
        index: AccessIndex::new(index),
        incarnation: engine::ids::Incarnation::new(0),
        transaction: None,
        standing: None,
    };
    let task = SliceTask {
        frame: frame(last, 0),
        items: vec![item],
        ..task(last, SliceKind::Whole, 1, &[])
    };
    let driven = drive(world, task, &BTreeMap::new(), RunLimits::default());
    driven.outcome.transactions.into_iter().next().unwrap()
}

#[test]
fn requests_need_their_contracts() {
    use alloy_eips::{eip7002, eip7251};
    let missing = block_step(Prague, 1, &World::default());
    assert!(matches!(&missing.verdict, Verdict::Invalid { reason } if reason.contains("no code")));

    // Contracts that return one byte of memory.
    let code = [PUSH1, 1, PUSH0, revm::bytecode::opcode::RETURN];
    let world = World::default()
        .with_code(eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, &code)
        .with_code(eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, &code);
    let outcome = block_step(Prague, 1, &world);
    let requests: Vec<Bytes> = vec![vec![1, 0].into(), vec![2, 0].into()];
    assert_eq!(executed(&outcome).requests, requests);
}

#[test]
fn the_reward_is_a_credit_after_the_last_transaction() {
    let outcome = block_step(Homestead, 1, &World::default());

    let reward = ETHER * U256::from(5);
    assert_eq!(write_of(&outcome, BENEFICIARY), AccountWrite::credit(reward));
    assert_eq!(outcome.reads.0, Vec::new());
}

#[test]
fn system_calls_of_one_index_see_each_other() {
    // The beacon roots' address holds code that stores the caller's word; both system calls of
    // Prague run at index 0 and both writes are in its outcome.
    use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
    let code = [PUSH0, SLOAD, PUSH1, 1, revm::bytecode::opcode::ADD, PUSH0, SSTORE, STOP];
    let world = World::default()
        .with_code(HISTORY_STORAGE_ADDRESS, &code)
        .with_code(BEACON_ROOTS_ADDRESS, &code)
        .with_slot(BEACON_ROOTS_ADDRESS, 0, 41);

    let outcome = block_step(Prague, 0, &world);

    assert_eq!(write_of(&outcome, HISTORY_STORAGE_ADDRESS).slots, [(U256::ZERO, U256::from(1))]);
    assert_eq!(write_of(&outcome, BEACON_ROOTS_ADDRESS).slots, [(U256::ZERO, U256::from(42))]);
}
