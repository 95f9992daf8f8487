//! Retries that end: a bounded number of tries with growing pauses between them.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::clock::Clock;

/// How often to try, and how long to pause between tries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Tries in all, the first one included.
    pub tries_max: NonZeroU32,
    /// Longest pause after the first try; it doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub pause_first: Duration,
    /// Bound of the doubling.
    #[serde(with = "humantime_serde")]
    pub pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries_max: NonZeroU32::new(5).expect("5 is not zero"),
            pause_first: Duration::from_millis(50),
            pause_max: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// Returns the pause after try `n_tries` (from 1): between half and all of the doubled first
    /// pause, so that clients with different seeds do not come back together.
    #[must_use]
    pub fn pause_after(&self, n_tries: u32, seed: u64) -> Duration {
        let doublings = n_tries.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let longest = self.pause_first.saturating_mul(factor).min(self.pause_max);
        let share = u32::from(sixteen_bits(seed, n_tries));
        let half = longest / 2;
        half + half.mul_f64(f64::from(share) / f64::from(u16::MAX))
    }
}

/// What a failed try means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The failure may pass: try again.
    Again,
    /// Another try would fail alike.
    Stop,
}

/// A retried operation that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error} ({n_tries} of {tries_max} tries)")]
pub struct GaveUp<E> {
    /// What the last try ended with.
    pub error: E,
    /// Tries made.
    pub n_tries: u32,
    /// Tries that the policy allows.
    pub tries_max: u32,
}

/// Runs `operation` until it succeeds, `judge` says [`Verdict::Stop`], or the tries are used up. The
/// seed alone decides the jitter of the pauses.
///
/// # Errors
/// The last failure, with the number of tries made.
pub async fn retry<T, E, Running>(
    clock: &dyn Clock,
    policy: &RetryPolicy,
    seed: u64,
    judge: impl Fn(&E) -> Verdict,
    mut operation: impl FnMut() -> Running,
) -> Result<T, GaveUp<E>>
where
    Running: Future<Output = Result<T, E>>,
{
    let tries_max = policy.tries_max.get();
    let mut n_tries = 1;
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(error) if n_tries == tries_max || judge(&error) == Verdict::Stop => {
                return Err(GaveUp { error, n_tries, tries_max });
            }
            Err(_) => clock.sleep(policy.pause_after(n_tries, seed)).await,
        }
        n_tries += 1;
    }
}

/// Mixes seed and try into 16 bits (the finaliser of splitmix64).
fn sixteen_bits(seed: u64, n_tries: u32) -> u16 {
    let mut mixed = seed.wrapping_add(u64::from(n_tries).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [high, low, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::clock::ManualClock;

    const MS: Duration = Duration::from_millis(1);

    fn policy(tries_max: u32) -> RetryPolicy {
        RetryPolicy {
            tries_max: NonZeroU32::new(tries_max).unwrap(),
            pause_first: 100 * MS,
            pause_max: 300 * MS,
        }
    }

    /// Retries an operation that fails with its number until try `success`; returns the outcome and
    /// the pauses made.
    async fn run(
        policy: &RetryPolicy,
        seed: u64,
        success: u32,
        judge: impl Fn(&u32) -> Verdict,
    ) -> (Result<u32, GaveUp<u32>>, Vec<Duration>) {
        let clock = ManualClock::new();
        let n_calls = Cell::new(0);
        let operation = || {
            n_calls.set(n_calls.get() + 1);
            let n = n_calls.get();
            async move { if n >= success { Ok(n) } else { Err(n) } }
        };
        let mut retried = Box::pin(retry(&clock, policy, seed, judge, operation));
        let mut pauses = Vec::new();
        loop {
            tokio::select! {
                biased;
                outcome = &mut retried => return (outcome, pauses),
                () = clock.until_sleepers(1) => {
                    pauses.push(clock.advance_to_next().expect("one sleeper"));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_passing_failure_is_tried_again_until_it_succeeds() {
        let (outcome, pauses) = run(&policy(5), 7, 3, |_| Verdict::Again).await;

        assert_eq!(outcome, Ok(3));
        assert_eq!(pauses.len(), 2);
    }

    #[tokio::test]
    async fn tries_end_at_their_bound_with_the_last_failure() {
        let (outcome, pauses) = run(&policy(4), 7, 100, |_| Verdict::Again).await;

        assert_eq!(outcome, Err(GaveUp { error: 4, n_tries: 4, tries_max: 4 }));
        assert_eq!(pauses.len(), 3, "no pause after the last try");
    }

    #[tokio::test]
    async fn a_failure_that_stays_is_not_tried_again() {
        let judge = |n: &u32| if *n == 2 { Verdict::Stop } else { Verdict::Again };
        let (outcome, _) = run(&policy(5), 7, 100, judge).await;

        assert_eq!(outcome, Err(GaveUp { error: 2, n_tries: 2, tries_max: 5 }));
    }

    #[tokio::test]
    async fn one_seed_gives_one_sequence_of_pauses_and_another_seed_another() {
        let (_, first) = run(&policy(6), 1, 100, |_| Verdict::Again).await;
        let (_, same) = run(&policy(6), 1, 100, |_| Verdict::Again).await;
        let (_, other) = run(&policy(6), 2, 100, |_| Verdict::Again).await;

        assert_eq!(first, same);
        assert_ne!(first, other);
    }

    #[test]
    fn pauses_double_up_to_their_bound_and_are_at_least_half_of_it() {
        let policy = policy(40);
        for seed in 0..1_000 {
            for (n_tries, longest) in [(1, 100), (2, 200), (3, 300), (4, 300), (40, 300)] {
                let pause = policy.pause_after(n_tries, seed);
                let longest = longest * MS;
                assert!(
                    pause >= longest / 2 && pause <= longest,
                    "seed {seed}, {n_tries}: {pause:?}"
                );
            }
        }
    }
}
