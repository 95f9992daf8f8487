//! Difficulty of a block of proof of work, as it follows from its parent.

use crate::chain::ChainSpec;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::U256;

/// Least difficulty, the bomb apart.
const DIFFICULTY_MIN: U256 = U256::from_limbs([131_072, 0, 0, 0]);
/// A step of difficulty is the parent's divided by this.
const STEP_DIVISOR: u64 = 2_048;
/// Most steps by which difficulty may fall from one block to the next.
const STEPS_DOWN_MAX: u64 = 99;
/// Frontier: a block that comes sooner than this after its parent, in seconds, is to be harder.
const FRONTIER_TIME_S: u64 = 13;
/// Seconds that make one step, from Homestead (EIP-2) and from Byzantium (EIP-100) on.
const HOMESTEAD_STEP_S: u64 = 10;
const BYZANTIUM_STEP_S: u64 = 9;
/// The bomb doubles after so many blocks.
const BOMB_PERIOD: u64 = 100_000;

/// How many blocks late the bomb counts, by the latest fork that put it off.
const BOMB_DELAYS: [(EthereumHardfork, u64); 7] = [
    (EthereumHardfork::GrayGlacier, 11_400_000),   // EIP-5133
    (EthereumHardfork::ArrowGlacier, 10_700_000),  // EIP-4345
    (EthereumHardfork::London, 9_700_000),         // EIP-3554
    (EthereumHardfork::MuirGlacier, 9_000_000),    // EIP-2384
    (EthereumHardfork::Petersburg, 5_000_000),     // EIP-1234
    (EthereumHardfork::Constantinople, 5_000_000), // EIP-1234
    (EthereumHardfork::Byzantium, 3_000_000),      // EIP-649
];

/// Returns the difficulty of a child of `parent` at a time (seconds since the epoch): zero from
/// Paris on (EIP-3675), else by the rule of the child's fork, bomb included. A time before the
/// parent's counts as the parent's.
pub(super) fn difficulty(chain: &ChainSpec, parent: &Header, timestamp: u64) -> U256 {
    let number = parent.number.saturating_add(1);
    if chain.is_paris_active_at_block(number) {
        return U256::ZERO;
    }
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    let (up, down) = if chain.is_byzantium_active_at_block(number) {
        let up = if parent.ommers_hash == EMPTY_OMMER_ROOT_HASH { 1 } else { 2 };
        (up, elapsed / BYZANTIUM_STEP_S)
    } else if chain.is_homestead_active_at_block(number) {
        (1, elapsed / HOMESTEAD_STEP_S)
    } else if elapsed < FRONTIER_TIME_S {
        (1, 0)
    } else {
        (0, 1)
    };
    let step = parent.difficulty / U256::from(STEP_DIVISOR);
    let steps = |n_steps: u64| step.saturating_mul(U256::from(n_steps));
    let adjusted = if up >= down {
        parent.difficulty.saturating_add(steps(up - down))
    } else {
        parent.difficulty.saturating_sub(steps((down - up).min(STEPS_DOWN_MAX)))
    };
    adjusted.max(DIFFICULTY_MIN).saturating_add(bomb(chain, number))
}

/// Returns what the bomb adds to a block's difficulty.
fn bomb(chain: &ChainSpec, number: u64) -> U256 {
    let mut delays = BOMB_DELAYS.into_iter();
    let delay = delays.find(|(fork, _)| chain.is_ethereum_fork_active_at_block(*fork, number));
    let counted = number.saturating_sub(delay.map_or(0, |(_, n_blocks)| n_blocks));
    match (counted / BOMB_PERIOD).checked_sub(2) {
        None => U256::ZERO,
        Some(exponent) => U256::ONE
            .checked_shl(usize::try_from(exponent).unwrap_or(usize::MAX))
            .unwrap_or(U256::MAX),
    }
}
