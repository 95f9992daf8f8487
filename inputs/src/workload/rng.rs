//! A small generator of pseudo-random numbers whose sequence is fixed here for good.
//!
//! The same specification must give the same bytes years from now, so no library that may change
//! its sequence decides them.

use alloy_primitives::{B256, U256, keccak256};

/// The generator `SplitMix64`, started from a hash of the seed and the stream's name: what one stream draws does
/// not depend on how much another drew.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64, stream: &str) -> Self {
        Self(U256::from_be_bytes(derive(seed, stream, 0).0).as_limbs()[0])
    }

    pub(super) const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`. The bias is at most `bound` in 2^64.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.next_u64()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).expect("a fraction of a 32-bit bound has 32 bits")
    }

    /// Whether an event of this probability happens.
    pub(super) fn percent(&mut self, percent: u8) -> bool {
        self.below(100) < u32::from(percent)
    }

    /// A number in [0, 1), in steps of 2^-32: exact, so the same on every machine.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }

    /// An amount in `1..=most`.
    pub(super) fn amount(&mut self, most: u64) -> U256 {
        U256::from(self.next_u64() % most + 1)
    }

    /// Puts `items` in random order.
    pub(super) fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            let bound = u32::try_from(last + 1).expect("at most ACCOUNTS_MAX items");
            items.swap(last, self.below(bound) as usize);
        }
    }
}

/// The `number`-th value of a named stream, for what must be found without drawing those before.
pub(super) fn derive(seed: u64, stream: &str, number: u64) -> B256 {
    let mut preimage = Vec::with_capacity(16 + stream.len());
    preimage.extend_from_slice(&seed.to_be_bytes());
    preimage.extend_from_slice(&number.to_be_bytes());
    preimage.extend_from_slice(stream.as_bytes());
    keccak256(preimage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one_of_splitmix64() {
        let mut rng = Rng(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn streams_of_one_seed_differ_and_numbers_stay_below_their_bound() {
        assert_ne!(Rng::new(1, "a").next_u64(), Rng::new(1, "b").next_u64());
        assert_ne!(Rng::new(1, "a").next_u64(), Rng::new(2, "a").next_u64());
        let mut rng = Rng::new(7, "below");
        let mut seen = [0_u32; 6];
        (0..6_000).for_each(|_| seen[rng.below(6) as usize] += 1);
        assert!(seen.iter().all(|&n| (850..1_150).contains(&n)), "{seen:?}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Rng::new(3, "shuffle").shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
