//! The middle of several runs, and how far apart they are.

use serde::Serialize;

/// Smallest, middle and largest of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Spread {
    /// The smallest.
    pub(crate) min: u64,
    /// The middle one; the mean of the two middle ones of an even number.
    pub(crate) median: u64,
    /// The largest.
    pub(crate) max: u64,
}

impl Spread {
    pub(crate) fn of(values: Vec<u64>) -> Self {
        let (min, max) = (values.iter().min().copied(), values.iter().max().copied());
        Self { min: min.unwrap_or(0), max: max.unwrap_or(0), median: median(values) }
    }
}

/// Returns the middle of several values; zero of none.
pub(crate) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => 0,
        (Some(upper), 0) => values[middle - 1].midpoint(*upper),
        (Some(only), _) => *only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(vec![]), 0);
        assert_eq!(median(vec![7]), 7);
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(vec![10, 1, 4, 2]), 3);
        assert_eq!(Spread::of(vec![9, 1, 5]), Spread { min: 1, median: 5, max: 9 });
    }
}
