//! Sealing: a block's final writes, cut by shard and compared by digest, become a Snapshot.

use crate::{
    commit::StateCall,
    job::Event,
    tx_roots::{IndexRootNodes, tx_roots},
};
use alloy_primitives::{B256, Bytes};
use engine::{
    access::WriteSet,
    account::TouchRule,
    digest,
    header::has_state_roots,
    ids::{AccessIndex, BootId, Incarnation, JobId, ShardIndex},
    outcome::FinalWrite,
    shard::ShardCount,
    trie::{self, JoinError},
};
use futures::future::try_join_all;
use proto::{
    state::{SealRequest, SealResponse, SealedShard},
    status::{Code, Status},
};
use std::{collections::BTreeMap, sync::Arc};

/// One index's writes at one shard.
#[derive(Clone, Debug)]
struct ShardWrite {
    index: AccessIndex,
    incarnation: Incarnation,
    writes: Arc<WriteSet>,
    digest: B256,
}

/// A shard's answer to its seal; and the boot id with which it said before that it lacked writes, if
/// it did.
type Sealed = (ShardIndex, SealedShard, Option<BootId>);

/// Seals a block at every shard, also at those that it did not touch: their Snapshot gets its name
/// too.
pub(crate) async fn seal(call: &StateCall, job: JobId, writes: Vec<FinalWrite>) -> Event {
    let Some(parts) = cut(call, writes).await else {
        return Event::CannotGoOn("computing digests panicked".to_owned());
    };
    let draft = draft(call, job);
    let sealing = call.tools.state.count().indices().zip(parts).map(|(shard, part)| {
        let draft = draft.clone();
        async move { seal_at(call, shard, draft, part).await }
    });
    let sealed = match try_join_all(sealing).await {
        Ok(sealed) => sealed,
        Err(status) => return Event::StateFailed(status),
    };
    let n_repeated = sealed.iter().filter(|(_, _, before)| before.is_some()).count() as u64;
    let boots = sealed.iter().flat_map(|(shard, sealed, before)| {
        before.iter().chain([&sealed.boot]).map(|boot| (*shard, *boot))
    });
    let boots = boots.collect();
    let state_root = match root_of(sealed.iter().map(|(_, sealed, _)| sealed.root_node.as_ref())) {
        Ok(state_root) => state_root,
        Err(status) => return Event::StateFailed(status),
    };
    let nodes = sealed.into_iter().map(|(_, sealed, _)| sealed.index_root_nodes).collect();
    let tx_roots = match join_by_index(call, nodes).await {
        Ok(tx_roots) => tx_roots.filter(|_| state_root.is_some()),
        Err(status) => return Event::StateFailed(status),
    };
    Event::Sealed { boots, n_repeated, state_root, tx_roots }
}

/// Joins root nodes by index on a CPU thread, where they were asked for and there is a trie.
async fn join_by_index(
    call: &StateCall,
    nodes: Vec<IndexRootNodes>,
) -> Result<Option<Vec<B256>>, Status> {
    let n_transactions = call.frame.attributes.n_transactions;
    if nodes.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let joined = call.tools.cpu.run(move || tx_roots(&nodes, n_transactions)).await;
    let panicked = |_| Err(Status::new(Code::Internal, "joining root nodes panicked"));
    joined.unwrap_or_else(panicked).map(Some)
}

/// What the requests to all shards have in common.
fn draft(call: &StateCall, job: JobId) -> SealRequest {
    let header = &call.frame.attributes.header;
    let spec = call.frame.chain.spec_at(header.number, header.timestamp);
    SealRequest {
        job,
        parent: call.frame.snapshot,
        block_number: header.number,
        touch_rule: TouchRule::of(spec),
        purpose: call.purpose,
        order: Vec::new(),
        digest: B256::ZERO,
        values: Vec::new(),
        roots_by_index: has_state_roots(&call.frame.chain, header.number),
    }
}

/// Cuts the writes by shard and computes their digests, spread over all CPU threads; `None` if that
/// panicked.
async fn cut(call: &StateCall, writes: Vec<FinalWrite>) -> Option<Vec<Vec<ShardWrite>>> {
    let cpu = &call.tools.cpu;
    let count = call.tools.state.count();
    let len = writes.len().div_ceil(cpu.n_threads().get()).max(1);
    let pieces = writes.chunks(len).map(|piece| {
        let piece = piece.to_vec();
        cpu.run(move || cut_piece(count, &piece))
    });
    let mut parts = vec![Vec::new(); usize::from(count.get())];
    for piece in try_join_all(pieces).await.ok()? {
        for (part, mut more) in parts.iter_mut().zip(piece) {
            part.append(&mut more);
        }
    }
    Some(parts)
}

