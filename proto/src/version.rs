//! The protocol's version: the same major works together, another is refused with both named.

use std::fmt;

/// What this build speaks.
pub const PROTOCOL: Version = Version { major: 1, minor: 0 };

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Grows with a change that others cannot understand.
    pub major: u32,
    /// Grows with an addition that others may ignore.
    pub minor: u32,
}

impl Version {
    /// Tells whether two processes of these versions may work together.
    pub const fn works_with(self, other: Self) -> bool {
        self.major == other.major
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
