//! Hashed keys as paths of 64 nibbles.

use alloy_primitives::B256;
use alloy_trie::Nibbles;
use std::fmt;

/// Number of nibbles of a key.
pub(super) const NIBBLES: usize = 64;

/// Returns the nibble of a key at a depth below [`NIBBLES`].
pub(super) fn nibble(key: &B256, depth: usize) -> u8 {
    let byte = key[depth / 2];
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
}

/// Returns the depth of the first nibble in which two keys differ; [`NIBBLES`] if they are equal.
pub(super) fn first_difference(a: &B256, b: &B256) -> usize {
    let Some(at) = a.iter().zip(b.iter()).position(|(a, b)| a != b) else { return NIBBLES };
    if (a[at] ^ b[at]) >> 4 == 0 { 2 * at + 1 } else { 2 * at }
}

/// Returns the nibbles of a key from one depth to another.
pub(super) fn nibbles(key: &B256, from: usize, to: usize) -> Nibbles {
    Nibbles::unpack_array(&key.0).slice(from..to)
}

/// Where a node stands: the first nibbles of all keys below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The nibbles, and zeroes behind them.
    prefix: B256,
    depth: u8,
}

impl Path {
    /// Where the root stands.
    pub(super) const ROOT: Self = Self { prefix: B256::ZERO, depth: 0 };

    /// Returns a key that begins with the path.
    pub(super) const fn prefix(&self) -> B256 {
        self.prefix
    }

    /// Returns the number of nibbles.
    pub(super) const fn depth(&self) -> u8 {
        self.depth
    }

    /// Returns the nibbles.
    pub(super) fn nibbles(&self) -> Nibbles {
        nibbles(&self.prefix, 0, self.depth.into())
    }

    /// Returns the path with more nibbles behind it; `None` if those are more than a key has.
    pub(super) fn join(mut self, more: &Nibbles) -> Option<Self> {
        if usize::from(self.depth) + more.len() > NIBBLES {
            return None;
        }
        for nibble in more.iter() {
            self = self.child(nibble)?;
        }
        Some(self)
    }

    /// Returns the path with one more nibble; `None` at the end of a key.
    pub(super) fn child(mut self, nibble: u8) -> Option<Self> {
        let shift = if self.depth.is_multiple_of(2) { 4 } else { 0 };
        *self.prefix.get_mut(usize::from(self.depth) / 2)? |= nibble << shift;
        self.depth += 1;
        Some(self)
    }
}

/// Where a node stands in a state: in which trie, and below which nibbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriePath {
    /// Hashed address of the account whose storage it is; `None` for the accounts' trie.
    pub storage_of: Option<B256>,
    /// The first nibbles of all keys below the node.
    pub nibbles: Nibbles,
}

impl fmt::Display for TriePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "path [")?;
        for nibble in self.nibbles.iter() {
            write!(f, "{nibble:x}")?;
        }
        match self.storage_of {
            None => write!(f, "] of the accounts' trie"),
            Some(key) => write!(f, "] of the storage of the account with the hash {key}"),
        }
    }
}