fn cut_piece(count: ShardCount, writes: &[FinalWrite]) -> Vec<Vec<ShardWrite>> {
    let mut parts = vec![Vec::new(); usize::from(count.get())];
    for FinalWrite { index, incarnation, writes } in writes {
        for (shard, writes) in count.split(writes) {
            let digest = digest::of_write_set(&writes);
            let write = ShardWrite { index: *index, incarnation: *incarnation, writes, digest };
            parts[usize::from(shard.get())].push(write);
        }
    }
    parts
}

/// Seals at one shard: by order and digest, and if that does not do, with the writes it lacks.
async fn seal_at(
    call: &StateCall,
    shard: ShardIndex,
    draft: SealRequest,
    part: Vec<ShardWrite>,
) -> Result<Sealed, Status> {
    let service = call.tools.state.get(shard);
    let mut request = SealRequest {
        order: part.iter().map(|write| (write.index, write.incarnation)).collect(),
        digest: digest::of_writes(part.iter().map(|write| (write.index, write.digest))),
        ..draft
    };
    let (before, digests) = match call.tried(|| service.seal(request.clone())).await? {
        SealResponse::Sealed(sealed) => return Ok((shard, sealed, None)),
        SealResponse::Differs { boot, digests } => (boot, digests),
    };
    request.values = lacking(&part, &digests);
    tracing::debug!(%shard, n_values = request.values.len(), "a shard lacks writes");
    match call.tried(|| service.seal(request.clone())).await? {
        SealResponse::Sealed(sealed) => Ok((shard, sealed, Some(before))),
        SealResponse::Differs { .. } => {
            let message = format!("state shard {shard} does not take the writes it was sent");
            Err(Status::new(Code::Internal, message))
        }
    }
}

/// Returns the writes that a shard does not have as they should be; all of them, if it finds none
/// and still differs.
fn lacking(
    part: &[ShardWrite],
    theirs: &[(AccessIndex, Option<B256>)],
) -> Vec<(AccessIndex, Arc<WriteSet>)> {
    let theirs: BTreeMap<_, _> = theirs.iter().copied().collect();
    let is_there =
        |write: &&ShardWrite| theirs.get(&write.index).copied().flatten() == Some(write.digest);
    let value = |write: &ShardWrite| (write.index, Arc::clone(&write.writes));
    let lacking: Vec<_> = part.iter().filter(|write| !is_there(write)).map(value).collect();
    if lacking.is_empty() { part.iter().map(value).collect() } else { lacking }
}

/// Joins the shards' root nodes into the state's root; there is none if a shard has no trie.
pub(crate) fn root_of<'a>(
    nodes: impl Iterator<Item = Option<&'a Bytes>>,
) -> Result<Option<B256>, Status> {
    let Some(nodes) = nodes.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let root = trie::join(nodes.into_iter().map(AsRef::as_ref));
    root.map(Some).map_err(|error| not_joined(&error))
}

/// Returns the status of root nodes that cannot be joined. One that is missing says nothing of the
/// block, and would be missing again.
pub(crate) fn not_joined(error: &JoinError) -> Status {
    let code = match error {
        JoinError::OnlyChildBlind { .. } => Code::FailedPrecondition,
        JoinError::NotANode { .. } | JoinError::Overlap { .. } => Code::Internal,
    };
    Status::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use engine::{
        account::Account,
        fold::{AccountDiff, StateDiff},
        trie::{StateTrie, Witness},
    };

    #[test]
    fn a_root_that_depends_on_a_node_that_is_not_known_is_none_and_no_fault() {
        let addresses = [1, 2].map(Address::with_last_byte);
        let accounts = addresses.map(|address| (address, Account::default(), []));
        let whole = StateTrie::from_values(accounts, []);
        let nodes = whole.account_proof(&addresses[0], &[]).unwrap().nodes;
        let witness = Witness { state_root: whole.root().unwrap(), nodes, codes: Vec::new() };
        let count = ShardCount::ONE;
        let mut state = StateTrie::from_witness(&witness, count, ShardIndex::new(0)).unwrap();
        assert_eq!(root_of([Some(&state.root_node())].into_iter()), Ok(whole.root().ok()));
        let mut gone = StateDiff::default();
        gone.accounts.insert(addresses[0], AccountDiff { wiped: true, ..AccountDiff::default() });
        state.apply(&gone).unwrap();

        let refused = root_of([Some(&state.root_node())].into_iter()).unwrap_err();

        assert_eq!(refused.code, Code::FailedPrecondition);
        assert!(refused.message.contains("take a witness that has it"), "{refused}");
    }
}
