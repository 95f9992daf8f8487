//! Which cases of a corpus are run.

use super::corpus::{Listed, names, send_files};
use alloy_primitives::{B256, Keccak256};
use inputs::blockchain_tests::rule_against;
use std::{collections::BTreeSet, path::Path, sync::mpsc, thread};

/// Files that wait to be looked at.
const FILES_WAITING_MAX: usize = 8;

/// Which cases are run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Part of the file's path or of the case's name.
    filter: Option<String>,
    /// These cases, and no others.
    only: Option<BTreeSet<Listed>>,
}

impl Selection {
    /// Selects cases whose file or name contains a text.
    #[must_use]
    pub fn filter(self, text: Option<String>) -> Self {
        Self { filter: text, ..self }
    }

    /// Selects these cases.
    pub const fn only(cases: BTreeSet<Listed>) -> Self {
        Self { filter: None, only: Some(cases) }
    }

    /// Selects so many of the cases that can be run, by chance.
    ///
    /// # Errors
    /// If the corpus cannot be read.
    pub fn by_chance(self, corpus: &Path, n_cases: usize, seed: u64) -> anyhow::Result<Self> {
        let mut listed: Vec<_> = list(corpus)?
            .into_iter()
            .filter(|case| self.wants(&case.file, &case.case))
            .map(|case| (lot(seed, &case), case))
            .collect();
        listed.sort_unstable();
        listed.truncate(n_cases);
        let only = listed.into_iter().map(|(_, case)| case).collect();
        Ok(Self { only: Some(only), ..self })
    }

    /// Tells whether a case is selected.
    pub(super) fn wants(&self, file: &str, case: &str) -> bool {
        let passes = |text: &String| file.contains(text.as_str()) || case.contains(text.as_str());
        let listed = || Listed { file: file.to_owned(), case: case.to_owned() };
        self.filter.as_ref().is_none_or(passes)
            && self.only.as_ref().is_none_or(|only| only.contains(&listed()))
    }

    /// Tells whether cases of a file may be selected.
    pub(super) fn wants_file(&self, file: &str) -> bool {
        let first = Listed { file: file.to_owned(), case: String::new() };
        let has =
            |only: &BTreeSet<Listed>| only.range(first..).next().is_some_and(|it| it.file == file);
        self.only.as_ref().is_none_or(has)
    }

    /// Returns how many cases are selected, if that is known.
    pub(super) fn len(&self) -> Option<usize> {
        self.only.as_ref().map(BTreeSet::len)
    }
}

/// Returns a case's lot.
pub(super) fn lot(seed: u64, case: &Listed) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(seed.to_be_bytes());
    hasher.update(&case.file);
    hasher.update(b"#");
    hasher.update(&case.case);
    hasher.finalize()
}

/// Lists the cases of a corpus that no rule keeps from being run.
///
/// # Errors
/// If the corpus cannot be read.
pub fn list(corpus: &Path) -> anyhow::Result<Vec<Listed>> {
    thread::scope(|scope| {
        let (files, waiting) = mpsc::sync_channel(FILES_WAITING_MAX);
        let reader = scope.spawn(move || send_files(corpus, &files));
        let mut listed = Vec::new();
        for file in waiting {
            let runs = |network: &Option<String>| {
                network.as_deref().is_none_or(|network| rule_against(network).is_none())
            };
            let cases = names(&file.json).into_iter().filter(|(_, network)| runs(network));
            listed.extend(cases.map(|(case, _)| Listed { file: file.path.clone(), case }));
        }
        reader.join().map_err(|_| anyhow::anyhow!("reading the corpus panicked"))??;
        Ok(listed)
    })
}
