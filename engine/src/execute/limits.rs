//! What bounds a run: cancelling, and gas that may be spent on a guess.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells a run to stop. Cheap to clone; all clones are one flag.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Raises the flag; it stays up.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the flag is up.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bounds of a slice's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Gas that a frame may spend while something below its transaction is neither final nor in
    /// the same slice, or has no answer there (rule 9); beyond it the incarnation is parked.
    pub speculative_gas: u64,
    /// Gas that a frame may spend after a missing key, only to learn more keys, if it spent less
    /// before.
    pub tainted_gas: u64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { speculative_gas: 60_000_000, tainted_gas: 200_000 }
    }
}
