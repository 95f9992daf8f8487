//! From what a user types to inputs.

use crate::{
    chain_file::{self, Content, GENESIS_NAME},
    collect::{Collector, Opened},
    error::InputError,
    input::Input,
    source,
    workload::{self, WORKLOAD_PREFIX, WorkloadSpec},
};
use std::path::Path;

/// Opens what a user names: a workload (`workload:NAME?…`), a folder, an archive, or a file. What
/// a file is, is told by its content; a chain needs a `genesis.json` in its folder. `progress`
/// hears of blocks that were made or read, of how many.
///
/// # Errors
/// If any part of it cannot be used: then nothing of it is. If it holds nothing but official tests
/// that evmesh does not run; among others they are left out, and [`open_listing`] says which.
pub fn open(spec: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Input>, InputError> {
    open_listing(spec, progress)?.into_inputs()
}

/// Opens what a user names, as [`open()`] does, and lists official tests that are not run.
///
/// # Errors
/// If any part of it cannot be used: then nothing of it is.
pub fn open_listing(spec: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Opened, InputError> {
    if spec.starts_with(WORKLOAD_PREFIX) {
        let parsed: WorkloadSpec =
            spec.parse().map_err(|source| InputError::Workload { at: spec.to_owned(), source })?;
        let inputs = vec![workload::seal(spec, workload::generate(&parsed), progress)?];
        return Ok(Opened { inputs, ..Opened::default() });
    }
    let mut collector = Collector::default();
    let path = Path::new(spec);
    source::visit(path, &mut |path, content| collector.take(path, content))?;
    if collector.lacks_genesis() && path.is_file() {
        let names = ["", ".gz", ".zst"].map(|packed| format!("{GENESIS_NAME}{packed}"));
        let beside = names.map(|name| path.with_file_name(name));
        for genesis in beside.iter().filter(|path| path.is_file()) {
            source::visit(genesis, &mut |path, content| collector.take(path, content))?;
        }
    }
    let opened = collector.finish(progress)?;
    if opened.inputs.is_empty() && opened.not_run.is_empty() {
        return Err(InputError::NoBlocks { at: spec.to_owned() });
    }
    Ok(opened)
}

/// Opens a chain, blocks as RLP one after the other, on the genesis of another file. `progress`
/// hears of blocks that were read, of how many.
///
/// # Errors
/// If one of the files cannot be used, or the chain does not begin with that genesis.
pub fn open_chain(
    chain: &Path,
    genesis: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Input, InputError> {
    chain_file::read(only_file(chain)?, &only_file(genesis)?, progress)
}

/// Reads the one file that a path names; it may be packed.
fn only_file(path: &Path) -> Result<Content, InputError> {
    let at = || path.to_string_lossy().into_owned();
    let mut found = None;
    source::visit(path, &mut |name, content| {
        let bytes = source::read_whole(name, content)?;
        match found.replace(Content { path: name.to_owned(), bytes }) {
            Some(_) => Err(InputError::TooMuch { at: at(), max: 1, unit: "file" }),
            None => Ok(()),
        }
    })?;
    found.ok_or_else(|| InputError::NoBlocks { at: at() })
}
