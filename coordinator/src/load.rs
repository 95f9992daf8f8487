//! States that are loaded: a genesis for an empty cluster, and Snapshots of their own.

use crate::{
    commit::{tried, tried_within},
    front::Tools,
    seal::root_of,
};
use alloy_primitives::B256;
use cluster::retry::{self, RetryPolicy, Verdict};
use engine::ids::{ClusterId, SnapshotId, Term};
use futures::future::{join_all, try_join_all};
use proto::{
    shards::split_values,
    state::{
        ConfigureRequest, Head, LoadGenesisRequest, LoadSnapshotRequest, SnapshotContents,
        StateValues,
    },
    status::{Code, Status},
};
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};
use tracing::warn;

/// Bits of a Snapshot's number that count within one Term.
const COUNT_BITS: u32 = 20;

/// State roots that the coordinator happens to know: that of the block which was committed last.
#[derive(Debug, Default)]
pub(crate) struct Roots(Mutex<Option<(B256, B256)>>);

impl Roots {
    /// Notes the state root of a block.
    pub(crate) fn note(&self, block_hash: B256, root: Option<B256>) {
        let mut last = self.0.lock().expect("nobody panics with the lock");
        *last = root.map(|root| (block_hash, root));
    }

    /// Returns the state root of a block, if it was the last one.
    pub(crate) fn of(&self, block_hash: &B256) -> Option<B256> {
        let last = self.0.lock().expect("nobody panics with the lock");
        last.filter(|(last, _)| last == block_hash).map(|(_, root)| root)
    }
}

/// Numbers of loaded Snapshots. The Term is part of them: another coordinator gives others.
#[derive(Debug)]
pub(crate) struct Numbers {
    term: Term,
    n_given: AtomicU64,
}

impl Numbers {
    pub(crate) const fn new(term: Term) -> Self {
        Self { term, n_given: AtomicU64::new(0) }
    }

    fn next(&self) -> Result<u64, Status> {
        let count = self.n_given.fetch_add(1, Ordering::Relaxed);
        let first = self
            .term
            .get()
            .checked_shl(COUNT_BITS)
            .filter(|it| it >> COUNT_BITS == self.term.get());
        match first {
            Some(first) if count >> COUNT_BITS == 0 => Ok(first | count),
            _ => Err(Status::new(Code::ResourceExhausted, "all numbers of snapshots are used up")),
        }
    }
}

/// Gives every shard its place in the cluster; once more does nothing.
pub(crate) async fn configure(tools: &Tools, cluster: ClusterId, term: Term) -> Result<(), Status> {
    let count = tools.state.count();
    let configuring = tools.state.iter().map(|(index, service)| {
        let request = ConfigureRequest { cluster, index, count, term };
        tried(tools, (&tools.config.state_retry, 0), move || service.configure(request.clone()))
    });
    try_join_all(configuring).await.map(drop)
}

/// The same when a process starts: shards may come later, and `tell` hears what is missing.
pub(crate) async fn configure_with(
    tools: &Tools,
    (cluster, term): (ClusterId, Term),
    policy: &RetryPolicy,
    tell: impl Fn(&Status),
) -> Result<(), Status> {
    let count = tools.state.count();
    let once = || async {
        let configuring = tools.state.iter().map(|(index, service)| async move {
            let request = ConfigureRequest { cluster, index, count, term };
            service.configure(request).await.map_err(|status| {
                Status::new(status.code, format!("shard {index}: {}", status.message))
            })
        });
        try_join_all(configuring).await.map(drop)
    };
    let judge = |status: &Status| {
        tell(status);
        match status.code {
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Verdict::Again,
            _ => Verdict::Stop,
        }
    };
    let configured = retry::retry(tools.clock.as_ref(), policy, 0, judge, once).await;
    configured.map_err(|gave_up| Status::new(gave_up.error.code, gave_up.to_string()))
}

fn loading_as(tools: &Tools) -> (&RetryPolicy, u64, std::time::Duration) {
    (&tools.config.state_retry, 0, tools.config.deadlines.load)
}

/// Fills every shard with its part, and joins their root nodes.
pub(crate) async fn load_genesis(
    tools: &Tools,
    request: LoadGenesisRequest,
) -> Result<B256, Status> {
    let LoadGenesisRequest { block_hash, block_number, state } = request;
    let parts = split(tools, state).await?;
    let loading = tools.state.iter().zip(parts).map(|((_, service), state)| {
        let part = LoadGenesisRequest { block_hash, block_number, state };
        tried_within(tools, loading_as(tools), move || service.load_genesis(part.clone()))
    });
    let sealed = try_join_all(loading).await?;
    let root = root_of(sealed.iter().map(|sealed| sealed.root_node.as_ref()))?;
    let root = root.ok_or_else(|| Status::new(Code::Internal, "a genesis has no state root"))?;
    tools.roots.note(block_hash, Some(root));
    Ok(root)
}

