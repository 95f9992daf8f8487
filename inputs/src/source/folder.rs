//! Folders, and the files in them.

use super::{archive, take_file};
use crate::{
    error::InputError,
    prestate::{Collector, PrestateFile},
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// How deep folders may lie in folders.
const DEPTH_MAX: u32 = 16;

/// Reads a folder with everything in it, or a file: one of a block's own files, or an archive.
pub(crate) fn read_path(collector: &mut Collector, path: &Path) -> Result<(), InputError> {
    read_at_depth(collector, path, 0)
}

fn read_at_depth(collector: &mut Collector, path: &Path, depth: u32) -> Result<(), InputError> {
    let name = name_of(path);
    let metadata = fs::metadata(path).map_err(|source| InputError::io(&name, source))?;
    if metadata.is_dir() {
        if depth > DEPTH_MAX {
            let max = u64::from(DEPTH_MAX);
            return Err(InputError::TooMuch { at: name, max, unit: "folders in each other" });
        }
        let inside = sorted_entries(path)?;
        return inside.iter().try_for_each(|entry| read_at_depth(collector, entry, depth + 1));
    }
    if !metadata.is_file() {
        return Ok(());
    }
    let open = || File::open(path).map_err(|source| InputError::io(&name, source));
    let is_own = path.file_name().and_then(|name| PrestateFile::of(name.to_str()?)).is_some();
    if is_own {
        take_file(collector, &name, open()?)
    } else {
        archive::read(collector, &name, open()?)
    }
}

/// Sorted, so that the same folder gives the same first error everywhere.
fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let io = |source| InputError::io(name_of(folder), source);
    let entries = fs::read_dir(folder).map_err(io)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io)?;
    paths.sort_unstable();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
