//! Requests, rewards and withdrawals.

use super::scene::{BENEFICIARY, ETHER, Scene, addr};
use alloy_consensus::Header;
use alloy_eips::{
    eip4895::Withdrawal, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7685::Requests,
};
use alloy_hardforks::EthereumHardfork::{
    Byzantium, Constantinople, Frontier, London, Paris, Prague, Shanghai,
};
use alloy_primitives::{Address, Bytes, U256};

/// Returns the byte that is given to it: `MSTORE8(0, byte) RETURN(0, 1)`.
const fn returns(byte: u8) -> [u8; 10] {
    [0x60, byte, 0x5f, 0x53, 0x60, 1, 0x5f, 0xf3, 0, 0]
}
const RETURNS_NOTHING: [u8; 1] = [0];
const REVERTS: [u8; 3] = [0x5f, 0x5f, 0xfd];
const HALTS: [u8; 1] = [0xfe];

fn with_contracts(withdrawals: &[u8], consolidations: &[u8]) -> Scene {
    Scene::new(Prague)
        .with_code(WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, withdrawals)
        .with_code(CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, consolidations)
}

/// A block of Prague in which nobody requests anything.
pub(super) fn prague() -> Scene {
    with_contracts(&RETURNS_NOTHING, &RETURNS_NOTHING)
}

fn hash_of(requests: &[&'static [u8]]) -> alloy_primitives::B256 {
    Requests::new(requests.iter().map(|one| Bytes::from_static(one)).collect()).requests_hash()
}

#[test]
fn requests_are_hashed_with_their_types_and_empty_ones_are_left_out() {
    let requests_hash = |scene: Scene| scene.run().results.requests_hash;
    assert_eq!(requests_hash(prague()), Some(hash_of(&[])));
    let one = with_contracts(&RETURNS_NOTHING, &returns(9));
    assert_eq!(requests_hash(one), Some(hash_of(&[&[2, 9]])));
    let both = with_contracts(&returns(8), &returns(9));
    assert_eq!(requests_hash(both), Some(hash_of(&[&[1, 8], &[2, 9]])));
    assert_eq!(requests_hash(Scene::new(Shanghai)), None);
}

#[test]
fn a_missing_or_failing_contract_after_the_block_makes_it_invalid() {
    let none = Scene::new(Prague).refused();
    assert_eq!(none.transaction, None);
    assert!(none.reason.contains("no code"), "{none}");
    let one = Scene::new(Prague)
        .with_code(WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, &RETURNS_NOTHING)
        .refused();
    assert!(one.reason.contains(&CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS.to_string()), "{one}");
    let reverts = with_contracts(&REVERTS, &RETURNS_NOTHING).refused();
    assert!(reverts.reason.contains("reverted"), "{reverts}");
    let halts = with_contracts(&RETURNS_NOTHING, &HALTS).refused();
    assert!(halts.reason.contains("halted"), "{halts}");
}

#[test]
fn a_block_is_worth_five_three_two_and_then_no_ether() {
    for (fork, ether) in [(Frontier, 5), (Byzantium, 3), (Constantinople, 2), (London, 2)] {
        let paid = Scene::new(fork).balance_after(BENEFICIARY);
        assert_eq!(paid, Some(U256::from(ether) * U256::from(ETHER)), "{fork:?}");
    }
    assert_eq!(Scene::new(Paris).balance_after(BENEFICIARY), None);
}

#[test]
fn ommers_pay_by_their_depth_and_the_block_that_names_them() {
    let mut scene = Scene::new(Byzantium);
    let ommer = |number, who| Header { number, beneficiary: addr(who), ..Header::default() };
    scene.block.ommers = vec![ommer(9, 0x31), ommer(8, 0x32)];
    let eighths = |n: u64| Some(U256::from(3 * ETHER / 8 * n));
    assert_eq!(scene.balance_after(addr(0x31)), eighths(7));
    assert_eq!(scene.balance_after(addr(0x32)), eighths(6));
    let own = U256::from(3 * ETHER + 2 * (3 * ETHER / 32));
    assert_eq!(scene.balance_after(BENEFICIARY), Some(own));
}

#[test]
fn an_ommer_by_the_same_miner_is_paid_on_top() {
    let mut scene = Scene::new(Byzantium);
    scene.block.ommers = vec![Header { number: 9, beneficiary: BENEFICIARY, ..Header::default() }];
    let sum = 3 * ETHER + 3 * ETHER / 32 + 3 * ETHER / 8 * 7;
    assert_eq!(scene.balance_after(BENEFICIARY), Some(U256::from(sum)));
}

fn withdrawal(address: Address, amount: u64) -> Withdrawal {
    Withdrawal { address, amount, ..Withdrawal::default() }
}

#[test]
fn withdrawals_are_paid_in_gwei_and_add_up() {
    let mut scene = Scene::new(Shanghai).with_balance(addr(0x41), 1);
    scene.block.withdrawals = Some(vec![
        withdrawal(addr(0x41), 3),
        withdrawal(addr(0x42), u64::MAX),
        withdrawal(addr(0x41), 4),
    ]);
    assert_eq!(scene.balance_after(addr(0x41)), Some(U256::from(7_000_000_001_u64)));
    let most = U256::from(u64::MAX) * U256::from(1_000_000_000);
    assert_eq!(scene.balance_after(addr(0x42)), Some(most));
}

#[test]
fn a_withdrawal_of_nothing_makes_no_account_and_clears_an_empty_one() {
    let mut scene = Scene::new(Shanghai).with_balance(addr(0x42), 0);
    scene.block.withdrawals = Some(vec![withdrawal(addr(0x41), 0), withdrawal(addr(0x42), 0)]);
    assert_eq!(scene.balance_after(addr(0x41)), None);
    assert_eq!(scene.balance_after(addr(0x42)), None);
}
