//! Code by hash, and which code an account had last.
//!
//! Code with a hash never changes, so it needs no tag. Which code an account has is only a hint:
//! it decides what is asked, never what is answered.

use super::lru::Lru;
use alloy_primitives::{Address, B256, Bytes};

/// Codes of earlier jobs, bounded by their bytes.
#[derive(Debug)]
pub(crate) struct CodeCache {
    codes: Lru<B256, Bytes>,
    hashes: Lru<Address, B256>,
}

impl CodeCache {
    pub(crate) fn new(bytes_max: usize, accounts_max: usize) -> Self {
        Self { codes: Lru::new(bytes_max), hashes: Lru::new(accounts_max) }
    }

    /// Returns code, which is thereby used.
    pub(crate) fn code(&mut self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash)
    }

    /// Tells whether the code that the account had when last seen is here.
    pub(crate) fn probably_has_code_of(&mut self, address: &Address) -> bool {
        self.hashes.get(address).is_some_and(|hash| self.codes.contains(hash))
    }

    /// Keeps code.
    pub(crate) fn insert(&mut self, hash: B256, code: Bytes) {
        let n_bytes = code.len();
        self.codes.insert(hash, code, n_bytes);
    }

    /// Notes which code an account has.
    pub(crate) fn note_account(&mut self, address: Address, hash: B256) {
        self.hashes.insert(address, hash, 1);
    }

    /// Returns the bytes of all codes.
    pub(crate) const fn bytes(&self) -> usize {
        self.codes.weight()
    }
}
