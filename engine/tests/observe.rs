//! Rule 5: what counts as observed, instruction by instruction.
//!
//! Each case names an instruction, and the keys it must note; then the run is repeated with each
//! noted key changed, which must be able to change the outcome, and with each other key changed,
//! which must not.

use crate::world::{Call, ETHER, World, addr, reads, run_one};
use alloy_hardforks::EthereumHardfork::{self, Frontier, Shanghai};
use alloy_primitives::{Address, U256};
use engine::{access::AccessKey, outcome::TxOutcome};
use revm::bytecode::opcode::{
    BALANCE, CALL, CREATE, EXTCODEHASH, EXTCODESIZE, GAS, NOT, POP, PUSH0, PUSH1, PUSH20,
    SELFBALANCE, SELFDESTRUCT, SSTORE, STATICCALL, STOP,
};

const SENDER: u8 = 1;
const CONTRACT: u8 = 9;
const TARGET: u8 = 20;

fn push_target() -> Vec<u8> {
    let mut code = vec![PUSH20];
    code.extend_from_slice(addr(TARGET).as_slice());
    code
}

/// Runs `code` at the contract, on a target that is a present account without code.
fn observe(last: EthereumHardfork, code: &[u8]) -> TxOutcome {
    run_one(&world(code), last, &Call::new(addr(SENDER), addr(CONTRACT)).gas(1_000_000))
}

fn world(code: &[u8]) -> World {
    World::default()
        .with_balance(addr(SENDER), ETHER)
        .with_code(addr(CONTRACT), code)
        .with_balance(addr(CONTRACT), U256::from(1_000))
        .with_balance(addr(TARGET), U256::from(3))
}

/// Noted keys of an account besides the code hash, which every loaded account has.
fn noted(outcome: &TxOutcome, address: Address) -> Vec<AccessKey> {
    let others = reads(outcome).into_iter().filter(|key| {
        *key.address() == address && !matches!(key, AccessKey::CodeHash(_) | AccessKey::Slot(..))
    });
    others.collect()
}

#[test]
fn a_balance_is_observed_by_balance_and_selfbalance_only() {
    let target = addr(TARGET);
    let mut code = push_target();
    code.extend([BALANCE, PUSH0, SSTORE, STOP]);
    assert_eq!(noted(&observe(Shanghai, &code), target), [AccessKey::Balance(target)]);

    let mut code = push_target();
    code.extend([EXTCODESIZE, PUSH0, SSTORE, STOP]);
    assert_eq!(noted(&observe(Shanghai, &code), target), []);

    let own = noted(&observe(Shanghai, &[SELFBALANCE, PUSH0, SSTORE, STOP]), addr(CONTRACT));
    assert_eq!(own, [AccessKey::Balance(addr(CONTRACT))]);
    let own = noted(&observe(Shanghai, &[PUSH0, PUSH0, SSTORE, STOP]), addr(CONTRACT));
    assert_eq!(own, [], "a contract that is only called shows nothing but code and slots");
}

#[test]
fn existence_is_observed_by_extcodehash() {
    let mut code = push_target();
    code.extend([EXTCODEHASH, PUSH0, SSTORE, STOP]);
    let target = addr(TARGET);
    assert_eq!(noted(&observe(Shanghai, &code), target), [AccessKey::Existence(target)]);
}

fn call_with_value(value: u8) -> Vec<u8> {
    let mut code = vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH1, value];
    code.extend(push_target());
    code.extend([GAS, CALL, POP, STOP]);
    code
}

#[test]
fn a_call_with_value_observes_the_payers_balance_and_the_targets_existence() {
    let (target, contract) = (addr(TARGET), addr(CONTRACT));
    let outcome = observe(Shanghai, &call_with_value(7));
    assert_eq!(noted(&outcome, contract)[0], AccessKey::Balance(contract));
    assert!(noted(&outcome, target).contains(&AccessKey::Existence(target)));

    let outcome = observe(Shanghai, &call_with_value(0));
    assert_eq!(noted(&outcome, contract), []);
    assert_eq!(noted(&outcome, target), [], "a call without value looks at code only");
}

