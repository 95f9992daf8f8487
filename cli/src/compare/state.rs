//! The state after a block, account by account and slot by slot.

use super::{Found, Mismatch, Writes, differ};
use alloy_primitives::{Address, Bytes, U256};
use engine::{
    account::{Account, TouchRule},
    fold::{StateDiff, fold},
    ids::AccessIndex,
    sequential::SerialState,
};
use std::{collections::BTreeSet, fmt};

/// The state below a block, and what its fork makes of touched empty accounts.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// The state.
    pub state: &'a SerialState,
    /// The fork's rule.
    pub rule: TouchRule,
}

impl Parent<'_> {
    /// Returns what writes change of the state, in the form in which equal changes are equal.
    fn changes(&self, writes: &Writes) -> StateDiff {
        let diff = fold(writes, self.rule, |address| self.state.account(address));
        self.state.normalise(&diff)
    }

    /// Tells whether the writes leave the state that the oracle left.
    pub(super) fn leads_to(&self, writes: &Writes, post: &StateDiff) -> bool {
        self.changes(writes) == self.state.normalise(post)
    }

    /// Returns where the two sides part: an index below which the states are the same and after
    /// which they are not, with the first account's field or slot that is not.
    pub(super) fn first_mismatch(&self, cluster: &Writes, oracle: &Writes) -> Option<Mismatch> {
        let indices: Vec<_> = cluster
            .iter()
            .chain(oracle)
            .map(|(index, _)| *index)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let after = |index: AccessIndex| {
            (self.changes(up_to(cluster, index)), self.changes(up_to(oracle, index)))
        };
        let differs_after = |index: AccessIndex| {
            let (ours, theirs) = after(index);
            ours != theirs
        };
        if !indices.last().is_some_and(|last| differs_after(*last)) {
            return None;
        }
        // All positions below `from` were never seen to differ, `to` was.
        let (mut from, mut to) = (0, indices.len() - 1);
        while from < to {
            let middle = from + (to - from) / 2;
            if differs_after(indices[middle]) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        let (ours, theirs) = after(indices[to]);
        let found = self.in_changes(&ours, &theirs);
        found.map(|(field, cluster, expected)| Mismatch {
            index: indices[to],
            field,
            cluster,
            expected,
        })
    }

    /// Returns the first thing that two changes of the state do not agree on.
    pub(super) fn in_changes(&self, cluster: &StateDiff, oracle: &StateDiff) -> Option<Found> {
        let addresses: BTreeSet<_> =
            cluster.accounts.keys().chain(oracle.accounts.keys()).collect();
        let in_accounts = addresses.into_iter().find_map(|address| {
            let found = in_account(
                self.account(cluster, address).as_ref(),
                self.account(oracle, address).as_ref(),
            )
            .or_else(|| self.in_slots(cluster, oracle, address));
            found.map(|(field, ours, theirs)| (format!("account {address}.{field}"), ours, theirs))
        });
        in_accounts.or_else(|| in_codes(cluster, oracle))
    }

    /// Returns the first thing that the writes and the oracle's last state do not agree on.
    pub(super) fn in_last_state(&self, writes: &Writes, post: &StateDiff) -> Option<Found> {
        self.in_changes(&self.changes(writes), &self.state.normalise(post))
    }

    fn account(&self, after: &StateDiff, address: &Address) -> Option<Account> {
        match after.accounts.get(address) {
            Some(diff) => diff.account,
            None => self.state.account(address),
        }
    }

    fn slot(&self, after: &StateDiff, address: &Address, slot: &U256) -> Word {
        let written = after.accounts.get(address).and_then(|diff| diff.slots.get(slot));
        Word(written.copied().unwrap_or_else(|| self.state.slot(address, slot)))
    }

    fn in_slots(
        &self,
        cluster: &StateDiff,
        oracle: &StateDiff,
        address: &Address,
    ) -> Option<Found> {
        let slots = |after: &StateDiff| -> Vec<U256> {
            let diff = after.accounts.get(address);
            diff.into_iter().flat_map(|diff| diff.slots.keys()).copied().collect()
        };
        let both = slots(cluster).into_iter().chain(slots(oracle)).collect::<BTreeSet<_>>();
        both.into_iter().find_map(|slot| {
            let field = format!("slot {slot:#x}");
            let ours = self.slot(cluster, address, &slot);
            differ(&field, &ours, &self.slot(oracle, address, &slot))
        })
    }
}

/// Returns the writes of the indices up to one, that one too.
fn up_to(writes: &Writes, last: AccessIndex) -> &Writes {
    &writes[..writes.partition_point(|(index, _)| *index <= last)]
}

fn in_account(cluster: Option<&Account>, oracle: Option<&Account>) -> Option<Found> {
    let (Some(ours), Some(theirs)) = (cluster, oracle) else {
        return differ("exists", &cluster.is_some(), &oracle.is_some());
    };
    differ("balance", &ours.balance, &theirs.balance)
        .or_else(|| differ("nonce", &ours.nonce, &theirs.nonce))
        .or_else(|| differ("code_hash", &ours.code_hash, &theirs.code_hash))
}

fn in_codes(cluster: &StateDiff, oracle: &StateDiff) -> Option<Found> {
    let hashes: BTreeSet<_> = cluster.codes.keys().chain(oracle.codes.keys()).collect();
    hashes.into_iter().find_map(|hash| {
        let (ours, theirs) = (cluster.codes.get(hash), oracle.codes.get(hash));
        let text = |code: Option<&Bytes>| code.map(ToString::to_string);
        (ours != theirs).then(|| (format!("code {hash}"), text(ours), text(theirs)))
    })
}

/// A slot's value as people read it.
#[derive(PartialEq)]
struct Word(U256);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
