//! Values that a JSON file writes as text: numbers, hashes and bytes in hex.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde::Deserialize;
use std::{
    borrow::{Borrow, Cow},
    fmt,
};

/// Most digits of a number; leading zeroes count.
const DIGITS_MAX: usize = 64;

/// A JSON string, borrowed from the file where it has no escapes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a number: `0x` and up to 64 digits, of which the first may be zeroes.
    pub(crate) fn number(&self) -> Result<U256, String> {
        let digits = self.digits()?;
        if digits.is_empty() || digits.len() > DIGITS_MAX {
            return Err(format!("`{self}` does not have 1 to {DIGITS_MAX} digits"));
        }
        let mut bytes = [0_u8; 32];
        let mut place = bytes.len() * 2;
        for digit in digits.bytes().rev() {
            place -= 1;
            let value = nibble(digit).ok_or_else(|| format!("`{self}` is not a hex number"))?;
            bytes[place / 2] |= if place % 2 == 1 { value } else { value << 4 };
        }
        Ok(U256::from_be_bytes(bytes))
    }

    /// Reads a number below 2^64.
    pub(crate) fn small_number(&self) -> Result<u64, String> {
        self.number()?.try_into().map_err(|_| format!("`{self}` does not fit 64 bits"))
    }

    /// Reads bytes: `0x` and an even number of digits.
    pub(crate) fn bytes(&self) -> Result<Bytes, String> {
        let digits = self.digits()?;
        hex::decode(digits).map(Bytes::from).map_err(|error| format!("it is no hex: {error}"))
    }

    /// Reads a hash of 32 bytes.
    pub(crate) fn hash(&self) -> Result<B256, String> {
        self.fixed().map(B256::new)
    }

    /// Reads an address.
    pub(crate) fn address(&self) -> Result<Address, String> {
        self.fixed().map(Address::new)
    }

    fn fixed<const N: usize>(&self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        match hex::decode_to_slice(self.digits()?, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(format!("it is not {N} bytes of hex: {error}")),
        }
    }

    fn digits(&self) -> Result<&str, String> {
        self.0.strip_prefix("0x").ok_or_else(|| format!("`{self}` does not begin with 0x"))
    }
}

/// Most characters of a text that a message repeats.
const SHOWN_MAX: usize = 80;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
