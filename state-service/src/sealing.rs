//! The heavy part of a seal, spread over the CPU threads where it is large.

use crate::{
    cpu_pool::CpuPool,
    error::StateError,
    machine::{ChangedTask, FoldedTask, SealTask, Sealed},
};
use engine::{
    ids::JobId,
    trie::{ChangePart, HashPart},
};
use futures::future::try_join_all;
use std::sync::Arc;
use tracing::{Instrument, Span, info_span};

/// How far one piece of work got.
enum Step {
    /// There is enough to change for all threads; this is done in the span of folding.
    Change(FoldedTask, Vec<ChangePart>, Span),
    /// There is enough to hash for all threads.
    Hash(ChangedTask, [Vec<HashPart>; 2]),
    /// All the way.
    Sealed(Sealed),
}

/// One seal.
#[derive(Clone, Copy)]
struct Seal {
    job: JobId,
    /// A trie with at least so many changed keys is changed and hashed in parts.
    changed_keys_min: usize,
}

/// Computes a seal. A trie with at least so many changed keys is changed and hashed in parts.
pub(crate) async fn run(
    task: SealTask,
    pool: Arc<CpuPool>,
    changed_keys_min: usize,
) -> Result<Sealed, StateError> {
    let seal = Seal { job: task.ticket().job, changed_keys_min };
    let mut step = pool.run(move || seal.fold(task)).await.flatten()?;
    loop {
        step = match step {
            Step::Change(folded, parts, span) => {
                let changing = change_in_parts(folded, parts, &pool);
                let changed = changing.instrument(span).await?;
                pool.run(move || seal.hash(changed)).await.flatten()?
            }
            Step::Hash(changed, parts) => {
                let span = info_span!("root", job = %seal.job);
                Step::Sealed(root_in_parts(changed, parts, &pool).instrument(span).await?)
            }
            Step::Sealed(sealed) => return Ok(sealed),
        };
    }
}

impl Seal {
    /// Goes as far as one thread is enough.
    fn fold(self, task: SealTask) -> Result<Step, StateError> {
        let span = info_span!("fold", job = %self.job);
        let entered = span.enter();
        let folded = task.fold()?;
        let parts = folded.change_parts(self.changed_keys_min)?;
        if !parts.is_empty() {
            drop(entered);
            return Ok(Step::Change(folded, parts, span));
        }
        let changed = folded.change(Vec::new())?;
        drop(entered);
        drop(span);
        self.hash(changed)
    }

    /// Goes as far as one thread is enough once the state is changed.
    fn hash(self, changed: ChangedTask) -> Result<Step, StateError> {
        let parts = changed.hash_parts(self.changed_keys_min);
        if !parts.iter().all(Vec::is_empty) {
            return Ok(Step::Hash(changed, parts));
        }
        let root = info_span!("root", job = %self.job);
        root.in_scope(|| changed.root()).map(Step::Sealed)
    }
}

async fn change_in_parts(
    folded: FoldedTask,
    parts: Vec<ChangePart>,
    pool: &Arc<CpuPool>,
) -> Result<ChangedTask, StateError> {
    let running = parts.into_iter().map(|part| pool.run(move || part.run()));
    let changed = try_join_all(running).await?;
    let changed = changed.into_iter().collect::<Result<_, _>>()?;
    pool.run(move || folded.change(changed)).await.flatten()
}

async fn root_in_parts(
    changed: ChangedTask,
    parts: [Vec<HashPart>; 2],
    pool: &Arc<CpuPool>,
) -> Result<Sealed, StateError> {
    for parts in parts {
        let running = parts.into_iter().map(|part| pool.run(move || part.run()));
        try_join_all(running).await?;
    }
    pool.run(|| changed.root()).await.flatten()
}
