//! Chance from a seed.

use alloy_primitives::U256;

/// A generator of numbers (splitmix64): the same seed, the same numbers.
#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below a bound.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns one of some values; `None` if there are none.
    pub(crate) fn pick<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        let bound = u64::try_from(values.len()).unwrap().max(1);
        values.get(usize::try_from(self.below(bound)).unwrap()).cloned()
    }

    /// Returns zero often, else a small number.
    pub(crate) fn word(&mut self) -> U256 {
        if self.one_in(3) { U256::ZERO } else { U256::from(self.below(1_000)) }
    }
}
