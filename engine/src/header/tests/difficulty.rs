//! Difficulty by fork, time and height.

use crate::{chain::ChainSpec, header::difficulty::difficulty};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_hardforks::EthereumHardfork::{
    self, ArrowGlacier, Berlin, Byzantium, Constantinople, Frontier, GrayGlacier, Homestead,
    Istanbul, London, MuirGlacier, Paris, Petersburg, SpuriousDragon,
};
use alloy_primitives::{B256, U256};

/// Difficulty of all parents but one: a thousand steps.
const PARENT: u64 = 2_048_000;
/// What a parent of [`PARENT`] changes by in one step.
const STEP: i64 = 1_000;

fn parent(number: u64) -> Header {
    Header {
        number,
        timestamp: 1_000,
        difficulty: U256::from(PARENT),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        ..Header::default()
    }
}

fn child(last: EthereumHardfork, parent: &Header, elapsed: u64) -> U256 {
    difficulty(&ChainSpec::up_to(1, last), parent, parent.timestamp + elapsed)
}

/// Checks what difficulty becomes, in steps, by the seconds since the parent.
fn check_steps(last: EthereumHardfork, parent: &Header, rows: &[(u64, i64)]) {
    for (elapsed, n_steps) in rows {
        let wanted = U256::from(PARENT.checked_add_signed(n_steps * STEP).unwrap());
        assert_eq!(child(last, parent, *elapsed), wanted, "{last:?} after {elapsed} s");
    }
}

#[test]
fn difficulty_follows_the_time_since_the_parent() {
    check_steps(Frontier, &parent(7), &[(1, 1), (12, 1), (13, -1), (5_000, -1)]);
    let homestead = [(1, 1), (9, 1), (10, 0), (19, 0), (20, -1), (1_000, -99), (9_999, -99)];
    check_steps(Homestead, &parent(7), &homestead);
    check_steps(SpuriousDragon, &parent(7), &homestead);
    let byzantium =
        [(1, 1), (8, 1), (9, 0), (17, 0), (18, -1), (899, -98), (900, -99), (9_999, -99)];
    check_steps(Byzantium, &parent(7), &byzantium);
    check_steps(GrayGlacier, &parent(7), &byzantium);
}

#[test]
fn a_parent_with_ommers_is_worth_one_step_from_byzantium_on() {
    let with_ommers = Header { ommers_hash: B256::repeat_byte(1), ..parent(7) };
    check_steps(Byzantium, &with_ommers, &[(1, 2), (9, 1), (18, 0), (27, -1), (9_999, -99)]);
    check_steps(SpuriousDragon, &with_ommers, &[(1, 1), (10, 0)]);
    check_steps(Frontier, &with_ommers, &[(1, 1), (13, -1)]);
}

#[test]
fn difficulty_does_not_fall_below_its_least() {
    for last in [Frontier, Homestead, Byzantium, GrayGlacier] {
        let easy = Header { difficulty: U256::from(131_073), ..parent(7) };
        assert_eq!(child(last, &easy, 9_999), U256::from(131_072), "{last:?}");
        let none = Header { difficulty: U256::ZERO, ..parent(7) };
        assert_eq!(child(last, &none, 1), U256::from(131_072), "{last:?}");
    }
}

#[test]
fn each_fork_puts_the_bomb_off_by_its_own_number_of_blocks() {
    let delays = [
        (Frontier, 0),
        (Homestead, 0),
        (SpuriousDragon, 0),
        (Byzantium, 3_000_000),
        (Constantinople, 5_000_000),
        (Petersburg, 5_000_000),
        (Istanbul, 5_000_000),
        (MuirGlacier, 9_000_000),
        (Berlin, 9_000_000),
        (London, 9_700_000),
        (ArrowGlacier, 10_700_000),
        (GrayGlacier, 11_400_000),
    ];
    for (last, delay) in delays {
        // The time is one at which the fork's rule changes nothing but by the bomb.
        let elapsed = if last == Frontier { 1 } else { 10 };
        let quiet = child(last, &parent(7), elapsed);
        let bomb = |number: u64| child(last, &parent(number - 1), elapsed) - quiet;
        let rows = [(199_999, 0), (200_000, 1), (299_999, 1), (300_000, 2), (1_234_567, 1 << 10)];
        for (counted, wanted) in rows {
            assert_eq!(bomb(delay + counted), U256::from(wanted), "{last:?} at {counted}");
        }
        assert_eq!(bomb(199_999), U256::ZERO, "{last:?}");
    }
}

#[test]
fn a_bomb_beyond_all_numbers_is_the_largest() {
    assert_eq!(child(Frontier, &parent(25_900_000), 1), U256::MAX);
    assert_eq!(child(Frontier, &parent(u64::MAX), 1), U256::MAX);
    let hardest = Header { difficulty: U256::MAX, ..parent(7) };
    assert_eq!(child(Byzantium, &hardest, 1), U256::MAX);
}

#[test]
fn proof_of_stake_has_no_difficulty() {
    assert_eq!(child(Paris, &parent(7), 1), U256::ZERO);
    assert_eq!(child(Paris, &parent(30_000_000), 1), U256::ZERO);
}

/// The first block after mainnet's genesis.
#[test]
fn the_first_block_of_mainnet_has_its_difficulty() {
    let genesis = Header { difficulty: U256::from(17_179_869_184_u64), ..Header::default() };
    let first = difficulty(&ChainSpec::mainnet(), &genesis, 1_438_269_988);
    assert_eq!(first, U256::from(17_171_480_576_u64));
}
