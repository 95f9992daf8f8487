//! Popularity by Zipf's law: the item of rank r is chosen in proportion to 1 / r^s.

use super::rng::Rng;
use super::spec::ZipfExponent;

/// Binary digits of the exponent's fraction that count.
const FRACTION_BITS: u32 = 20;

/// The cumulated weights of the ranks.
#[derive(Debug)]
pub(super) struct Zipf(Vec<f64>);

impl Zipf {
    pub(super) fn new(ranks: u32, exponent: ZipfExponent) -> Self {
        let scaled = (u64::from(exponent.thousandths()) << FRACTION_BITS) / 1_000;
        let mut total = 0.0;
        let weights = (1..=ranks).map(|rank| {
            total += 1.0 / power(f64::from(rank), scaled);
            total
        });
        Self(weights.collect())
    }

    /// A rank, counted from 0.
    pub(super) fn sample(&self, rng: &mut Rng) -> usize {
        let total = self.0.last().copied().expect("at least one rank");
        let drawn = rng.unit() * total;
        self.0.partition_point(|&cumulated| cumulated <= drawn).min(self.0.len() - 1)
    }
}

/// `base` to the power of `exponent` / 2^20.
///
/// Multiplications and square roots alone: these are exact to the last bit on every machine,
/// which `powf` is not, and one bit could change a block.
fn power(base: f64, exponent: u64) -> f64 {
    let whole = exponent >> FRACTION_BITS;
    let mut result = (0..whole).fold(1.0, |product, _| product * base);
    let mut root = base;
    for bit in (0..FRACTION_BITS).rev() {
        root = root.sqrt();
        if exponent & (1 << bit) != 0 {
            result *= root;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_library_but_for_rounding() {
        for (base, thousandths) in [(2.0_f64, 1_100_u64), (99_999.0, 900), (7.0, 2_500), (1.0, 100)]
        {
            let ours = power(base, (thousandths << FRACTION_BITS) / 1_000);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let theirs = base.powf(thousandths as f64 / 1_000.0);
            assert!((ours / theirs - 1.0).abs() < 1e-4, "{base}^{thousandths}: {ours} {theirs}");
        }
    }

    #[test]
    fn the_first_ranks_get_their_share() {
        let zipf = Zipf::new(1_000, ZipfExponent::from_thousandths(1_000).unwrap());
        let mut rng = Rng::new(5, "zipf");
        let mut seen = vec![0_u32; 1_000];
        (0..100_000).for_each(|_| seen[zipf.sample(&mut rng)] += 1);
        // The harmonic number of 1,000 is 7.485: rank 1 gets 13,360 of 100,000, rank 2 half of it.
        assert!((13_000..13_750).contains(&seen[0]), "{}", seen[0]);
        assert!((6_400..6_960).contains(&seen[1]), "{}", seen[1]);
        assert!(seen[500..].iter().sum::<u32>() > 8_000, "the tail is drawn too");
    }
}
