//! The cases of an archive, read as a stream.

use super::Selection;
use inputs::{
    Input,
    blockchain_tests::{self, Case, NotRun},
    visit_files,
};
use serde::{Deserialize, de::IgnoredAny};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path, sync::mpsc::SyncSender};

/// A file of cases.
#[derive(Debug)]
pub(super) struct File {
    /// Its path in the corpus.
    pub(super) path: String,
    /// The JSON.
    pub(super) json: Vec<u8>,
}

/// A case that is named in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The file.
    pub file: String,
    /// Its name in the file.
    pub case: String,
}

/// What is read of a case to know that it is there.
#[derive(Debug, Deserialize)]
struct Named {
    network: Option<String>,
}

/// A case as it was read.
pub(super) enum Read {
    /// It can be run, by the rules that are named.
    Ready(String, Box<Input>),
    /// It is not run by a rule.
    NotRun(NotRun),
    /// It cannot be read.
    NotLoadable(String),
}

/// Sends the files of a corpus, until nobody takes them any more.
///
/// # Errors
/// If the corpus cannot be read.
pub(super) fn send_files(corpus: &Path, files: &SyncSender<File>) -> anyhow::Result<()> {
    let root = format!("{}/", corpus.display());
    visit_files(corpus, &mut |path, json| {
        if !json.trim_ascii_start().starts_with(b"{") {
            return ControlFlow::Continue(());
        }
        let path = path.strip_prefix(&root).unwrap_or(path).to_owned();
        match files.send(File { path, json }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    Ok(())
}

/// Lists what a file names, with the network of each; a file that holds no cases has none.
pub(super) fn names(json: &[u8]) -> Vec<(String, Option<String>)> {
    let named = serde_json::from_slice::<BTreeMap<String, Named>>(json);
    let named = named.map(|cases| cases.into_iter().map(|(name, it)| (name, it.network)).collect());
    named.or_else(|_| only_names(json)).unwrap_or_default()
}

fn only_names(json: &[u8]) -> serde_json::Result<Vec<(String, Option<String>)>> {
    let names = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(json)?;
    Ok(names.into_keys().map(|name| (name, None)).collect())
}

/// Reads the selected cases of a file one by one. A file that cannot be read at all is told once for
/// each case that it names.
///
/// # Errors
/// If `take` gives up.
pub(super) fn read_cases(
    file: &File,
    selection: &Selection,
    take: &mut dyn FnMut(&str, Read) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let is_wanted = |case: &str| selection.wants(&file.path, case);
    let cases = match blockchain_tests::wanted_cases(&file.path, &file.json, is_wanted) {
        Ok(cases) => cases,
        Err(error) => {
            let reason = error.to_string();
            for (name, _) in names(&file.json).iter().filter(|(name, _)| is_wanted(name)) {
                take(name, Read::NotLoadable(reason.clone()))?;
            }
            return Ok(());
        }
    };
    for (name, case) in cases {
        let read = match case {
            Ok(Case { input: Err(rule), .. }) => Read::NotRun(rule),
            Ok(Case { input: Ok(input), network, .. }) => Read::Ready(network, Box::new(input)),
            Err(error) => Read::NotLoadable(error.to_string()),
        };
        take(&name, read)?;
    }
    Ok(())
}
