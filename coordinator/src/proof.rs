//! Proofs (EIP-1186): what one shard says of an account, made a proof of the whole state.

use crate::{commit::tried, front::Tools};
use alloy_primitives::keccak256;
use engine::{ids::SnapshotId, trie};
use futures::future::try_join_all;
use proto::{
    coordinator::{GetProofRequest, GetProofResponse},
    state::ProveRequest,
    status::{Code, Status},
};

/// Proves what a Snapshot, or the head's state, says of an account.
pub(crate) async fn get_proof(
    tools: &Tools,
    request: GetProofRequest,
) -> Result<GetProofResponse, Status> {
    let GetProofRequest { snapshot, address, slots } = request;
    let snapshot = match snapshot {
        Some(snapshot) => snapshot,
        None => head(tools).await?,
    };
    let asked = ProveRequest { snapshot, address, slots };
    let policy = (&tools.config.state_retry, 0);
    let proving = tools.state.iter().map(|(shard, service)| {
        // The slots concern the account's own shard.
        let is_owner = tools.state.count().shard_of(&address) == shard;
        let slots = if is_owner { asked.slots.clone() } else { Vec::new() };
        let asked = ProveRequest { slots, ..asked.clone() };
        tried(tools, policy, move || service.prove(asked.clone()))
    });
    let mut answers = try_join_all(proving).await?;
    let of_owner = answers.iter_mut().find_map(|answer| answer.proof.take());
    let none = || Status::new(Code::Internal, format!("no shard has the place of {address}"));
    let mut proof = of_owner.ok_or_else(none)?;
    let root_nodes = || answers.iter().map(|answer| answer.root_node.as_ref());
    let state_root = trie::join(root_nodes()).map_err(no_root)?;
    let key = keccak256(address);
    proof.nodes = trie::join_proof(root_nodes(), &key, &proof.nodes).map_err(no_root)?;
    Ok(GetProofResponse { snapshot, state_root, proof })
}

/// Returns the Snapshot of the head, which shard 0 knows.
async fn head(tools: &Tools) -> Result<SnapshotId, Status> {
    let policy = (&tools.config.state_retry, 0);
    let (_, first) = tools.state.iter().next().ok_or_else(no_head)?;
    let head = tried(tools, policy, || first.head()).await?;
    head.map(|head| SnapshotId::Block(head.block_hash)).ok_or_else(no_head)
}

fn no_head() -> Status {
    Status::new(Code::NotFound, "the cluster is empty: it has no head")
}

/// A witness that lacks what the root depends on.
fn no_root(error: trie::JoinError) -> Status {
    Status::new(Code::Unavailable, error.to_string())
}
