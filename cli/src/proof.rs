//! `evmesh proof`: what the state of a running cluster says of an account, with proofs.

use crate::{
    args::ProofArgs, config::Config, exit::Exit, failure::Failure, run::print,
    status::DEFAULT_COORDINATOR, transport::Connection,
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use engine::ids::SnapshotId;
use proto::coordinator::{GetProofRequest, GetProofResponse};
use serde::Serialize;

/// What EIP-1186 says an account's proof looks like, and whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProofObject {
    /// Hash of the block after which this is the state.
    block_hash: Option<B256>,
    /// Root of the state: hash of the first node.
    state_root: B256,
    address: Address,
    balance: U256,
    code_hash: B256,
    nonce: U64,
    storage_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotObject>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SlotObject {
    key: U256,
    value: U256,
    proof: Vec<Bytes>,
}

/// Runs `evmesh proof`.
///
/// # Errors
/// If nobody answers, or the cluster has no such block.
pub fn proof(args: &ProofArgs, config: &Config) -> Result<Exit, Failure> {
    let url = config.client.coordinator.as_deref().unwrap_or(DEFAULT_COORDINATOR);
    let request = GetProofRequest {
        snapshot: args.block.map(SnapshotId::Block),
        address: args.address,
        slots: args.slots.clone(),
    };
    let proof = Connection::open(url, &config.client)?.proof(request)?;
    let object = ProofObject::new(args.address, proof);
    let text = if args.json {
        serde_json::to_string(&object)
    } else {
        serde_json::to_string_pretty(&object)
    };
    print(&text.expect("strings and lists are JSON"))?;
    Ok(Exit::Done)
}

impl ProofObject {
    fn new(address: Address, response: GetProofResponse) -> Self {
        let GetProofResponse { snapshot, state_root, proof } = response;
        let account = proof.account.unwrap_or_default();
        let slots = proof.slots.into_iter();
        Self {
            block_hash: match snapshot {
                SnapshotId::Block(hash) => Some(hash),
                SnapshotId::Job(_) | SnapshotId::Loaded(_) => None,
            },
            state_root,
            address,
            balance: account.balance,
            code_hash: account.code_hash,
            nonce: U64::from(account.nonce),
            storage_hash: proof.storage_root,
            account_proof: proof.nodes,
            storage_proof: slots
                .map(|slot| SlotObject { key: slot.slot, value: slot.value, proof: slot.nodes })
                .collect(),
        }
    }
}
