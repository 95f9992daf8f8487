//! Who receives: a share for the hot accounts, the rest evenly or by Zipf's law.

use super::{
    population::Population,
    rng::Rng,
    spec::{Distribution, HOT_ACCOUNTS},
    zipf::Zipf,
};

/// Draws recipients by index.
#[derive(Debug)]
pub(super) struct Recipients {
    hot_percent: u8,
    choice: Choice,
}

#[derive(Debug)]
enum Choice {
    Uniform,
    /// `by_rank` holds the cold accounts, the most popular first, without regard to who sends.
    Zipf {
        popularity: Zipf,
        by_rank: Vec<u32>,
    },
}

impl Recipients {
    pub(super) fn new(
        hot_percent: u8,
        distribution: Distribution,
        population: &Population,
        rng: &mut Rng,
    ) -> Self {
        let choice = match distribution {
            Distribution::Uniform => Choice::Uniform,
            Distribution::Zipf(exponent) => {
                let mut by_rank: Vec<u32> = population.cold().collect();
                rng.shuffle(&mut by_rank);
                Choice::Zipf { popularity: Zipf::new(population.cold().end, exponent), by_rank }
            }
        };
        Self { hot_percent, choice }
    }

    /// The next recipient, never the sender itself.
    pub(super) fn next(&self, sender: u32, population: &Population, rng: &mut Rng) -> u32 {
        if rng.percent(self.hot_percent) {
            return population.hot().start + rng.below(HOT_ACCOUNTS);
        }
        let drawn = match &self.choice {
            Choice::Uniform => rng.below(population.cold().end),
            Choice::Zipf { popularity, by_rank } => by_rank[popularity.sample(rng)],
        };
        if drawn == sender { (drawn + 1) % population.cold().end } else { drawn }
    }
}
