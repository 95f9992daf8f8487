//! A pool without threads: work runs where it is handed over, for simulation under one seed.

use super::{Pool, PoolError, Work, WorkOrder};
use std::num::NonZeroUsize;

/// Runs work on the caller's thread, before `submit` returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct InlinePool;

impl Pool for InlinePool {
    fn submit(&self, _order: WorkOrder, work: Work) -> Result<(), PoolError> {
        work();
        Ok(())
    }

    fn n_threads(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn queue_len(&self) -> usize {
        0
    }
}