#[test]
fn a_transfer_that_fails_observes_the_payers_balance_all_the_same() {
    let mut poor = world(&call_with_value(7));
    poor.accounts.get_mut(&addr(CONTRACT)).unwrap().balance = U256::from(1);

    let call = Call::new(addr(SENDER), addr(CONTRACT)).gas(1_000_000);
    let outcome = run_one(&poor, Shanghai, &call);

    let contract = addr(CONTRACT);
    assert_eq!(noted(&outcome, contract), [AccessKey::Balance(contract)]);
}

#[test]
fn whether_a_payment_overflows_is_observed_with_the_recipients_balance() {
    let (target, contract) = (addr(TARGET), addr(CONTRACT));
    let call = Call::new(addr(SENDER), contract).gas(1_000_000);
    let mut rich = world(&call_with_value(7));
    rich.accounts.get_mut(&target).unwrap().balance = U256::MAX - U256::from(6);
    let outcome = run_one(&rich, Shanghai, &call);
    assert!(noted(&outcome, target).contains(&AccessKey::Balance(target)));
    let outcome = run_one(&rich, Shanghai, &Call::new(addr(SENDER), target).value(7));
    assert!(noted(&outcome, target).contains(&AccessKey::Balance(target)));

    // All that there is, to somebody who has three wei.
    let mut code = vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, NOT];
    code.extend(push_target());
    code.extend([GAS, CALL, POP, STOP]);
    let mut payer = world(&code);
    payer.accounts.get_mut(&contract).unwrap().balance = U256::MAX;
    let outcome = run_one(&payer, Shanghai, &call);
    assert!(noted(&outcome, target).contains(&AccessKey::Balance(target)));
}

#[test]
fn before_spurious_dragon_every_call_observes_existence() {
    // PUSH0 is of Shanghai: older forks push zeroes with PUSH1.
    let mut code = Vec::new();
    for _ in 0..5 {
        code.extend([PUSH1, 0]);
    }
    code.extend(push_target());
    code.extend([PUSH1, 100, CALL, POP, STOP]);
    let target = addr(TARGET);
    assert_eq!(noted(&observe(Frontier, &code), target), [AccessKey::Existence(target)]);
}

#[test]
fn a_static_call_observes_code_only() {
    let mut code = vec![PUSH0, PUSH0, PUSH0, PUSH0];
    code.extend(push_target());
    code.extend([GAS, STATICCALL, POP, STOP]);
    assert_eq!(noted(&observe(Shanghai, &code), addr(TARGET)), []);
}

#[test]
fn a_creation_observes_everything_of_the_new_account() {
    let outcome = observe(Shanghai, &[PUSH0, PUSH0, PUSH0, CREATE, POP, STOP]);
    let created = addr(CONTRACT).create(1);
    let keys =
        [AccessKey::Balance(created), AccessKey::Nonce(created), AccessKey::Existence(created)];
    assert_eq!(noted(&outcome, created), keys);
}

#[test]
fn selfdestruct_observes_the_own_balance_and_the_heirs_existence() {
    let mut code = push_target();
    code.push(SELFDESTRUCT);
    let outcome = observe(Shanghai, &code);
    let (target, contract) = (addr(TARGET), addr(CONTRACT));
    assert!(noted(&outcome, contract).contains(&AccessKey::Balance(contract)));
    assert!(noted(&outcome, target).contains(&AccessKey::Existence(target)));
}

#[test]
fn a_key_that_is_not_noted_does_not_change_the_outcome() {
    let mut size = push_target();
    size.extend([EXTCODESIZE, PUSH0, SSTORE, STOP]);
    for code in [size, call_with_value(0), call_with_value(7)] {
        let call = Call::new(addr(SENDER), addr(CONTRACT)).gas(1_000_000);
        let plain = run_one(&world(&code), Shanghai, &call);
        for address in [addr(CONTRACT), addr(TARGET)] {
            let mut other = world(&code);
            let account = other.accounts.get_mut(&address).unwrap();
            let mut changed = Vec::new();
            if !noted(&plain, address).contains(&AccessKey::Balance(address)) {
                account.balance += U256::from(1);
                changed.push("balance");
            }
            if !noted(&plain, address).contains(&AccessKey::Nonce(address)) {
                account.nonce += 1;
                changed.push("nonce");
            }
            let again = run_one(&other, Shanghai, &call);
            assert_eq!(again.verdict, plain.verdict, "{changed:?} of {address} changed");
            assert_eq!(again.reads, plain.reads, "{changed:?} of {address} changed");
        }
    }
}
