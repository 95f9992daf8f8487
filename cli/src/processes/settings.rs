//! What the processes are told beside their addresses: the settings of `evmesh` that are theirs.

use super::Role;
use crate::failure::Failure;
use std::{
    ffi::{OsStr, OsString},
    fs,
    path::Path,
};

/// What the name of every variable that is a setting begins with.
const PREFIX: &str = "EVMESH_";

/// The table that every process has.
const TELEMETRY: &str = "telemetry";

/// Settings that are handed on. Each process is told its role's table and `telemetry`: it refuses
/// what it does not know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    file: toml::Table,
    variables: Vec<(OsString, OsString)>,
    otlp: Option<String>,
    log: Option<String>,
}

impl Settings {
    /// Takes settings from where `evmesh` has them.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn new(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Failure> {
        let file = match file {
            None => toml::Table::new(),
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| refused(&error, path))?;
                text.parse().map_err(|error: toml::de::Error| refused(&error.message(), path))?
            }
        };
        let is_setting = |name: &OsStr| name.to_string_lossy().starts_with(PREFIX);
        let variables = variables.into_iter().filter(|(name, _)| is_setting(name)).collect();
        Ok(Self { file, variables, otlp: None, log: None })
    }

    /// Adds settings as a file has them; those that are there stay.
    ///
    /// # Panics
    /// If the text is not TOML.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        let more: toml::Table = text.parse().expect("settings in the code are TOML");
        for (key, value) in more {
            self.file.entry(key).or_insert(value);
        }
        self
    }

    /// Sets a setting by the name of its variable, whatever was said of it before.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
    }

    /// Sends spans to this collector.
    #[must_use]
    pub fn otlp(self, url: Option<String>) -> Self {
        Self { otlp: url, ..self }
    }

    /// Logs what this filter lets through.
    #[must_use]
    pub fn log(self, filter: Option<String>) -> Self {
        Self { log: filter, ..self }
    }

    /// Returns the file of a role; nothing if nothing is set.
    pub(super) fn file_of(&self, role: Role) -> Option<String> {
        let wanted = [TELEMETRY, role.table()];
        let file: toml::Table = wanted
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.file.get(*name)?.clone())))
            .collect();
        (!file.is_empty()).then(|| file.to_string())
    }

    /// Returns the variables of a role.
    pub(super) fn variables_of(&self, role: Role) -> impl Iterator<Item = &(OsString, OsString)> {
        let of = |table: &str| format!("{PREFIX}{}__", table.to_uppercase());
        let wanted = [of(TELEMETRY), of(role.table())];
        self.variables.iter().filter(move |(name, _)| {
            let name = name.to_string_lossy();
            wanted.iter().any(|prefix| name.starts_with(prefix))
        })
    }

    /// Returns the flags that every process takes.
    pub(super) fn flags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let flags = [("--otlp", &self.otlp), ("--log", &self.log)];
        flags.into_iter().filter_map(|(flag, value)| Some((flag, value.as_deref()?)))
    }
}

fn refused(reason: &dyn std::fmt::Display, path: &Path) -> Failure {
    Failure::usage(reason, path.display(), "correct the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_what_is_its_own_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evmesh.toml");
        fs::write(
            &path,
            "[sandbox]\nworkers = 2\n[worker]\ncache = 7\n[telemetry]\nfilter = \"warn\"\n",
        )
        .unwrap();
        let variables =
            ["EVMESH_WORKER__X", "EVMESH_RUN__SEED", "EVMESH_TELEMETRY__FILTER", "PATH"]
                .map(|name| (OsString::from(name), OsString::from("1")));
        let settings = Settings::new(Some(&path), variables)
            .unwrap()
            .with_text("[state]\ny = 1\n[worker]\ncache = 9\n")
            .log(Some("debug".to_owned()));

        let worker = settings.file_of(Role::Worker).unwrap();
        assert!(worker.contains("cache = 7") && worker.contains("filter = \"warn\""), "{worker}");
        assert!(!worker.contains("workers") && !worker.contains("[state]"), "{worker}");
        assert!(settings.file_of(Role::State).unwrap().contains("y = 1"));
        let names = |role| {
            let of_role = settings.variables_of(role).map(|(name, _)| name.to_str().unwrap());
            of_role.collect::<Vec<_>>()
        };
        assert_eq!(names(Role::Worker), ["EVMESH_WORKER__X", "EVMESH_TELEMETRY__FILTER"]);
        assert_eq!(names(Role::Coordinator), ["EVMESH_TELEMETRY__FILTER"]);
        assert_eq!(settings.flags().collect::<Vec<_>>(), [("--log", "debug")]);
        assert_eq!(Settings::default().file_of(Role::State), None);
    }
}
