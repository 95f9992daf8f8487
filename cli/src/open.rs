//! From what a user types to inputs; everything is read before anything is executed.

use crate::{failure::Failure, progress::Progress};
use cluster::clock::SharedClock;
use inputs::{Input, InputError, LeftOut};
use std::{
    io::{self, Write},
    path::Path,
};

/// Opens all inputs.
///
/// # Errors
/// If one of them cannot be read: then nothing is to be executed.
pub fn open_all(names: &[String], clock: &SharedClock) -> Result<Vec<Input>, Failure> {
    let mut all = Vec::new();
    for name in names {
        let mut progress = Progress::new(format!("making {name}"), clock);
        let opened = inputs::open_listing(name, &mut |done, of| progress.set(done, of))
            .map_err(|error| unreadable(&error))?;
        drop(progress);
        for (rule, LeftOut { n_cases, first }) in &opened.not_run {
            // Whether somebody hears it changes nothing.
            let _ = writeln!(
                io::stderr().lock(),
                "note: {n_cases} tests are not run: {rule}; the first is {first}"
            );
        }
        all.extend(opened.into_inputs().map_err(|error| unreadable(&error))?);
    }
    Ok(all)
}

/// Opens a chain whose genesis is another file.
///
/// # Errors
/// If one of them cannot be read, or more than one chain is named.
pub fn open_on(
    genesis: &Path,
    names: &[String],
    clock: &SharedClock,
) -> Result<Vec<Input>, Failure> {
    let [name] = names else {
        let what = "a genesis belongs to one chain";
        return Err(Failure::usage(
            what,
            "--genesis",
            "name one chain file, or leave --genesis out",
        ));
    };
    let mut progress = Progress::new(format!("reading {name}"), clock);
    inputs::open_chain(Path::new(name), genesis, &mut |done, of| progress.set(done, of))
        .map(|input| vec![input])
        .map_err(|error| unreadable(&error))
}

fn unreadable(error: &InputError) -> Failure {
    Failure::unreadable(error, error.at(), error.advice())
}
