//! What is to be run.

use super::{Selection, Shape};
use std::{num::NonZeroUsize, path::PathBuf};

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// An archive, a folder or a file of official blockchain tests.
    pub corpus: PathBuf,
    /// Which of its cases.
    pub selection: Selection,
    /// The clusters, one after the other.
    pub shapes: Vec<Shape>,
    /// Cases at once, each on a cluster of its own.
    pub threads: NonZeroUsize,
    /// Seed of every choice that does not change the outcome.
    pub seed: u64,
}
