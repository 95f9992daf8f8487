//! Invariants have names, so that a broken one says which promise of the design it breaks.
//!
//! A broken invariant panics, in release too: whoever drives a job catches the panic and fails the
//! job by the invariant's name, before a wrong block could be committed.

use std::fmt;

/// What always holds; the catalogue is `docs/invariants.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// Indices become final one after the other, each once.
    FinalInOrder,
    /// An index is final only with an outcome whose reads hold.
    FinalHolds,
    /// A plan holds every index exactly once, ascending in each slice.
    PlanCoversBlock,
    /// An incarnation's number is given once.
    IncarnationsGrow,
    /// Nothing is sealed before every index is final.
    SealedWhenFinal,
}

impl Invariant {
    /// Returns the invariant's name as the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FinalInOrder => "final-in-order",
            Self::FinalHolds => "final-holds",
            Self::PlanCoversBlock => "plan-covers-block",
            Self::IncarnationsGrow => "incarnations-grow",
            Self::SealedWhenFinal => "sealed-when-final",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Panics with the invariant's name if its condition does not hold.
#[macro_export]
macro_rules! check {
    ($invariant:expr, $condition:expr $(,)?) => {
        if !$condition {
            panic!("invariant {} is broken", $invariant);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::Invariant;

    #[test]
    #[should_panic(expected = "invariant final-in-order is broken")]
    fn a_broken_invariant_panics_with_its_name() {
        check!(Invariant::FinalInOrder, 1 > 2);
    }
}
