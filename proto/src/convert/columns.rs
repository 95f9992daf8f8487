//! Columns: lists of small things, one byte string a field.

use super::{DecodeError, Reason};
use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;

/// Bytes of an address.
const ADDRESS: usize = 20;
/// Bytes of a hash.
const HASH: usize = 32;

/// Appends a word: one length byte and so many big-endian bytes without leading zeroes.
pub(super) fn put_word(column: &mut Vec<u8>, word: &U256) {
    let n_bytes = word.byte_len();
    // A word has 32 bytes at most.
    column.push(n_bytes.to_le_bytes()[0]);
    column.extend_from_slice(&word.to_be_bytes::<HASH>()[HASH - n_bytes..]);
}

/// Reads a column of byte strings from its beginning to its end.
#[derive(Debug)]
pub(super) struct Column<'a> {
    field: &'static str,
    rest: &'a [u8],
}

impl<'a> Column<'a> {
    /// Starts at the beginning.
    pub(super) fn new(field: &'static str, bytes: &'a Bytes) -> Self {
        Self { field, rest: bytes }
    }

    /// Returns the next address.
    pub(super) fn address(&mut self) -> Result<Address, DecodeError> {
        self.take(ADDRESS).map(Address::from_slice)
    }

    /// Returns the next hash.
    pub(super) fn hash(&mut self) -> Result<B256, DecodeError> {
        self.take(HASH).map(B256::from_slice)
    }

    /// Returns the next word.
    pub(super) fn word(&mut self) -> Result<U256, DecodeError> {
        let n_bytes = usize::from(self.take(1)?[0]);
        if n_bytes > HASH {
            let given = n_bytes as u64;
            return Err(DecodeError::new(self.field, Reason::Range { given }));
        }
        let bytes = self.take(n_bytes)?;
        if bytes.first() == Some(&0) {
            return Err(DecodeError::malformed(self.field, "word", "it has leading zeroes"));
        }
        Ok(U256::from_be_slice(bytes))
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let given = self.rest.len();
        Err(DecodeError::new(self.field, Reason::Length { given, expected: 0 }))
    }

    fn take(&mut self, n_bytes: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(n_bytes) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(DecodeError::new(self.field, Reason::Short)),
        }
    }
}

/// Reads a column of numbers from its beginning to its end.
#[derive(Debug)]
pub(super) struct Numbers<'a, T> {
    field: &'static str,
    rest: std::slice::Iter<'a, T>,
}

impl<'a, T: Copy> Numbers<'a, T> {
    /// Starts at the beginning.
    pub(super) fn new(field: &'static str, numbers: &'a [T]) -> Self {
        Self { field, rest: numbers.iter() }
    }

    /// Returns the next number.
    pub(super) fn number(&mut self) -> Result<T, DecodeError> {
        let next = self.rest.next().copied();
        next.ok_or_else(|| DecodeError::new(self.field, Reason::Short))
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        let given = self.rest.len();
        if given == 0 {
            return Ok(());
        }
        Err(DecodeError::new(self.field, Reason::Length { given, expected: 0 }))
    }
}

/// Slots of one account after the other: how many each has, and slot and value in turns.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    counts: Numbers<'a, u32>,
    words: Column<'a>,
}

impl<'a> Slots<'a> {
    /// Starts at the beginning.
    pub(super) fn new(counts: &'a [u32], words: &'a Bytes) -> Self {
        Self { counts: Numbers::new("slot_counts", counts), words: Column::new("slots", words) }
    }

    /// Returns the slots of the next account that has any.
    pub(super) fn of_account(&mut self) -> Result<Vec<(U256, U256)>, DecodeError> {
        let n_slots = self.counts.number()? as usize;
        if n_slots == 0 {
            return Err(DecodeError::new("slot_counts", Reason::Range { given: 0 }));
        }
        // Two words are two bytes at least: a count that lies reserves nothing.
        let mut slots = Vec::with_capacity(n_slots.min(self.words.rest.len() / 2));
        for _ in 0..n_slots {
            slots.push((self.words.word()?, self.words.word()?));
        }
        Ok(slots)
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        self.counts.end()?;
        self.words.end()
    }
}

/// Writes slots of one account after the other.
#[derive(Debug, Default)]
pub(super) struct SlotColumns {
    /// How many each account has that has any.
    pub(super) counts: Vec<u32>,
    /// Slot and value in turns.
    pub(super) words: Vec<u8>,
}

impl SlotColumns {
    /// Appends an account's slots and tells whether there were any.
    pub(super) fn put<'s>(
        &mut self,
        slots: impl ExactSizeIterator<Item = (&'s U256, &'s U256)>,
    ) -> bool {
        let n_slots = slots.len();
        if n_slots == 0 {
            return false;
        }
        self.counts.push(u32::try_from(n_slots).expect("an account's slots fit a message"));
        for (slot, value) in slots {
            put_word(&mut self.words, slot);
            put_word(&mut self.words, value);
        }
        true
    }
}
