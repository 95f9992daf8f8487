//! From what a user types to inputs.

use crate::{
    collect::Collector,
    error::InputError,
    input::Input,
    source,
    workload::{self, WORKLOAD_PREFIX, WorkloadSpec},
};
use std::path::Path;

/// Opens what a user names: a workload (`workload:NAME?…`), a folder, an archive, or a file. What
/// a file is, is told by its content. `progress` hears of blocks that were made, of how many.
/// Cases of official tests that evmesh does not run are left out.
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
    source::visit(Path::new(spec), &mut |path, content| collector.take(path, content))?;
    let inputs = collector.finish()?;
    if inputs.is_empty() {
        return Err(InputError::NoBlocks { at: spec.to_owned() });
    }
    Ok(inputs)
}
