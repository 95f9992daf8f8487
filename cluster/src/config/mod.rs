//! Configuration, read once: defaults, then a TOML file, then `EVMESH_…`, then flags; the later wins.
//!
//! Each process defines its own struct with `#[serde(deny_unknown_fields, default)]` and loads it with
//! a [`Loader`]. A key is written `dispatch.timeout` in the file and as a flag's path, and
//! `EVMESH_DISPATCH__TIMEOUT` in the environment. Values from the environment and from flags are text
//! and are read as what the struct's field is: a number, `true`, a duration, a comma-separated list.

mod error;
#[cfg(test)]
pub(crate) mod page;
mod text;
mod tree;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use error::{ConfigError, Origin};
use tree::Table;

/// What the name of every environment variable begins with.
const PREFIX: &str = "EVMESH_";

/// Variables with the prefix that are no configuration: where tests find real data.
const NOT_CONFIGURATION: [&str; 1] = ["EVMESH_DATA"];

/// Collects the places a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    file: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
    flags: Vec<(String, String)>,
}

impl Loader {
    /// Makes a loader that knows the defaults only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a TOML file, which must be there.
    #[must_use]
    pub fn file(mut self, path: Option<&Path>) -> Self {
        self.file = path.map(Path::to_owned);
        self
    }

    /// Adds the environment of this process.
    #[must_use]
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds environment variables; those without the prefix are passed over.
    #[must_use]
    pub fn variables(
        mut self,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        self.variables
            .extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Adds a flag for a key such as `dispatch.timeout`, if it was given.
    #[must_use]
    pub fn flag(mut self, key: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.flags.push((key.to_owned(), value.to_string()));
        }
        self
    }

    /// Merges everything and reads it into `T`.
    ///
    /// # Errors
    /// If the file cannot be read, or a key is unknown, missing or not of its type; the error says
    /// which key, where it was set, and what to do.
    pub fn load<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        let mut merged = match &self.file {
            Some(path) => table_of_file(path)?,
            None => Table::default(),
        };
        for (name, value) in self.variables {
            let Some((path, text)) = key_of_variable(&name, value)? else { continue };
            merged.set(&path, text, &Origin::Variable(name.to_string_lossy().into_owned()))?;
        }
        for (key, text) in self.flags {
            let path: Vec<_> = key.split('.').map(str::to_owned).collect();
            merged.set(&path, text, &Origin::Flag(flag_name(&key)))?;
        }
        text::read(merged).map_err(Into::into)
    }
}

fn table_of_file(path: &Path) -> Result<Table, ConfigError> {
    let unreadable = |reason| ConfigError::Unreadable { file: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
        ConfigError::Syntax { file: path.to_owned(), line, reason: error.message().to_owned() }
    })?;
    Ok(Table::from_file(table, &Origin::File(path.to_owned())))
}

/// Splits `EVMESH_DISPATCH__TIMEOUT` into `dispatch` and `timeout`; `None` for a variable of others.
fn key_of_variable(
    name: &OsString,
    value: OsString,
) -> Result<Option<(Vec<String>, String)>, ConfigError> {
    let Some(known) = name.to_str().filter(|name| !NOT_CONFIGURATION.contains(name)) else {
        return Ok(None);
    };
    let Some(key) = known.strip_prefix(PREFIX) else { return Ok(None) };
    let path = key.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    match value.into_string() {
        Ok(text) => Ok(Some((path, text))),
        Err(_) => Err(ConfigError::NotUnicode { variable: known.to_owned() }),
    }
}

/// Says how a key is spelled in the environment.
fn variable_name(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_ascii_uppercase())
}

/// Says how a key is spelled on the command line: its last word, with hyphens.
fn flag_name(key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    format!("--{}", last.replace('_', "-"))
}

#[cfg(test)]
mod tests;
