//! What a header has to be because of its parent's: base fee, gas limit, blob gas, time, number.

use super::block;
use crate::{
    block::Block,
    chain::ChainSpec,
    header::{RuleError, base_fee::base_fee, blobs::excess_blob_gas, check_header},
    lineage::{Ancestor, Lineage},
};
use alloy_consensus::Header;
use alloy_eips::{eip7840::BlobParams, eip7892::BlobScheduleBlobParams};
use alloy_hardforks::{
    EthereumHardfork::{
        self, Berlin, Bpo1, Bpo2, Cancun, Frontier, London, Osaka, Prague, Shanghai,
    },
    ForkCondition,
};
use alloy_primitives::U256;
use std::sync::Arc;

/// Gas of one blob.
const BLOB: u64 = 1 << 17;

type Change = fn(&mut Header);

/// A parent that the block of these tests may follow in Prague.
fn parent() -> Header {
    Header { number: 9, timestamp: 999, gas_used: 15_000_000, ..block().header }
}

fn check(chain: &ChainSpec, header: &Header, parent: &Header) -> Result<(), RuleError> {
    let lineage = Lineage(vec![Arc::new(Ancestor::new(parent.clone(), None))]);
    check_header(chain, &Block { header: header.clone(), ..block() }, &lineage)
}

fn prague() -> ChainSpec {
    ChainSpec::up_to(1, Prague)
}

fn with(change: impl FnOnce(&mut Header)) -> Header {
    let mut header = block().header;
    change(&mut header);
    header
}

#[test]
fn every_field_that_follows_from_the_parent_is_checked() {
    assert_eq!(check(&prague(), &block().header, &parent()), Ok(()));
    let wrong: [(&str, Change); 6] = [
        ("number", |header| header.number = 11),
        ("number", |header| header.number = 9),
        ("base fee", |header| header.base_fee_per_gas = Some(8)),
        ("base fee", |header| header.base_fee_per_gas = Some(6)),
        ("excess blob gas", |header| header.excess_blob_gas = Some(BLOB)),
        ("difficulty", |header| header.difficulty = U256::ONE),
    ];
    for (name, change) in wrong {
        let refused = check(&prague(), &with(change), &parent());
        assert!(
            matches!(&refused, Err(RuleError::Follows { field, .. }) if *field == name),
            "{refused:?}"
        );
    }
}

#[test]
fn a_block_is_younger_than_its_parent() {
    for timestamp in [0, 998, 999] {
        let refused = check(&prague(), &with(|header| header.timestamp = timestamp), &parent());
        assert_eq!(refused, Err(RuleError::Timestamp { timestamp, parent: 999 }));
    }
}

#[test]
fn without_a_parent_nothing_about_it_is_checked() {
    let wild = with(|header| header.base_fee_per_gas = Some(1 << 40));
    let block = Block { header: wild, ..block() };
    assert_eq!(check_header(&prague(), &block, &Lineage::default()), Ok(()));
}

#[test]
fn a_gas_limit_changes_by_less_than_one_part_in_1024() {
    // Of 30,000,000 that is less than 29,296.
    for (gas_limit, is_good) in [
        (30_000_000, true),
        (30_029_295, true),
        (30_029_296, false),
        (29_970_705, true),
        (29_970_704, false),
    ] {
        let refused = check(&prague(), &with(|header| header.gas_limit = gas_limit), &parent());
        let step = RuleError::GasLimitStep { gas_limit, parent: 30_000_000 };
        assert_eq!(refused, if is_good { Ok(()) } else { Err(step) }, "{gas_limit}");
    }
    let small = Header { gas_limit: 5_000, gas_used: 2_500, ..parent() };
    for (gas_limit, is_good) in [(5_003, true), (5_004, false)] {
        let header = with(|header| header.gas_limit = gas_limit);
        assert_eq!(check(&prague(), &header, &small).is_ok(), is_good, "{gas_limit}");
    }
}

/// A chain on which London begins at block 10, and its blocks 9 and 10.
fn london_at_10() -> (ChainSpec, Header, Header) {
    let forks = EthereumHardfork::VARIANTS.iter().filter(|fork| **fork <= Berlin);
    let forks = forks.map(|fork| (*fork, ForkCondition::Block(0)));
    let forks = forks.chain([(London, ForkCondition::Block(10))]);
    let chain = ChainSpec::custom(1, forks, BlobScheduleBlobParams::mainnet(), None);
    let difficulty = U256::from(131_072);
    let parent = Header { number: 9, gas_limit: 10_000_000, difficulty, ..Header::default() };
    let child = Header {
        number: 10,
        gas_limit: 20_000_000,
        timestamp: 10,
        base_fee_per_gas: Some(1_000_000_000),
        ..parent.clone()
    };
    (chain, parent, child)
}

#[test]
fn the_first_block_of_london_has_twice_the_gas_limit_and_the_first_base_fee() {
    let (chain, parent, child) = london_at_10();
    assert_eq!(check(&chain, &child, &parent), Ok(()));
    for (gas_limit, is_good) in [
        (20_019_530, true),
        (20_019_531, false),
        (19_980_470, true),
        (19_980_469, false),
        (10_000_000, false),
    ] {
        let header = Header { gas_limit, ..child.clone() };
        assert_eq!(check(&chain, &header, &parent).is_ok(), is_good, "{gas_limit}");
    }
    let free = Header { base_fee_per_gas: Some(7), ..child.clone() };
    assert!(check(&chain, &free, &parent).is_err());
    let (second, full) = (
        Header {
            number: 11,
            timestamp: 20,
            base_fee_per_gas: Some(1_125_000_000),
            ..child.clone()
        },
        Header { gas_used: 20_000_000, ..child },
    );
    assert_eq!(check(&chain, &second, &full), Ok(()), "no second doubling");
}

