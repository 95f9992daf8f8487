//! Folders, and the files in them.

use super::{Take, archive};
use crate::error::InputError;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// How deep folders may lie in folders.
const DEPTH_MAX: u32 = 16;

/// Reads a folder with everything in it, or a file, which may be an archive.
pub(crate) fn visit(path: &Path, take: &mut Take<'_>) -> Result<(), InputError> {
    visit_at_depth(path, 0, take)
}

fn visit_at_depth(path: &Path, depth: u32, take: &mut Take<'_>) -> Result<(), InputError> {
    let name = name_of(path);
    let metadata = fs::metadata(path).map_err(|source| InputError::io(&name, source))?;
    if metadata.is_dir() {
        if depth > DEPTH_MAX {
            let max = u64::from(DEPTH_MAX);
            return Err(InputError::TooMuch { at: name, max, unit: "folders in each other" });
        }
        let inside = sorted_entries(path)?;
        return inside.iter().try_for_each(|entry| visit_at_depth(entry, depth + 1, take));
    }
    if !metadata.is_file() {
        return Ok(());
    }
    let mut file = File::open(path).map_err(|source| InputError::io(&name, source))?;
    archive::visit(&name, &mut file, take)
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
