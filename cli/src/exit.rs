//! How a command ends: the exit codes that scripts rely on.

/// What a command's exit code says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// Done, and everything equal.
    #[default]
    Done,
    /// A difference: from the header, from the oracle, or from an expected state.
    Difference,
    /// Wrong usage, or an input that cannot be read; nothing was executed.
    Usage,
    /// A block is invalid and the input does not say so.
    Invalid,
    /// The cluster could not finish.
    Unfinished,
    /// Somebody pressed Ctrl-C, or the system asked the process to end.
    Interrupted,
    /// Whoever read the output went away, as `head` does: as a program that SIGPIPE ends.
    Unread,
}

impl Exit {
    /// Returns the number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Difference => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Unfinished => 4,
            Self::Interrupted => 130,
            Self::Unread => 141,
        }
    }

    /// Returns the one of two that the command ends with: an interruption before an output that
    /// nobody reads, then a wrong usage, then 1 before 3 before 4.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        if self.rank() <= other.rank() { self } else { other }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Interrupted => 0,
            Self::Unread => 1,
            Self::Usage => 2,
            Self::Difference => 3,
            Self::Invalid => 4,
            Self::Unfinished => 5,
            Self::Done => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_comes_before_an_invalid_block_and_that_before_an_unfinished_one() {
        let of = |exits: &[Exit]| exits.iter().fold(Exit::Done, |all, one| all.or(*one)).code();

        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[Exit::Unfinished, Exit::Done]), 4);
        assert_eq!(of(&[Exit::Unfinished, Exit::Invalid]), 3);
        assert_eq!(of(&[Exit::Invalid, Exit::Unfinished, Exit::Difference]), 1);
        assert_eq!(of(&[Exit::Difference, Exit::Interrupted]), 130);
        assert_eq!(of(&[Exit::Usage]), 2);
    }
}