/// Loads a Snapshot at every shard, or at none.
pub(crate) async fn load_snapshot(
    tools: &Tools,
    numbers: &Numbers,
    contents: SnapshotContents,
) -> Result<SnapshotId, Status> {
    let number = numbers.next()?;
    let parts: Vec<_> = match contents {
        SnapshotContents::Values(state) => {
            split(tools, state).await?.into_iter().map(SnapshotContents::Values).collect()
        }
        SnapshotContents::Whole(state) => {
            split(tools, state).await?.into_iter().map(SnapshotContents::Whole).collect()
        }
        // Which shard a node belongs to is known once it is found from the root.
        SnapshotContents::Witness(witness) => {
            let same = SnapshotContents::Witness(witness);
            tools.state.iter().map(|_| same.clone()).collect()
        }
    };
    let loading = tools.state.iter().zip(parts).map(|((_, service), contents)| {
        let part = LoadSnapshotRequest { number, contents };
        tried_within(tools, loading_as(tools), move || service.load_snapshot(part.clone()))
    });
    let name = SnapshotId::Loaded(number);
    match join_all(loading).await.into_iter().collect::<Result<(), _>>() {
        Ok(()) => Ok(name),
        Err(status) => {
            // What is not there need not be dropped.
            let _ = drop_loaded(tools, name).await;
            Err(status)
        }
    }
}

/// Makes a committed block the head: at shard 0, which decides, then at the others.
pub(crate) async fn set_head(tools: &Tools, block_hash: B256) -> Result<Head, Status> {
    let policy = (&tools.config.state_retry, 0);
    let mut head = None;
    for (_, service) in tools.state.iter() {
        let moved = tried(tools, policy, || service.set_head(block_hash)).await?;
        head.get_or_insert(moved);
    }
    head.ok_or_else(|| Status::new(Code::Internal, "there is no shard"))
}

/// Drops a loaded Snapshot at every shard.
pub(crate) async fn drop_loaded(tools: &Tools, name: SnapshotId) -> Result<(), Status> {
    let dropping = tools.state.iter().map(|(shard, service)| async move {
        let policy = &tools.config.state_retry;
        let dropped = tried(tools, (policy, 0), || service.drop_snapshot(name)).await;
        if let Err(status) = &dropped
            && status.code != Code::NotFound
        {
            warn!(%shard, %name, %status, "a snapshot could not be dropped");
        }
        dropped
    });
    let dropped = join_all(dropping).await;
    let is_known = |it: &Result<(), Status>| !matches!(it, Err(it) if it.code == Code::NotFound);
    if !dropped.iter().any(is_known) {
        return Err(Status::new(Code::NotFound, format!("there is no snapshot {name}")));
    }
    dropped.into_iter().filter(is_known).collect()
}

/// Drops the Snapshot of a verified job at every shard.
pub(crate) async fn drop_verified(tools: &Tools, job: engine::ids::JobId) -> Result<(), Status> {
    let dropping = tools.state.iter().map(|(_, service)| {
        tried(tools, (&tools.config.state_retry, 0), move || service.abort(job))
    });
    join_all(dropping).await.into_iter().collect()
}

/// Cuts a state by shard, on a CPU thread.
async fn split(tools: &Tools, state: StateValues) -> Result<Vec<StateValues>, Status> {
    let count = tools.state.count();
    let parts = tools.cpu.run(move || split_values(count, state)).await;
    parts.map_err(|no_answer| Status::new(Code::Internal, no_answer.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_different_terms_never_meet_and_end() {
        let (one, two) = (Numbers::new(Term::new(1)), Numbers::new(Term::new(2)));
        one.n_given.store((1 << COUNT_BITS) - 1, Ordering::Relaxed);
        let last = one.next().unwrap();
        assert!(last < two.next().unwrap());
        assert_eq!(one.next().unwrap_err().code, Code::ResourceExhausted);
        let too_late = Numbers::new(Term::new(u64::MAX >> COUNT_BITS).next());
        assert_eq!(too_late.next().unwrap_err().code, Code::ResourceExhausted);
    }
}
