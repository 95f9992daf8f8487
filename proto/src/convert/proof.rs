//! Accounts and slots with proofs (EIP-1186).

use super::{
    At, DecodeError, Required,
    ids::{address, bytes_of, hash, number, number_bytes, snapshot},
};
use crate::{
    coordinator::{GetProofRequest, GetProofResponse},
    state::{ProveRequest, ProveResponse},
    wire::v1,
};
use alloy_primitives::{Bytes, U256};
use engine::{
    account::Account,
    trie::{AccountProof, SlotProof},
};

impl From<ProveRequest> for v1::ProveRequest {
    fn from(request: ProveRequest) -> Self {
        Self {
            snapshot: Some(request.snapshot.into()),
            address: bytes_of(request.address),
            slots: request.slots.into_iter().map(number_bytes).collect(),
        }
    }
}

impl TryFrom<v1::ProveRequest> for ProveRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::ProveRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            snapshot: snapshot(wire.snapshot, "snapshot")?,
            address: address(&wire.address, "address")?,
            slots: slots(&wire.slots)?,
        })
    }
}

impl From<GetProofRequest> for v1::GetProofRequest {
    fn from(request: GetProofRequest) -> Self {
        Self {
            snapshot: request.snapshot.map(Into::into),
            address: bytes_of(request.address),
            slots: request.slots.into_iter().map(number_bytes).collect(),
        }
    }
}

impl TryFrom<v1::GetProofRequest> for GetProofRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::GetProofRequest) -> Result<Self, DecodeError> {
        let given = wire.snapshot.map(|given| snapshot(Some(given), "snapshot"));
        Ok(Self {
            snapshot: given.transpose()?,
            address: address(&wire.address, "address")?,
            slots: slots(&wire.slots)?,
        })
    }
}

fn slots(wire: &[bytes::Bytes]) -> Result<Vec<U256>, DecodeError> {
    let slot = |(position, bytes)| number(bytes, &format!("slots[{position}]"));
    wire.iter().enumerate().map(slot).collect()
}

impl From<ProveResponse> for v1::ProveResponse {
    fn from(response: ProveResponse) -> Self {
        Self { root_node: response.root_node.0, proof: response.proof.map(Into::into) }
    }
}

impl TryFrom<v1::ProveResponse> for ProveResponse {
    type Error = DecodeError;

    fn try_from(wire: v1::ProveResponse) -> Result<Self, DecodeError> {
        let proof = wire.proof.map(TryInto::try_into).transpose().at("proof")?;
        Ok(Self { root_node: wire.root_node.into(), proof })
    }
}

impl From<GetProofResponse> for v1::GetProofResponse {
    fn from(response: GetProofResponse) -> Self {
        Self {
            snapshot: Some(response.snapshot.into()),
            state_root: bytes_of(response.state_root),
            proof: Some(response.proof.into()),
        }
    }
}

impl TryFrom<v1::GetProofResponse> for GetProofResponse {
    type Error = DecodeError;

    fn try_from(wire: v1::GetProofResponse) -> Result<Self, DecodeError> {
        Ok(Self {
            snapshot: snapshot(wire.snapshot, "snapshot")?,
            state_root: hash(&wire.state_root, "state_root")?,
            proof: wire.proof.required("proof")?.try_into().at("proof")?,
        })
    }
}

impl From<AccountProof> for v1::AccountProof {
    fn from(proof: AccountProof) -> Self {
        let account = proof.account.unwrap_or_default();
        Self {
            exists: proof.account.is_some(),
            balance: number_bytes(account.balance),
            nonce: account.nonce,
            code_hash: bytes_of(account.code_hash),
            storage_root: bytes_of(proof.storage_root),
            nodes: proof.nodes.into_iter().map(|node| node.0).collect(),
            slots: proof.slots.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::AccountProof> for AccountProof {
    type Error = DecodeError;

    fn try_from(wire: v1::AccountProof) -> Result<Self, DecodeError> {
        let account = Account {
            balance: number(&wire.balance, "balance")?,
            nonce: wire.nonce,
            code_hash: hash(&wire.code_hash, "code_hash")?,
        };
        let slots = wire.slots.into_iter().enumerate();
        let slots = slots.map(|(position, slot)| slot.try_into().at_position("slots", position));
        Ok(Self {
            account: wire.exists.then_some(account),
            storage_root: hash(&wire.storage_root, "storage_root")?,
            nodes: wire.nodes.into_iter().map(Bytes::from).collect(),
            slots: slots.collect::<Result<_, _>>()?,
        })
    }
}

impl From<SlotProof> for v1::SlotProof {
    fn from(proof: SlotProof) -> Self {
        Self {
            slot: number_bytes(proof.slot),
            value: number_bytes(proof.value),
            nodes: proof.nodes.into_iter().map(|node| node.0).collect(),
        }
    }
}

impl TryFrom<v1::SlotProof> for SlotProof {
    type Error = DecodeError;

    fn try_from(wire: v1::SlotProof) -> Result<Self, DecodeError> {
        Ok(Self {
            slot: number(&wire.slot, "slot")?,
            value: number(&wire.value, "value")?,
            nodes: wire.nodes.into_iter().map(Bytes::from).collect(),
        })
    }
}
