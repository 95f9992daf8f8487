//! A chain file cut into its blocks.

use super::BLOCKS_MAX;
use crate::error::InputError;
use alloy_primitives::Bytes;
use std::fmt;

/// The bytes of one block, and where they lie.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// From 1.
    position: usize,
    /// Of its first byte in the file.
    offset: usize,
    pub(super) rlp: Bytes,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} of the file, at byte {}", self.position, self.offset)
    }
}

/// Cuts a file into items of RLP; none of them is decoded.
pub(super) fn split(path: &str, file: Bytes) -> Result<Vec<Part>, InputError> {
    let mut parts = Vec::new();
    let mut offset = 0;
    while offset < file.len() {
        let mut part = Part { position: parts.len() + 1, offset, rlp: Bytes::new() };
        if parts.len() >= BLOCKS_MAX {
            return Err(InputError::too_much(path, BLOCKS_MAX, "blocks"));
        }
        let mut rest = &file[offset..];
        let n_bytes_before = rest.len();
        let header = alloy_rlp::Header::decode(&mut rest)
            .map_err(|error| InputError::value(path, part.to_string(), error.to_string()))?;
        let end = offset + (n_bytes_before - rest.len()) + header.payload_length;
        if !header.list || end > file.len() {
            return Err(InputError::value(path, part.to_string(), "it is no whole list"));
        }
        part.rlp = file.slice(offset..end);
        parts.push(part);
        offset = end;
    }
    Ok(parts)
}
