//! What became of an input as a whole: the head and the state that it expects after its last block.

use super::{Session, chain::Chain};
use crate::{exit::Exit, failure::Failure, report::Difference, transport::Loaded};
use alloy_primitives::{B256, U256};
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    header::FieldStatus,
    ids::SnapshotId,
};
use inputs::{AccountValues, ExpectedState, Input, ParentState, StateValues};
use proto::coordinator::Mode;
use std::collections::BTreeMap;

/// What became of an input as a whole.
#[derive(Clone, Debug)]
pub struct InputEnd {
    /// The input.
    pub input: String,
    /// How the cluster's head compares with the one that the input expects; nothing if it expects none.
    pub head: Option<FieldStatus>,
    /// How the state after it compares; nothing if the input expects none.
    pub post_state: Option<FieldStatus>,
    /// The first difference.
    pub first_difference: Option<Difference>,
}

impl InputEnd {
    /// Says nothing of the end of an input that has an invalid block where it expects a valid one: it
    /// does not come to what it expects, and that is why.
    pub(super) fn not_comparable(input: &Input) -> Self {
        let not_checkable = |is_expected: bool| is_expected.then_some(FieldStatus::NotCheckable);
        Self {
            input: input.name.clone(),
            head: not_checkable(input.expected.head.is_some()),
            post_state: not_checkable(input.expected.state.is_some()),
            first_difference: None,
        }
    }

    /// Returns how a command ends that had this input.
    pub const fn exit(&self) -> Exit {
        if self.first_difference.is_some() { Exit::Difference } else { Exit::Done }
    }
}

impl Session {
    /// Compares the cluster's head and the state there with what the input expects.
    pub(super) fn end_of(
        &self,
        input: &Input,
        chain: &Chain,
        mode: Mode,
    ) -> Result<InputEnd, Failure> {
        let mut end = InputEnd {
            input: input.name.clone(),
            head: None,
            post_state: None,
            first_difference: None,
        };
        let mut head = Some(chain.head());
        if let Some(expected) = input.expected.head {
            if mode == Mode::VerifyAndCommit {
                head = self.head_of_cluster(chain)?;
            }
            let is_equal = head == Some(expected);
            end.head = Some(status(is_equal));
            end.first_difference = (!is_equal)
                .then(|| differ("head", head.map(|it| it.to_string()), expected.to_string()));
        }
        if let Some(expected) = &input.expected.state {
            let at = head.and_then(|head| chain.get(&head));
            let root = at.and_then(|at| at.state_root);
            end.post_state = Some(FieldStatus::NotCheckable);
            if let (Some(at), Some(root)) = (at, root) {
                let difference = self.differs_at(input, at.snapshot, root, expected)?;
                end.post_state = Some(status(difference.is_none()));
                end.first_difference = end.first_difference.or(difference);
            }
        }
        Ok(end)
    }

    /// Asks the cluster for its head. Where a longer branch was there before, it is told first which one
    /// counts here.
    fn head_of_cluster(&self, chain: &Chain) -> Result<Option<B256>, Failure> {
        let cluster = self.running()?;
        let head = cluster.status()?.head.map(|head| head.block_hash);
        if head.is_some_and(|head| chain.get(&head).is_none()) {
            return cluster.set_head(chain.head()).map(|head| Some(head.block_hash));
        }
        Ok(head)
    }

    /// Compares a state by its root, and if it is another one names the first account or slot that
    /// differs, as far as it can be read from here.
    fn differs_at(
        &self,
        input: &Input,
        snapshot: SnapshotId,
        root: B256,
        expected: &ExpectedState,
    ) -> Result<Option<Difference>, Failure> {
        let (expected_root, values) = match expected {
            ExpectedState::Root(expected) => (*expected, None),
            ExpectedState::Values(values) => (root_of(values)?, Some(values)),
        };
        if root == expected_root {
            return Ok(None);
        }
        let by_root = differ("state_root", Some(root.to_string()), expected_root.to_string());
        let Some(values) = values else { return Ok(Some(by_root)) };
        let keys = keys_of(values, &input.parent);
        let answers = self.running()?.read(snapshot, &keys)?;
        let by_key = answers.and_then(|answers| first_difference(values, &keys, &answers));
        Ok(Some(by_key.unwrap_or(by_root)))
    }
}

