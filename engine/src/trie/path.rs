//! Hashed keys as paths of 64 nibbles.

use alloy_primitives::B256;

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
