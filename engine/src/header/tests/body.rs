//! Rules that a block breaks or keeps whatever its transactions do.

use super::block;
use crate::{
    block::Block,
    chain::ChainSpec,
    header::{RuleError, check_body},
};
use alloy_consensus::Header;
use alloy_eips::eip7892::BlobScheduleBlobParams;
use alloy_hardforks::{
    EthereumHardfork::{self, Amsterdam, Berlin, Cancun, London, Osaka, Paris, Prague, Shanghai},
    ForkCondition,
};
use alloy_primitives::{B256, U256};

/// Takes one field away.
type Change = fn(&mut Block);

fn check(last: EthereumHardfork, block: &Block, n_bytes: usize) -> Result<(), RuleError> {
    check_body(&ChainSpec::up_to(1, last), block, n_bytes)
}

fn with(change: impl FnOnce(&mut Block)) -> Block {
    let mut block = block();
    change(&mut block);
    block
}

/// A block of Berlin, with ommers of these numbers.
fn with_ommers(numbers: &[u64]) -> Block {
    let header = Header { number: 10, gas_limit: 30_000_000, ..Header::default() };
    let ommers = numbers.iter().enumerate().map(|(offset, number)| Header {
        number: *number,
        gas_limit: 30_000_000,
        timestamp: offset as u64,
        ..Header::default()
    });
    Block {
        hash: B256::ZERO,
        header,
        transactions: Vec::new(),
        ommers: ommers.collect(),
        withdrawals: None,
    }
}

#[test]
fn a_field_that_the_fork_demands_may_not_be_missing() {
    assert_eq!(check(Prague, &block(), 600), Ok(()));
    let missing: [(&str, Change); 7] = [
        ("base fee", |block| block.header.base_fee_per_gas = None),
        ("withdrawals root", |block| block.header.withdrawals_root = None),
        ("withdrawals", |block| block.withdrawals = None),
        ("blob gas used", |block| block.header.blob_gas_used = None),
        ("excess blob gas", |block| block.header.excess_blob_gas = None),
        ("parent beacon block root", |block| block.header.parent_beacon_block_root = None),
        ("requests hash", |block| block.header.requests_hash = None),
    ];
    for (field, change) in missing {
        assert_eq!(check(Prague, &with(change), 600), Err(RuleError::Missing { field }));
    }
}

#[test]
fn a_field_of_a_later_fork_may_not_be_there() {
    for (last, field) in [
        (Cancun, "requests hash"),
        (Shanghai, "blob gas used"),
        (Paris, "withdrawals root"),
        (Berlin, "base fee"),
    ] {
        assert_eq!(check(last, &block(), 600), Err(RuleError::Unknown { field }), "{last:?}");
    }
}

#[test]
fn what_the_header_says_of_gas_and_extra_data_has_to_be_possible() {
    let gas = with(|block| block.header.gas_used = 30_000_001);
    assert!(matches!(check(Prague, &gas, 600), Err(RuleError::GasUsed { .. })));
    for gas_limit in [0, 4_999, 1 << 63] {
        let limit = with(|block| block.header.gas_limit = gas_limit);
        assert_eq!(check(Prague, &limit, 600), Err(RuleError::GasLimit { gas_limit }));
    }
    for gas_limit in [5_000, (1 << 63) - 1] {
        let limit = with(|block| block.header.gas_limit = gas_limit);
        assert_eq!(check(Prague, &limit, 600), Ok(()));
    }
    let full = with(|block| block.header.extra_data = vec![0; 32].into());
    assert_eq!(check(Prague, &full, 600), Ok(()));
    let over = with(|block| block.header.extra_data = vec![0; 33].into());
    assert_eq!(check(Prague, &over, 600), Err(RuleError::ExtraData { n_bytes: 33, most: 32 }));
}

#[test]
fn fields_of_amsterdam_are_not_known_before_it() {
    let listed = with(|block| block.header.block_access_list_hash = Some(B256::ZERO));
    let field = "block access list hash";
    assert_eq!(check(Osaka, &listed, 600), Err(RuleError::Unknown { field }));
    assert_eq!(check(Amsterdam, &block(), 600), Err(RuleError::Missing { field }));
    let slot = with(|block| block.header.slot_number = Some(1));
    assert_eq!(check(Osaka, &slot, 600), Err(RuleError::Unknown { field: "slot number" }));
}

