//! What can be wrong with a configuration, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::variable_name;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A TOML file.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
    /// A flag of the command line, by its name.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or may not be read.
    #[error("the configuration file cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file is not TOML: {reason}")]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1, if the parser knows it.
        line: Option<usize>,
        /// What the parser said.
        reason: String,
    },
    /// An environment variable is not Unicode.
    #[error("{variable} is not Unicode text")]
    NotUnicode {
        /// Its name.
        variable: String,
    },
    /// A key is unknown, missing, or not of its type.
    #[error("{key}: {reason}")]
    Value {
        /// The key, as the file spells it.
        key: String,
        /// Where it was set; `None` if nowhere.
        origin: Option<Origin>,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigError {
    /// Says where to look.
    #[must_use]
    pub fn at(&self) -> String {
        match self {
            Self::Unreadable { file, .. } | Self::Syntax { file, line: None, .. } => {
                Origin::File(file.clone()).to_string()
            }
            Self::Syntax { file, line: Some(line), .. } => {
                format!("{}, line {line}", Origin::File(file.clone()))
            }
            Self::NotUnicode { variable } => Origin::Variable(variable.clone()).to_string(),
            Self::Value { origin: Some(origin), .. } => origin.to_string(),
            Self::Value { origin: None, .. } => "no file, environment variable or flag".to_owned(),
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => "name a file that this user may read".to_owned(),
            Self::Syntax { .. } => "correct the line".to_owned(),
            Self::NotUnicode { variable } => format!("unset {variable} or give it a text"),
            Self::Value { key, origin: None, .. } => {
                let path: Vec<_> = key.split('.').map(str::to_owned).collect();
                format!("set {key} in the file, or {} in the environment", variable_name(&path))
            }
            Self::Value { key, origin: Some(origin), .. } => match origin {
                Origin::File(_) => format!("correct or remove {key} in the file"),
                Origin::Variable(name) => format!("correct {name}, or unset it"),
                Origin::Flag(name) => format!("correct {name}, or leave it out"),
            },
        }
    }
}
