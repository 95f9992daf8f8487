//! From what a user types to inputs.

use crate::{
    error::InputError,
    input::Input,
    prestate::Collector,
    source,
    workload::{self, WORKLOAD_PREFIX, WorkloadSpec},
};
use std::path::Path;

/// Opens what a user names: a workload (`workload:NAME?…`), a folder, or an archive. What a file
/// is, is told by its content. `progress` hears of blocks that were made, of how many.
///
/// # Errors
/// If any part of it cannot be used: then nothing of it is.
pub fn open(spec: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Input>, InputError> {
    if spec.starts_with(WORKLOAD_PREFIX) {
        let parsed: WorkloadSpec =
            spec.parse().map_err(|source| InputError::Workload { at: spec.to_owned(), source })?;
        return Ok(vec![workload::seal(spec, workload::generate(&parsed), progress)?]);
    }
    let mut collector = Collector::default();
    source::read_path(&mut collector, Path::new(spec))?;
    let inputs = collector.finish()?;
    if inputs.is_empty() {
        return Err(InputError::NoBlocks { at: spec.to_owned() });
    }
    Ok(inputs)
}
