//! System calls before the first transaction, and the DAO's irregular change.

use super::scene::{CHAIN_ID, Scene};
use crate::chain::ChainSpec;
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7892::BlobScheduleBlobParams,
};
use alloy_evm::eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY};
use alloy_hardforks::{
    EthereumHardfork::{self, Cancun, Shanghai},
    ForkCondition,
};
use alloy_primitives::U256;

/// Slot in which EIP-4788's contract keeps the root of the time 1,000.
const ROOT_SLOT: u64 = 1_000 + 8_191;

#[test]
fn the_parents_beacon_root_is_stored_from_cancun_on() {
    for (fork, root) in [(Shanghai, U256::ZERO), (Cancun, U256::from_be_bytes([0xbb; 32]))] {
        let after = Scene::new(fork).with_code(BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE).after();
        assert_eq!(after.slot(&BEACON_ROOTS_ADDRESS, &U256::from(ROOT_SLOT)), root, "{fork:?}");
    }
}

#[test]
fn the_parents_hash_is_stored_from_prague_on() {
    let scene =
        super::after_block::prague().with_code(HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE);
    let stored = scene.after().slot(&HISTORY_STORAGE_ADDRESS, &U256::from(9));
    assert_eq!(stored, U256::from_be_bytes([0x77; 32]));
    let before = Scene::new(Cancun).with_code(HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE);
    assert_eq!(before.after().slot(&HISTORY_STORAGE_ADDRESS, &U256::from(9)), U256::ZERO);
}

#[test]
fn a_missing_or_failing_contract_before_the_block_does_not_matter() {
    let missing = Scene::new(Cancun);
    assert!(missing.run().post.accounts.values().all(|diff| diff.account.is_none()));
    let failing = Scene::new(Cancun).with_code(BEACON_ROOTS_ADDRESS, &[0xfe]);
    assert!(failing.try_run().is_ok());
}

fn dao_chain(fork_block: u64) -> ChainSpec {
    let forks = [
        (EthereumHardfork::Frontier, ForkCondition::Block(0)),
        (EthereumHardfork::Homestead, ForkCondition::Block(0)),
        (EthereumHardfork::Dao, ForkCondition::Block(fork_block)),
    ];
    ChainSpec::custom(CHAIN_ID, forks, BlobScheduleBlobParams::mainnet(), None)
}

#[test]
fn the_dao_is_drained_at_its_block_and_at_no_other() {
    let scene = |number| {
        Scene::on(dao_chain(10), number)
            .with_balance(DAO_HARDFORK_ACCOUNTS[0], 5)
            .with_balance(DAO_HARDFORK_ACCOUNTS[1], 7)
            .with_balance(DAO_HARDFORK_BENEFICIARY, 1)
    };
    assert_eq!(scene(10).balance_after(DAO_HARDFORK_BENEFICIARY), Some(U256::from(13)));
    assert_eq!(scene(10).balance_after(DAO_HARDFORK_ACCOUNTS[0]), Some(U256::ZERO));
    assert_eq!(scene(11).balance_after(DAO_HARDFORK_BENEFICIARY), Some(U256::from(1)));
    assert_eq!(scene(11).balance_after(DAO_HARDFORK_ACCOUNTS[0]), Some(U256::from(5)));
}
