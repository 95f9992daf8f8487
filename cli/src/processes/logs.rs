//! The folder of the processes' logs.

use crate::failure::Failure;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Bytes of a log's end that are looked at for its last lines.
const TAIL_BYTES: usize = 4_096;

/// A folder of logs; one that nobody asked for is gone when dropped, unless it is kept.
#[derive(Debug)]
pub enum LogFolder {
    /// Somebody wants it there.
    Given(PathBuf),
    /// It is this run's own.
    Own(TempDir),
}

impl LogFolder {
    pub(super) fn new(given: Option<&Path>) -> Result<Self, Failure> {
        match given {
            Some(path) => fs::create_dir_all(path).map(|()| Self::Given(path.to_owned())),
            None => tempfile::Builder::new().prefix("evmesh-").tempdir().map(Self::Own),
        }
        .map_err(|error| Failure::output(error, "the folder of the processes' logs"))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Own(folder) => folder.path(),
        }
    }

    pub(super) fn keep(&mut self) {
        if let Self::Own(folder) = self {
            folder.disable_cleanup(true);
        }
    }
}

/// Returns the last line of a log that says anything.
pub(super) fn last_line(path: &Path) -> io::Result<Option<String>> {
    let bytes = fs::read(path)?;
    let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    let text = String::from_utf8_lossy(tail);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Ok(last.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_asked_for_is_gone_unless_it_is_kept() {
        let gone = LogFolder::new(None).unwrap();
        let gone_path = gone.path().to_owned();
        let mut kept = LogFolder::new(None).unwrap();
        let kept_path = kept.path().to_owned();

        kept.keep();
        drop((gone, kept));

        assert!(!gone_path.exists());
        assert!(kept_path.exists());
        fs::remove_dir(kept_path).unwrap();
    }

    #[test]
    fn the_last_line_is_the_last_that_says_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "first\nlast \n\n").unwrap();

        assert_eq!(last_line(&path).unwrap().as_deref(), Some("last"));
        fs::write(&path, "").unwrap();
        assert_eq!(last_line(&path).unwrap(), None);
    }
}
