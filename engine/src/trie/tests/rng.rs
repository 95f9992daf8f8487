//! Chance from a seed.

use alloy_primitives::{B256, U256};

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

    /// Returns one of some values.
    pub(crate) fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        let at = self.below(values.len() as u64);
        &values[usize::try_from(at).unwrap()]
    }

    /// Returns a small number mostly, zero often, a large one sometimes.
    pub(crate) fn word(&mut self) -> U256 {
        match self.below(8) {
            0 | 1 => U256::ZERO,
            2 => U256::from_limbs([self.next(), self.next(), self.next(), self.next()]),
            _ => U256::from(self.below(300)),
        }
    }

    /// Returns a key that shares a first part, of any length, with `like`.
    pub(crate) fn key_like(&mut self, like: &B256) -> B256 {
        let mut key = *like;
        let n_shared = usize::try_from(self.below(65)).unwrap();
        for depth in n_shared..64 {
            let shift = if depth % 2 == 0 { 4 } else { 0 };
            let nibble = u8::try_from(self.below(16)).unwrap() << shift;
            key[depth / 2] = (key[depth / 2] & !(0x0f << shift)) | nibble;
        }
        key
    }
}
