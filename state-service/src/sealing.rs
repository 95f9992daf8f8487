//! The heavy part of a seal, spread over the CPU threads where it is large.

use crate::{
    cpu_pool::CpuPool,
    error::StateError,
    machine::{FoldedTask, SealTask, Sealed},
};
use engine::trie::HashPart;
use futures::future::try_join_all;
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// How far one piece of work got.
enum Step {
    /// All the way.
    Sealed(Sealed),
    /// There is enough to hash for all threads.
    Parts(FoldedTask, [Vec<HashPart>; 2]),
}

/// Computes a seal. A trie with at least so many changed keys is hashed in parts.
pub(crate) async fn run(
    task: SealTask,
    pool: Arc<CpuPool>,
    changed_keys_min: usize,
) -> Result<Sealed, StateError> {
    let begin = move || {
        let folded = task.fold()?;
        let parts = folded.hash_parts(changed_keys_min);
        if parts.iter().all(Vec::is_empty) {
            let root = info_span!("root", job = %folded.job());
            return root.in_scope(|| folded.root()).map(Step::Sealed);
        }
        Ok(Step::Parts(folded, parts))
    };
    match pool.run(begin).await.flatten()? {
        Step::Sealed(sealed) => Ok(sealed),
        Step::Parts(folded, parts) => {
            let span = info_span!("root", job = %folded.job());
            root_in_parts(folded, parts, &pool).instrument(span).await
        }
    }
}

async fn root_in_parts(
    folded: FoldedTask,
    parts: [Vec<HashPart>; 2],
    pool: &Arc<CpuPool>,
) -> Result<Sealed, StateError> {
    for parts in parts {
        let running = parts.into_iter().map(|part| pool.run(move || part.run()));
        try_join_all(running).await?;
    }
    pool.run(|| folded.root()).await.flatten()
}
