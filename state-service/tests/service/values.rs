//! Values that the tests speak of.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{Account, TouchRule},
    block::Code,
    digest,
    ids::{AccessIndex, ClusterId, Incarnation, JobId, ShardIndex, SnapshotId, Term},
    shard::ShardCount,
};
use proto::state::{
    AccountState, ConfigureRequest, LoadGenesisRequest, SealPurpose, SealRequest, StageRequest,
    StateValues,
};
use std::sync::Arc;

pub(crate) const GENESIS: SnapshotId = SnapshotId::Block(B256::ZERO);

pub(crate) const fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

pub(crate) const fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

pub(crate) fn place(cluster: u64, index: u16, count: usize) -> ConfigureRequest {
    ConfigureRequest {
        cluster: ClusterId::new(cluster),
        index: ShardIndex::new(index),
        count: ShardCount::new(count).unwrap(),
        term: Term::new(1),
    }
}

/// A state with code and storage.
pub(crate) fn state() -> StateValues {
    let code = Bytes::from_static(&[0x60, 1]);
    let hash = keccak256(&code);
    let contract = Account { balance: U256::from(7), nonce: 1, code_hash: hash };
    let storage = vec![(U256::from(1), U256::from(10)), (U256::from(2), U256::MAX)];
    let poor = Account { balance: U256::from(1), ..Account::default() };
    StateValues {
        accounts: vec![
            AccountState { address: address(1), account: contract, storage },
            AccountState { address: address(2), account: poor, storage: Vec::new() },
        ],
        codes: vec![Code { hash, bytes: code }],
    }
}

pub(crate) fn genesis() -> LoadGenesisRequest {
    LoadGenesisRequest { block_hash: B256::ZERO, block_number: 0, state: state() }
}

/// Writes of every kind, by index.
pub(crate) fn writes() -> Vec<(AccessIndex, Arc<WriteSet>)> {
    let code = Bytes::from_static(&[0x60, 2]);
    let mut first = WriteSet::default();
    first.account_mut(address(1)).slots = vec![(U256::from(1), U256::ZERO)];
    *first.account_mut(address(2)) = AccountWrite {
        balance: Some(BalanceWrite::Set(U256::from(99))),
        nonce: Some(3),
        ..AccountWrite::default()
    };
    let mut second = WriteSet::default();
    *second.account_mut(address(3)) = AccountWrite {
        wipe: Some(Wipe::Storage),
        nonce: Some(1),
        code_hash: Some(keccak256(&code)),
        slots: vec![(U256::from(5), U256::from(6))],
        ..AccountWrite::default()
    };
    second.codes.push((keccak256(&code), code));
    let mut third = WriteSet::default();
    *third.account_mut(address(1)) =
        AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() };
    third.account_mut(address(2)).add_credit(U256::from(1));
    [(0, first), (2, second), (3, third)]
        .map(|(position, set)| (AccessIndex::new(position), Arc::new(set)))
        .to_vec()
}

pub(crate) fn credit(amount: u64) -> Vec<(AccessIndex, Arc<WriteSet>)> {
    let mut set = WriteSet::default();
    set.account_mut(address(2)).add_credit(U256::from(amount));
    vec![(AccessIndex::new(1), Arc::new(set))]
}

/// A seal that relies on what was staged.
pub(crate) fn seal(
    sequence: u64,
    parent: SnapshotId,
    writes: &[(AccessIndex, Arc<WriteSet>)],
) -> SealRequest {
    let digests = writes.iter().map(|(index, set)| (*index, digest::of_write_set(set)));
    SealRequest {
        job: job(sequence),
        parent,
        block_number: sequence,
        touch_rule: TouchRule::Clears,
        purpose: SealPurpose::Commit,
        order: writes.iter().map(|(index, _)| (*index, Incarnation::new(1))).collect(),
        digest: digest::of_writes(digests),
        values: Vec::new(),
        roots_by_index: false,
    }
}

pub(crate) fn stage(sequence: u64, writes: &[(AccessIndex, Arc<WriteSet>)]) -> StageRequest {
    let writes =
        writes.iter().map(|(index, set)| (*index, Incarnation::new(1), Arc::clone(set))).collect();
    StageRequest { job: job(sequence), writes }
}
