//! A part of Ethereum's official tests through whole clusters; `make conformance` runs all of them.

mod altered;
mod sample;

use cluster::clock::SystemClock;
use std::{num::NonZeroUsize, path::PathBuf};
use tests::conformance::{Options, Report, Selection, Shape, run};

/// Returns the official tests, or says that `test` is skipped.
fn corpus(test: &str) -> Option<PathBuf> {
    Some(inputs::testdata::folder(test)?.join("blockchain_tests.tar.zst"))
}

/// Runs a part of a corpus.
fn report(corpus: PathBuf, selection: Selection, shapes: Vec<Shape>) -> Report {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let options = Options { corpus, selection, shapes, threads, seed: 7 };
    run(&options, &SystemClock::shared()).unwrap_or_else(|error| panic!("{error:#}"))
}
