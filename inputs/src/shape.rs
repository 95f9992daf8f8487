//! What a JSON file is, told by the fields that are there.

use crate::{error::InputError, text::Text};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use std::{
    fmt,
    io::{self, Cursor, Read},
};

/// What a JSON file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ethereum's official blockchain tests.
    BlockchainTests,
    /// Ethereum's official tests of the engine API.
    EngineTests,
    /// A block with the nodes of the state that it touches.
    Witness,
    /// Something else.
    Other,
}

/// Bytes that are looked at to tell files apart.
const HEAD_BYTES: u64 = 64;
/// First byte of an RLP list that has more than 55 bytes.
const LONG_LIST: u8 = 0xf8;
/// First byte of a list of 256 to 65,535 bytes, as a block's header is.
const HEADER_LIST: u8 = 0xf9;

/// What a file's first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A JSON object.
    Json,
    /// Blocks as RLP.
    Chain,
    /// Something else.
    Other,
}

/// Tells what a file is, and gives the whole content back with the answer.
pub(crate) fn kind(content: &mut dyn Read) -> io::Result<(Kind, impl Read)> {
    let mut head = Vec::new();
    content.take(HEAD_BYTES).read_to_end(&mut head)?;
    let kind = if head.trim_ascii_start().starts_with(b"{") {
        Kind::Json
    } else if begins_with_block(&head) {
        Kind::Chain
    } else {
        Kind::Other
    };
    Ok((kind, Cursor::new(head).chain(content)))
}

/// A block is a list that begins with a header.
fn begins_with_block(head: &[u8]) -> bool {
    let Some(n_length_bytes) = head.first().and_then(|first| first.checked_sub(LONG_LIST)) else {
        return false;
    };
    head.get(2 + usize::from(n_length_bytes)) == Some(&HEADER_LIST)
}

/// Tells what a JSON file is. It is read as far as that takes.
pub(crate) fn of(at: &str, json: &[u8]) -> Result<Shape, InputError> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let end = Look { found: &mut found, depth: 0 }.deserialize(&mut deserializer);
    match (found, end) {
        (Some(shape), _) => Ok(shape),
        (None, Ok(())) => Ok(Shape::Other),
        (None, Err(error)) => Err(InputError::json(at, &error)),
    }
}

/// Looks through an object for a field that decides. It ends with an error as soon as there is
/// one, so that the rest is not read.
struct Look<'a> {
    found: &'a mut Option<Shape>,
    /// 0 in the file's own object, 1 in the objects that lie in it.
    depth: u32,
}

/// Returns what a field at a depth decides.
fn decides(depth: u32, field: &str) -> Option<Shape> {
    match (depth, field) {
        (0, "block_rlp") => Some(Shape::Witness),
        (1, "engineNewPayloads") => Some(Shape::EngineTests),
        (1, "genesisRLP" | "blocks") => Some(Shape::BlockchainTests),
        _ => None,
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.depth {
            0 | 1 => deserializer.deserialize_any(self),
            _ => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ()),
        }
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key::<Text<'de>>()? {
            if let Some(shape) = decides(self.depth, field.as_str()) {
                *self.found = Some(shape);
                return Err(A::Error::custom("decided"));
            }
            map.next_value_seed(Look { found: &mut *self.found, depth: self.depth + 1 })?;
        }
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| ())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
