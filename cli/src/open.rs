//! From what a user types to inputs; everything is read before anything is executed.

use crate::{failure::Failure, progress::Progress};
use cluster::clock::SharedClock;
use inputs::{Input, InputError};

/// Opens all inputs.
///
/// # Errors
/// If one of them cannot be read: then nothing is to be executed.
pub fn open_all(names: &[String], clock: &SharedClock) -> Result<Vec<Input>, Failure> {
    let mut all = Vec::new();
    for name in names {
        let mut progress = Progress::new(format!("making {name}"), clock);
        let opened = inputs::open(name, &mut |done, of| progress.set(done, of));
        all.extend(opened.map_err(|error| unreadable(&error))?);
    }
    Ok(all)
}

fn unreadable(error: &InputError) -> Failure {
    Failure::unreadable(error, error.at(), error.advice())
}
