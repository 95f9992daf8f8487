//! Where files come from: folders and archives, recognised by their content.

mod archive;
mod folder;

pub(crate) use folder::visit;

use crate::error::InputError;
use std::{io::Read, ops::ControlFlow, path::Path};

/// Most bytes of one file, once it is unpacked.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;

/// What is done with each file: its path with slashes, and its unpacked content. A file that is
/// not read costs little.
pub(crate) type Take<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<(), InputError> + 'a;

/// Reads a file to its end.
pub(crate) fn read_whole(path: &str, content: &mut dyn Read) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let n_bytes = content
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::io(path, source))?;
    if n_bytes as u64 > FILE_BYTES_MAX {
        let at = path.to_owned();
        return Err(InputError::TooMuch { at, max: FILE_BYTES_MAX, unit: "bytes" });
    }
    Ok(bytes)
}

/// Reads every file of a folder, of an archive (tar, tar.gz, tar.zst), or one file, packed or not,
/// and hands it over with its path until `take` breaks off. Folders are read in the order of
/// names, archives in their own.
///
/// # Errors
/// If something cannot be read; what was handed over before that stays so.
pub fn visit_files(
    path: &Path,
    take: &mut dyn FnMut(&str, Vec<u8>) -> ControlFlow<()>,
) -> Result<(), InputError> {
    let mut goes_on = true;
    visit(path, &mut |name, content| {
        if goes_on {
            goes_on = take(name, read_whole(name, content)?).is_continue();
        }
        Ok(())
    })
}
