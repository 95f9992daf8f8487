//! Where files come from: folders and archives, recognised by their content.

mod archive;
mod folder;

pub(crate) use folder::read_path;

use crate::{
    error::InputError,
    prestate::{Collector, PrestateFile},
};
use std::io::Read;

/// Most bytes of one file.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Reads one file of a block's folder, if its name says that it is one. `path` has slashes.
fn take_file(collector: &mut Collector, path: &str, content: impl Read) -> Result<(), InputError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let Some(file) = PrestateFile::of(name) else { return Ok(()) };
    let mut json = Vec::new();
    let n_bytes = content
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut json)
        .map_err(|source| InputError::io(path, source))?;
    if n_bytes as u64 > FILE_BYTES_MAX {
        let at = path.to_owned();
        return Err(InputError::TooMuch { at, max: FILE_BYTES_MAX, unit: "bytes" });
    }
    collector.add(folder, file, path, &json)
}
