//! Reads the merged tree into a struct: text becomes whatever the field asks for, and an error carries
//! the key and the place where it was set.

use std::collections::btree_map::IntoIter;
use std::fmt;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _,
    IntoDeserializer, MapAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{ConfigError, Origin};
use super::tree::{Table, Value};

/// Reads `table` into `T`.
pub(super) fn read<T: DeserializeOwned>(table: Table) -> Result<T, Fault> {
    T::deserialize(Value::Table(table))
}

/// What went wrong, and the way from the root to the key, which fills on the way up.
#[derive(Debug)]
pub(super) struct Fault {
    reason: String,
    /// Innermost key first.
    keys: Vec<String>,
    origin: Option<Origin>,
}

impl Fault {
    fn below(mut self, key: &str, origin: Option<&Origin>) -> Self {
        if self.keys.is_empty() {
            self.origin = origin.cloned();
        }
        self.keys.push(key.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self { reason: reason.to_string(), keys: Vec::new(), origin: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { keys: vec![field.to_owned()], ..Self::custom("has no default and is not set") }
    }
}

impl From<Fault> for ConfigError {
    fn from(mut fault: Fault) -> Self {
        fault.keys.reverse();
        Self::Value { key: fault.keys.join("."), origin: fault.origin, reason: fault.reason }
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Methods that parse the text as a number or a truth value, and otherwise ask what the file says.
macro_rules! read_text_as {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self {
                Self::Text(text, _) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(Fault::invalid_value(Unexpected::Str(&text), &$expected)),
                },
                other => other.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Table(table) => visitor.visit_map(Keys::new(table)),
            Self::Typed(value, _) => value.deserialize_any(visitor).map_err(Fault::from_toml),
            Self::Text(text, _) => visitor.visit_string(text),
        }
    }

    read_text_as! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number of 32 bits, not negative";
        deserialize_u64 visit_u64 u64, "a whole number of 64 bits, not negative";
        deserialize_i32 visit_i32 i32, "a whole number of 32 bits";
        deserialize_i64 visit_i64 i64, "a whole number of 64 bits";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Text(text, origin) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let items = parts.map(|part| Self::Text(part.to_owned(), origin.clone()));
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Self::Text(text, _) => visitor.visit_enum(UnitVariant(&text)),
            Self::Typed(value, _) => {
                value.deserialize_enum(name, variants, visitor).map_err(Fault::from_toml)
            }
            Self::Table(_) => Err(Fault::invalid_type(Unexpected::Map, &visitor)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

impl Fault {
    fn from_toml(error: toml::de::Error) -> Self {
        Self::custom(error.message())
    }
}

/// Hands out the keys of a table and notes key and origin in what goes wrong below.
struct Keys {
    entries: IntoIter<String, Value>,
    pending: Option<(String, Value)>,
}

impl Keys {
    fn new(table: Table) -> Self {
        Self { entries: table.entries.into_iter(), pending: None }
    }
}

impl<'de> MapAccess<'de> for Keys {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let name: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        let read = seed.deserialize(name).map_err(|fault| fault.below(&key, value.origin()))?;
        self.pending = Some((key, value));
        Ok(Some(read))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (key, value) = self.pending.take().expect("serde asks for a value after its key");
        let origin = value.origin().cloned();
        seed.deserialize(value).map_err(|fault| fault.below(&key, origin.as_ref()))
    }
}

/// A variant without fields, named by a text.
struct UnitVariant<'a>(&'a str);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl UnitVariant<'_> {
    fn has_fields<T>(&self) -> Result<T, Fault> {
        Err(Fault::custom(format!("`{}` has fields and can only be set in the file", self.0)))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, Fault> {
        self.has_fields()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, Fault> {
        self.has_fields()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Fault> {
        self.has_fields()
    }
}
