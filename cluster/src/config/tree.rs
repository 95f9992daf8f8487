//! What was set, before it is known what it should be: a tree of tables whose leaves know their origin.

use std::collections::BTreeMap;

use super::error::{ConfigError, Origin};

/// The keys of one level, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<String, Value>,
}

/// What one key was set to.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Further keys.
    Table(Table),
    /// A value that the file gave a type; lists and what is in them are not merged.
    Typed(toml::Value, Origin),
    /// Text from the environment or a flag, to be read as what the field is.
    Text(String, Origin),
}

impl Value {
    /// Returns where the value was set; for a table, its first leaf.
    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Table(table) => table.entries.values().find_map(Self::origin),
            Self::Typed(_, origin) | Self::Text(_, origin) => Some(origin),
        }
    }
}

impl Table {
    pub(super) fn from_file(table: toml::Table, origin: &Origin) -> Self {
        let entries = table.into_iter().map(|(key, value)| {
            let value = match value {
                toml::Value::Table(inner) => Value::Table(Self::from_file(inner, origin)),
                leaf => Value::Typed(leaf, origin.clone()),
            };
            (key, value)
        });
        Self { entries: entries.collect() }
    }

    /// Sets the key at `path` to a text, over what was there.
    pub(super) fn set(
        &mut self,
        path: &[String],
        text: String,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        let (last, parents) = path.split_last().expect("splitting a text gives at least one part");
        let mut table = self;
        for (depth, key) in parents.iter().enumerate() {
            let inner =
                table.entries.entry(key.clone()).or_insert_with(|| Value::Table(Self::default()));
            table = match inner {
                Value::Table(inner) => inner,
                leaf => return Err(conflict(&path[..=depth], leaf.origin(), origin)),
            };
        }
        if let Some(Value::Table(inner)) = table.entries.get(last) {
            let below = inner.entries.values().find_map(Value::origin);
            return Err(conflict(path, below, origin));
        }
        table.entries.insert(last.clone(), Value::Text(text, origin.clone()));
        Ok(())
    }
}

fn conflict(path: &[String], earlier: Option<&Origin>, later: &Origin) -> ConfigError {
    let earlier = earlier.map_or_else(|| "another place".to_owned(), ToString::to_string);
    ConfigError::Value {
        key: path.join("."),
        origin: Some(later.clone()),
        reason: format!("is a value in one place and a table in the other ({earlier})"),
    }
}
