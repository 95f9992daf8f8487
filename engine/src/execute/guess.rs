//! What a run goes on with where it misses a slot, to learn more keys before it ends.
//!
//! A run with a guess in it is never an outcome, so a guess can only be more or less useful. Zero
//! is a poor one: most contracts check a flag, an owner or a balance and revert. What the same
//! SLOAD last gave is a good one: loops and calls of one contract mostly find alike values.

use alloy_primitives::{Address, U256, map::HashMap};

/// What is guessed where nothing was seen: passes for a flag, a balance and a limit.
const FIRST_GUESS: U256 = U256::from_limbs([0, 1 << 6, 0, 0]);
/// Places of code whose values are kept.
const SITES_MAX: usize = 1 << 16;

/// Values that SLOADs gave, by account and place of the instruction.
#[derive(Debug, Default)]
pub struct Guesses {
    seen: HashMap<(Address, usize), U256>,
    /// Program counter of the SLOAD that runs.
    at: usize,
}

impl Guesses {
    /// Notes which instruction is about to read a slot.
    pub(super) const fn stand_at(&mut self, program_counter: usize) {
        self.at = program_counter;
    }

    /// Keeps what the instruction read.
    pub(super) fn learn(&mut self, address: &Address, value: U256) {
        if self.seen.len() < SITES_MAX {
            self.seen.insert((*address, self.at), value);
        }
    }

    /// Returns what the instruction may read.
    pub(super) fn guess(&self, address: &Address) -> U256 {
        self.seen.get(&(*address, self.at)).copied().unwrap_or(FIRST_GUESS)
    }
}
