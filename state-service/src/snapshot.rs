//! One Snapshot: a state that never changes, and what it answers.

use crate::{error::StateError, place::Place};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::Code,
    fold::StateDiff,
    trie::{AccountProof, ChangePart, ChangedPart, HashPart, Missing, StateTrie, Witness},
};
use proto::state::{AccountState, StateValues};
use std::collections::BTreeSet;

/// A state that never changes. What differs by a block shares everything else.
#[derive(Debug)]
pub struct Snapshot {
    state: StateTrie,
    complete: Completeness,
}

/// Whether a Snapshot is the whole of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It is: it has a root.
    Whole,
    /// It is what somebody knew of a state: a root over it would mean nothing.
    Part,
}

impl Snapshot {
    /// Makes a Snapshot from values.
    ///
    /// # Errors
    /// If an account or slot is there twice, a code is not what its hash says, or a code is
    /// missing of what is to be whole.
    pub fn from_values(values: &StateValues, complete: Completeness) -> Result<Self, StateError> {
        let mut state = StateTrie::default();
        for Code { hash, bytes } in &values.codes {
            if keccak256(bytes) != *hash {
                return Err(StateError::OtherCode { hash: *hash });
            }
            state.set_code(*hash, bytes.clone());
        }
        for AccountState { address, account, storage } in &values.accounts {
            if state.account(address)?.is_some() {
                return Err(StateError::AccountTwice { address: *address });
            }
            if complete == Completeness::Whole && code_of(&state, &account.code_hash).is_none() {
                let hash = account.code_hash;
                return Err(StateError::CodeMissing { address: *address, hash });
            }
            each_slot_once(address, storage)?;
            state.set_account(address, *account, storage.iter().copied())?;
        }
        Ok(Self { state, complete })
    }

    /// Makes a Snapshot of a shard's part of what a witness knows. It is the whole of a state: it
    /// has a root, and what the witness lacks is not answered.
    ///
    /// # Errors
    /// If the witness lacks the root's node, or has what no state has.
    pub fn from_witness(witness: &Witness, place: Place) -> Result<Self, StateError> {
        let state = StateTrie::from_witness(witness, place.count, place.index)?;
        Ok(Self { state, complete: Completeness::Whole })
    }

    /// Returns the Snapshot after a block.
    ///
    /// # Errors
    /// If a witness lacks a node that the block changes.
    pub fn after(&self, diff: &StateDiff) -> Result<Self, Missing> {
        self.after_changed(diff, Vec::new())
    }

    /// Returns what of the Snapshot after a block can be changed at once
    /// ([`StateTrie::change_parts`]).
    ///
    /// # Errors
    /// If a witness lacks the node of an account.
    pub fn change_parts(
        &self,
        diff: &StateDiff,
        changed_keys_min: usize,
    ) -> Result<Vec<ChangePart>, Missing> {
        self.state.change_parts(diff, changed_keys_min)
    }

    /// Returns the Snapshot after a block whose parts were changed before.
    ///
    /// # Errors
    /// If a witness lacks a node that the block changes.
    pub fn after_changed(
        &self,
        diff: &StateDiff,
        changed: Vec<ChangedPart>,
    ) -> Result<Self, Missing> {
        let mut state = self.state.clone();
        state.apply_changed(diff, changed)?;
        Ok(Self { state, complete: self.complete })
    }

    /// Returns an account; `None` where there is none.
    ///
    /// # Errors
    /// If a witness lacks its node.
    pub fn account(&self, address: &Address) -> Result<Option<Account>, Missing> {
        self.state.account(address)
    }

    /// Returns the RLP of the root node; `None` if this is not the whole of a state.
    pub fn root_node(&self) -> Option<Bytes> {
        (self.complete == Completeness::Whole).then(|| self.state.root_node())
    }

    /// Returns what of the root node can be hashed at once, if this is the whole of a state
    /// ([`StateTrie::hash_parts`]).
    pub fn hash_parts(&self, changed_keys_min: usize) -> [Vec<HashPart>; 2] {
        match self.complete {
            Completeness::Whole => self.state.hash_parts(changed_keys_min),
            Completeness::Part => Default::default(),
        }
    }

    /// Proves what is at an address and at some of its slots.
    ///
    /// # Errors
    /// If a witness lacks a node on the way.
    pub fn account_proof(
        &self,
        address: &Address,
        slots: &[U256],
    ) -> Result<AccountProof, Missing> {
        self.state.account_proof(address, slots)
    }

    /// Answers keys in their order.
    pub fn answers(&self, keys: &[SnapshotKey]) -> Vec<SnapshotAnswer> {
        let answers = keys.iter().map(|key| self.answer(key));
        answers.map(|answer| answer.unwrap_or(SnapshotAnswer::Unavailable)).collect()
    }

    fn answer(&self, key: &SnapshotKey) -> Result<SnapshotAnswer, Missing> {
        Ok(match key {
            SnapshotKey::Account(address) => {
                SnapshotAnswer::Account { account: self.state.account(address)?, code: None }
            }
            SnapshotKey::AccountWithCode(address) => {
                let account = self.state.account(address)?;
                let code = account.and_then(|account| self.code(account.code_hash));
                SnapshotAnswer::Account { account, code }
            }
            SnapshotKey::Slot(address, slot) => {
                SnapshotAnswer::Slot(self.state.slot(address, slot)?)
            }
            SnapshotKey::Code(_, hash) => match code_of(&self.state, hash) {
                Some(bytes) => SnapshotAnswer::Code(bytes),
                None => SnapshotAnswer::Unavailable,
            },
        })
    }

    /// Returns code that is not empty.
    fn code(&self, hash: B256) -> Option<Code> {
        let bytes = self.state.code(&hash)?.clone();
        Some(Code { hash, bytes })
    }
}

/// Returns code by its hash. The empty code is always known.
fn code_of(state: &StateTrie, hash: &B256) -> Option<Bytes> {
    if *hash == Account::default().code_hash {
        return Some(Bytes::new());
    }
    state.code(hash).cloned()
}

fn each_slot_once(address: &Address, storage: &[(U256, U256)]) -> Result<(), StateError> {
    let mut seen = BTreeSet::new();
    match storage.iter().find(|(slot, _)| !seen.insert(*slot)) {
        Some((slot, _)) => Err(StateError::SlotTwice { address: *address, slot: *slot }),
        None => Ok(()),
    }
}