#[test]
fn the_base_fee_moves_by_an_eighth_of_how_far_the_parent_was_off_its_target() {
    let london = ChainSpec::up_to(1, London);
    for (base_fee_per_gas, gas_used, wanted) in [
        (1_000_000_000, 10_000_000, 1_000_000_000),
        (1_000_000_000, 20_000_000, 1_125_000_000),
        (1_000_000_000, 0, 875_000_000),
        (1_000_000_000, 10_000_001, 1_000_000_012),
        (1_000_000_000, 9_999_999, 999_999_988),
        (7, 10_000_001, 8),
        (7, 9_999_999, 7),
        (7, 0, 7),
        (8, 0, 7),
        (0, 20_000_000, 1),
        (0, 0, 0),
        (u64::MAX, 20_000_000, u64::MAX),
        (u64::MAX, 0, u64::MAX - u64::MAX / 8),
    ] {
        let parent = Header {
            number: 9,
            gas_limit: 20_000_000,
            gas_used,
            base_fee_per_gas: Some(base_fee_per_gas),
            ..Header::default()
        };
        assert_eq!(base_fee(&london, &parent), Some(wanted), "{base_fee_per_gas} {gas_used}");
        assert_eq!(base_fee(&ChainSpec::up_to(1, Berlin), &parent), None);
    }
    let odd = Header { gas_limit: 1, base_fee_per_gas: Some(7), ..Header::default() };
    assert_eq!(base_fee(&london, &odd), Some(7), "a gas limit without a target");
}

fn excess(last: EthereumHardfork, parent: (u64, u64, u64)) -> Option<u64> {
    let (excess_blob_gas, blob_gas_used, base_fee_per_gas) = parent;
    let header = Header {
        excess_blob_gas: Some(excess_blob_gas),
        blob_gas_used: Some(blob_gas_used),
        base_fee_per_gas: Some(base_fee_per_gas),
        ..Header::default()
    };
    excess_blob_gas_at(last, &header)
}

fn excess_blob_gas_at(last: EthereumHardfork, parent: &Header) -> Option<u64> {
    let scheduled = match last {
        Bpo1 => Some((0, BlobParams::bpo1())),
        Bpo2 => Some((0, BlobParams::bpo2())),
        _ => None,
    };
    let blobs = BlobScheduleBlobParams::mainnet().with_scheduled(scheduled);
    let forks = EthereumHardfork::VARIANTS.iter().filter(|fork| **fork <= last).map(|fork| {
        let by_time = *fork > EthereumHardfork::Paris;
        (*fork, if by_time { ForkCondition::Timestamp(0) } else { ForkCondition::Block(0) })
    });
    let chain = ChainSpec::custom(1, forks, blobs, None);
    excess_blob_gas(&chain, parent, 1)
}

#[test]
fn blob_gas_above_the_target_of_the_active_schedule_is_carried_on() {
    assert_eq!(excess(Shanghai, (0, 6 * BLOB, 7)), None);
    for (last, target) in [(Cancun, 3), (Prague, 6), (Osaka, 6), (Bpo1, 10), (Bpo2, 14)] {
        for (excess_before, used, wanted) in [
            (0, 0, 0),
            (0, target, 0),
            (0, target + 1, 1),
            (target, 0, 0),
            (target, 1, 1),
            (5, target, 5),
            (100, 0, 100 - target),
        ] {
            let found = excess(last, (excess_before * BLOB, used * BLOB, 7));
            assert_eq!(found, Some(wanted * BLOB), "{last:?} {excess_before} {used}");
        }
    }
    let before_cancun = Header { base_fee_per_gas: Some(7), ..Header::default() };
    assert_eq!(excess_blob_gas_at(Cancun, &before_cancun), Some(0), "the first block of Cancun");
}

#[test]
fn from_osaka_on_blobs_that_cost_less_than_their_gas_add_a_share_of_what_was_used() {
    // A blob at 1 wei a unit costs 131,072 wei; 8,192 units of gas cost that at 16 wei each.
    let at = |last, base_fee| excess(last, (20 * BLOB, 3 * BLOB, base_fee));
    assert_eq!(at(Osaka, 16), Some(17 * BLOB));
    assert_eq!(at(Osaka, 17), Some(21 * BLOB), "3 of 9 above a target of 6");
    assert_eq!(at(Bpo1, 17), Some(21 * BLOB), "5 of 15 above a target of 10");
    assert_eq!(at(Bpo2, 17), Some(21 * BLOB), "7 of 21 above a target of 14");
    assert_eq!(at(Prague, 1 << 40), Some(17 * BLOB), "no reserve price yet");
    assert_eq!(excess(Osaka, (0, 0, 1 << 40)), Some(0), "below the target nothing is carried");
}

#[test]
fn excess_blob_gas_beyond_all_numbers_is_the_largest() {
    let most = u64::MAX;
    assert_eq!(excess(Cancun, (most, most, most)), Some(most - 3 * BLOB));
    assert_eq!(excess(Osaka, (most, most, most)), Some(most - 6 * BLOB));
}

#[test]
fn before_london_and_cancun_their_fields_do_not_follow_from_anything() {
    let difficulty = U256::from(131_072);
    let parent = Header { number: 9, gas_limit: 10_000_000, difficulty, ..Header::default() };
    let header =
        Header { number: 10, timestamp: 12, difficulty: U256::from(131_136), ..parent.clone() };
    assert_eq!(check(&ChainSpec::up_to(1, Frontier), &header, &parent), Ok(()));
}
