//! Keys that the block itself says will be read.

use crate::{
    access::AccessKey,
    account::SnapshotKey,
    execute::block_step_contracts,
    ids::AccessIndex,
    task::{JobFrame, SignedBy, TaskItem},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{TxKind, U256};
use std::collections::BTreeSet;

/// Returns what sender, recipient, access list (EIP-2930), authorities (EIP-7702) and system
/// contracts tell, and what standing outcomes have to be held against. Sorted, each once.
pub(super) fn keys(frame: &JobFrame, items: &[TaskItem]) -> Vec<SnapshotKey> {
    let mut keys = BTreeSet::new();
    for item in items {
        match &item.transaction {
            Some(signed) => add_transaction(&mut keys, signed),
            None => {
                let before = item.index == AccessIndex::PRE_BLOCK;
                let contracts = block_step_contracts(frame, before);
                keys.extend(contracts.into_iter().map(SnapshotKey::AccountWithCode));
            }
        }
        for read in item.standing.iter().flat_map(|standing| &standing.reads.0) {
            keys.insert(match read.key {
                AccessKey::Slot(address, slot) => SnapshotKey::Slot(address, slot),
                key => SnapshotKey::Account(*key.address()),
            });
        }
    }
    drop_covered(&mut keys);
    keys.into_iter().collect()
}

fn add_transaction(keys: &mut BTreeSet<SnapshotKey>, signed: &SignedBy) {
    let tx = &signed.transaction;
    keys.insert(SnapshotKey::Account(signed.sender));
    if let TxKind::Call(to) = tx.kind() {
        keys.insert(SnapshotKey::AccountWithCode(to));
    }
    for entry in tx.access_list().into_iter().flat_map(|list| list.iter()) {
        keys.insert(SnapshotKey::AccountWithCode(entry.address));
        let slots = entry.storage_keys.iter().map(|key| U256::from_be_bytes(key.0));
        keys.extend(slots.map(|slot| SnapshotKey::Slot(entry.address, slot)));
    }
    for authorization in tx.authorization_list().unwrap_or_default() {
        keys.insert(SnapshotKey::AccountWithCode(authorization.address));
        if let Ok(authority) = authorization.recover_authority() {
            keys.insert(SnapshotKey::AccountWithCode(authority));
        }
    }
}

/// An account that is asked for with its code need not be asked for without.
fn drop_covered(keys: &mut BTreeSet<SnapshotKey>) {
    let covered: Vec<_> = keys
        .iter()
        .filter_map(|key| match key {
            SnapshotKey::AccountWithCode(address) => Some(SnapshotKey::Account(*address)),
            _ => None,
        })
        .collect();
    for key in covered {
        keys.remove(&key);
    }
}
