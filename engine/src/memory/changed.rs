//! What differs between two incarnations of an index: what has to be validated again.

use crate::access::{AccountWrite, WriteSet};
use alloy_primitives::{Address, U256};
use std::collections::BTreeMap;

/// Returns the keys whose value differs for readers above an index when `after` takes the place
/// of `before`: what has to be validated again. Sorted, each once.
pub fn changed_keys(before: Option<&WriteSet>, after: Option<&WriteSet>) -> Vec<ChangedKeys> {
    let empty = WriteSet::default();
    let (before, after) = (before.unwrap_or(&empty), after.unwrap_or(&empty));
    let mut changed = BTreeMap::<Address, (Option<&AccountWrite>, Option<&AccountWrite>)>::new();
    for (address, write) in &before.accounts {
        changed.entry(*address).or_default().0 = Some(write);
    }
    for (address, write) in &after.accounts {
        changed.entry(*address).or_default().1 = Some(write);
    }
    changed
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(address, (before, after))| ChangedKeys::between(address, before, after))
        .collect()
}

/// What changed of one account between two incarnations of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedKeys {
    /// The account.
    pub address: Address,
    /// Whether balance, nonce, code hash or existence may be another.
    pub account: bool,
    /// Whether a wipe came or went: every slot may be another.
    pub all_slots: bool,
    /// Slots that may be another, sorted.
    pub slots: Vec<U256>,
}

impl ChangedKeys {
    fn between(
        address: Address,
        before: Option<&AccountWrite>,
        after: Option<&AccountWrite>,
    ) -> Self {
        let account_part = |write: Option<&AccountWrite>| {
            write.map(|write| (write.wipe, write.balance, write.nonce, write.code_hash))
        };
        let wipe = |write: Option<&AccountWrite>| write.and_then(|write| write.wipe);
        let slots_of = |write: Option<&AccountWrite>| {
            write.map(|write| write.slots.iter().copied().collect::<BTreeMap<_, _>>())
        };
        let (old, new) =
            (slots_of(before).unwrap_or_default(), slots_of(after).unwrap_or_default());
        let mut slots: Vec<U256> = old
            .iter()
            .filter(|(slot, value)| new.get(slot) != Some(value))
            .chain(new.iter().filter(|(slot, value)| old.get(slot) != Some(value)))
            .map(|(slot, _)| *slot)
            .collect();
        slots.sort_unstable();
        slots.dedup();
        Self {
            address,
            account: account_part(before) != account_part(after),
            all_slots: wipe(before) != wipe(after),
            slots,
        }
    }
}
