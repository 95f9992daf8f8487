//! A command that could not do its work: what happened, where, and what to try.

use crate::exit::Exit;
use std::{fmt, io};

/// Why a command ended without doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// Short name of the reason, for scripts.
    pub code: &'static str,
    /// What happened.
    pub what: String,
    /// File, position or transaction.
    pub at: String,
    /// The next step.
    pub try_next: String,
}

impl Failure {
    /// An argument or a setting that cannot be used.
    pub fn usage(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Usage, "usage"), what, at, try_next)
    }

    /// An input that cannot be read.
    pub fn unreadable(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Usage, "unreadable_input"), what, at, try_next)
    }

    /// A block that is not what it should be.
    pub fn difference(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Difference, "difference"), what, at, try_next)
    }

    /// A block that is invalid, and the input does not say so.
    pub fn invalid(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Invalid, "invalid_block"), what, at, try_next)
    }

    /// A cluster that cannot be started, or cannot go on.
    pub fn cluster(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Unfinished, "cluster"), what, at, try_next)
    }

    /// The oracle cannot run: there is nothing to compare with.
    pub fn oracle(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new((Exit::Unfinished, "oracle"), what, at, try_next)
    }

    /// A report or an output that cannot be written; or one that nobody reads any more, which is no
    /// error for whoever closed the pipe.
    pub fn output(error: io::Error, at: impl ToString) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new((Exit::Unread, "unread"), "nobody reads the output", at, "nothing");
        }
        let try_next = "check that the place can be written to and is not full";
        Self::new((Exit::Unfinished, "output"), error, at, try_next)
    }

    /// The command was told to stop.
    pub fn interrupted(at: impl ToString) -> Self {
        let code = (Exit::Interrupted, "interrupted");
        Self::new(code, "interrupted before everything was executed", at, "run it again")
    }

    fn new(
        (exit, code): (Exit, &'static str),
        what: impl ToString,
        at: impl ToString,
        try_next: impl ToString,
    ) -> Self {
        let (what, at, try_next) = (what.to_string(), at.to_string(), try_next.to_string());
        Self { exit, code, what, at, try_next }
    }
}

/// The three lines that go to standard error.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(f, "error: {}", line(&self.what))?;
        writeln!(f, "at: {}", line(&self.at))?;
        write!(f, "try: {}", line(&self.try_next))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_nobody_reads_is_told_from_one_that_cannot_be_written() {
        let of = |kind| Failure::output(io::Error::from(kind), "standard output").exit.code();

        assert_eq!(of(io::ErrorKind::BrokenPipe), 141);
        assert_eq!(of(io::ErrorKind::StorageFull), 4);
    }

    #[test]
    fn a_failure_is_three_lines_whatever_its_parts_hold() {
        let failure = Failure::unreadable("two\nlines", "a/file.json, line 3", "look at\nthe file");

        let text = failure.to_string();

        assert_eq!(text, "error: two lines\nat: a/file.json, line 3\ntry: look at the file");
        assert_eq!(failure.exit.code(), 2);
    }
}