/// Returns the state root below an input's first block, as far as anybody will ask for it: what the
/// cluster said when it was loaded, or else, of a Snapshot of its own, that of what was loaded.
pub(super) fn root_below(input: &Input, loaded: &Loaded) -> Result<Option<B256>, Failure> {
    if loaded.state_root().is_some() || input.expected.state.is_none() {
        return Ok(loaded.state_root());
    }
    match &input.parent {
        ParentState::Genesis { state, .. } => root_of(state).map(Some),
        ParentState::Witness(witness) => Ok(Some(witness.state_root)),
        ParentState::Values(_) => Ok(None),
    }
}

/// Returns the root of an expected state.
fn root_of(values: &StateValues) -> Result<B256, Failure> {
    values.to_trie().root().map_err(|missing| {
        Failure::unreadable(missing, "the expected state", "check where the input comes from")
    })
}

const fn status(is_equal: bool) -> FieldStatus {
    if is_equal { FieldStatus::Equal } else { FieldStatus::Different }
}

fn differ(field: impl Into<String>, cluster: Option<String>, expected: String) -> Difference {
    let (field, expected) = (field.into(), Some(expected));
    Difference { transaction: None, field, cluster, expected, against: "post_state" }
}

/// Returns what is to be read: every account and slot that is expected, or was there before the first
/// block and perhaps should be gone; in order.
fn keys_of(expected: &StateValues, parent: &ParentState) -> Vec<SnapshotKey> {
    let before = parent.values().map(|values| values.accounts.as_slice()).unwrap_or_default();
    let mut keys = Vec::new();
    for AccountValues { address, storage, .. } in expected.accounts.iter().chain(before) {
        keys.push(SnapshotKey::Account(*address));
        keys.extend(storage.iter().map(|(slot, _)| SnapshotKey::Slot(*address, *slot)));
    }
    keys.sort_unstable_by_key(|key| (*key.address(), *key));
    keys.dedup();
    keys
}

/// Returns the first key whose value is not the expected one.
fn first_difference(
    expected: &StateValues,
    keys: &[SnapshotKey],
    answers: &[SnapshotAnswer],
) -> Option<Difference> {
    let accounts: BTreeMap<_, _> = expected.accounts.iter().map(|it| (it.address, it)).collect();
    keys.iter().zip(answers).find_map(|(key, answer)| {
        let address = key.address();
        let wanted = accounts.get(address);
        match (key, answer) {
            (SnapshotKey::Slot(_, slot), SnapshotAnswer::Slot(found)) => {
                let wanted = wanted.map_or(U256::ZERO, |values| slot_of(values, slot));
                let field = format!("account {address}.slot {slot:#x}");
                (wanted != *found)
                    .then(|| differ(field, Some(format!("{found:#x}")), format!("{wanted:#x}")))
            }
            (_, SnapshotAnswer::Account { account, .. }) => {
                let wanted = wanted.map(|values| values.account);
                in_account(account.as_ref(), wanted.as_ref()).map(|(field, found, wanted)| {
                    differ(format!("account {address}.{field}"), Some(found), wanted)
                })
            }
            _ => None,
        }
    })
}

fn slot_of(values: &AccountValues, slot: &U256) -> U256 {
    let at = values.storage.binary_search_by_key(slot, |(slot, _)| *slot);
    at.map_or(U256::ZERO, |at| values.storage[at].1)
}

fn in_account(
    found: Option<&Account>,
    wanted: Option<&Account>,
) -> Option<(&'static str, String, String)> {
    let (Some(found), Some(wanted)) = (found, wanted) else {
        let (found, wanted) = (found.is_some(), wanted.is_some());
        return (found != wanted).then(|| ("exists", found.to_string(), wanted.to_string()));
    };
    let fields = [
        ("balance", found.balance.to_string(), wanted.balance.to_string()),
        ("nonce", found.nonce.to_string(), wanted.nonce.to_string()),
        ("code_hash", found.code_hash.to_string(), wanted.code_hash.to_string()),
    ];
    fields.into_iter().find(|(_, found, wanted)| found != wanted)
}
