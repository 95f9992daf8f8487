//! How the program says that it cannot go on: three lines, and an exit code.

use std::fmt;

/// Wrong settings: nothing was begun.
const USAGE: u8 = 2;
/// The process cannot do its work.
const UNFINISHED: u8 = 4;

/// Why the program ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: u8,
    what: String,
    at: String,
    try_next: String,
}

impl Failure {
    /// Settings that cannot be used.
    pub(super) fn usage(
        what: impl fmt::Display,
        at: impl fmt::Display,
        try_next: impl fmt::Display,
    ) -> Self {
        Self::new(USAGE, (&what, &at, &try_next))
    }

    /// A process that cannot start, or not go on.
    pub(super) fn unfinished(
        what: impl fmt::Display,
        at: impl fmt::Display,
        try_next: impl fmt::Display,
    ) -> Self {
        Self::new(UNFINISHED, (&what, &at, &try_next))
    }

    fn new(
        exit: u8,
        (what, at, try_next): (&dyn fmt::Display, &dyn fmt::Display, &dyn fmt::Display),
    ) -> Self {
        let line = |text: &dyn fmt::Display| {
            let text = text.to_string();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        Self { exit, what: line(what), at: line(at), try_next: line(try_next) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exit: _, what, at, try_next } = self;
        write!(f, "error: {what}\nat: {at}\ntry: {try_next}")
    }
}