#[test]
fn blob_gas_is_of_whole_blobs_and_no_more_than_the_schedule_allows() {
    let blob: u64 = 1 << 17;
    for (last, n_blobs_max) in [(Prague, 9), (Osaka, 9)] {
        for (blob_gas_used, is_good) in [
            (0, true),
            (blob, true),
            (n_blobs_max * blob, true),
            (1, false),
            (blob - 1, false),
            (n_blobs_max * blob + 1, false),
            ((n_blobs_max + 1) * blob, false),
            (u64::MAX, false),
        ] {
            let used = with(|block| block.header.blob_gas_used = Some(blob_gas_used));
            let refused = RuleError::BlobGasUsed { blob_gas_used, most: n_blobs_max * blob };
            let wanted = if is_good { Ok(()) } else { Err(refused) };
            assert_eq!(check(last, &used, 600), wanted, "{last:?} {blob_gas_used}");
        }
    }
}

#[test]
fn proof_of_stake_fixes_difficulty_and_nonce() {
    let hard = with(|block| block.header.difficulty = U256::from(1));
    assert_eq!(check(Prague, &hard, 600), Err(RuleError::ProofOfStake { field: "difficulty" }));
    let sealed = with(|block| block.header.nonce = [1; 8].into());
    assert_eq!(check(Prague, &sealed, 600), Err(RuleError::ProofOfStake { field: "nonce" }));
    let mut work = with_ommers(&[]);
    work.header.difficulty = U256::from(1);
    assert_eq!(check(Berlin, &work, 600), Ok(()));
}

#[test]
fn ommers_are_two_of_the_six_generations_before() {
    for good in [&[][..], &[9, 9], &[4, 5]] {
        assert_eq!(check(Berlin, &with_ommers(good), 600), Ok(()), "{good:?}");
    }
    for number in [3, 10, 11, u64::MAX] {
        let refused = check(Berlin, &with_ommers(&[number]), 600);
        assert_eq!(refused, Err(RuleError::OmmerDepth { number }));
    }
    let three = RuleError::Ommers { n_ommers: 3, allowed: 2 };
    assert_eq!(check(Berlin, &with_ommers(&[9, 8, 7]), 600), Err(three));
    let mut merged = with_ommers(&[9]);
    merged.header.base_fee_per_gas = Some(7);
    merged.ommers[0].base_fee_per_gas = Some(7);
    assert_eq!(check(London, &merged, 600), Ok(()));
    let none = RuleError::Ommers { n_ommers: 1, allowed: 0 };
    assert_eq!(check(Paris, &merged, 600), Err(none));
}

#[test]
fn a_block_of_osaka_has_at_most_eight_mebibytes() {
    let most = 8 << 20;
    assert_eq!(check(Osaka, &block(), most), Ok(()));
    let over = RuleError::TooLarge { n_bytes: most + 1, most };
    assert_eq!(check(Osaka, &block(), most + 1), Err(over));
    assert_eq!(check(Prague, &block(), most + 1), Ok(()));
}

#[test]
fn ten_blocks_of_the_daos_fork_say_so() {
    let forks = [EthereumHardfork::Frontier, EthereumHardfork::Homestead];
    let forks = forks.map(|fork| (fork, ForkCondition::Block(0))).into_iter();
    let forks = forks.chain([(EthereumHardfork::Dao, ForkCondition::Block(10))]);
    let chain = ChainSpec::custom(1, forks, BlobScheduleBlobParams::mainnet(), None);
    for (number, is_asked) in [(9, false), (10, true), (19, true), (20, false)] {
        let mut block = with_ommers(&[]);
        block.header.number = number;
        let expected = if is_asked { Err(RuleError::DaoExtraData) } else { Ok(()) };
        assert_eq!(check_body(&chain, &block, 600), expected, "{number}");
        block.header.extra_data = b"dao-hard-fork".to_vec().into();
        assert_eq!(check_body(&chain, &block, 600), Ok(()), "{number}");
    }
    assert_eq!(check(Berlin, &with_ommers(&[]), 600), Ok(()), "a fork at genesis asks nothing");
}
