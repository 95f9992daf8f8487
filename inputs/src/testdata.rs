//! Real data for tests, found by the environment variable `EVMESH_DATA`.
//!
//! If it is not set, the test that asks is skipped with one line; if it is set, the data has to be
//! readable, or the test fails.

use crate::{Input, open};
use std::{env, io::Write, path::PathBuf};

/// Returns the folder with real data, or says that `test` is skipped.
pub fn folder(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("EVMESH_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if folder.is_none() {
        // Past the capture of the test harness, which would swallow the line.
        let line = format!("skipped: {test} (EVMESH_DATA is not set)\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    }
    folder
}

/// Returns the real mainnet blocks with their pre-state, in ascending order.
///
/// # Panics
/// If `EVMESH_DATA` is set and they cannot be read.
pub fn mainnet_blocks(test: &str) -> Option<Vec<Input>> {
    let folder = folder(test)?.join("mainnet_prestate");
    let spec = folder.to_str().expect("EVMESH_DATA is UTF-8");
    match open(spec, &mut |_, _| {}) {
        Ok(inputs) => Some(inputs),
        Err(error) => panic!("EVMESH_DATA cannot be used: {error}, at {}", error.at()),
    }
}
