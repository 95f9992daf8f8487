//! Folds a block's final writes, in order, into what the block changed of its parent Snapshot.

use crate::{
    access::{AccountWrite, WriteSet},
    account::{Account, TouchRule, apply_account_write},
    ids::AccessIndex,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    convert::Infallible,
    sync::Arc,
};

/// What a block changed of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDiff {
    /// The account after the block; `None` where there is none. There also if only slots changed.
    pub account: Option<Account>,
    /// Whether storage was emptied before [`slots`](Self::slots) were written. An account that
    /// existed and is absent is wiped too.
    pub wiped: bool,
    /// Slots that were written, zeroes included; none if the account is absent.
    pub slots: BTreeMap<U256, U256>,
}

impl AccountDiff {
    /// Applies one index's write: the wipe first, the slots last (rule 4).
    fn apply(&mut self, write: &AccountWrite, rule: TouchRule) {
        let before = self.account;
        self.account = apply_account_write(before, write, rule);
        if write.wipe.is_some() || (before.is_some() && self.account.is_none()) {
            self.wiped = true;
            self.slots.clear();
        }
        if self.account.is_some() {
            self.slots.extend(write.slots.iter().copied());
        }
    }

    /// Tells whether the account is as the parent Snapshot has it, as far as writes can tell.
    fn is_nothing(&self, parent: Option<Account>) -> bool {
        self.account == parent && !self.wiped && self.slots.is_empty()
    }
}

/// What a block changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDiff {
    /// Accounts that changed, wipes and absences included.
    pub accounts: BTreeMap<Address, AccountDiff>,
    /// Codes that were deployed, by hash.
    pub codes: BTreeMap<B256, Bytes>,
}

/// Folds writes over the parent Snapshot. `writes` are the final ones of a block, one set an
/// index, sorted by index; `parent` is asked once for every account that was written.
///
/// A touch that changes nothing leaves no entry; a slot that was written has one even if its
/// value is the old one, because the parent's slots are not looked at.
pub fn fold(
    writes: &[(AccessIndex, Arc<WriteSet>)],
    rule: TouchRule,
    mut parent: impl FnMut(&Address) -> Option<Account>,
) -> StateDiff {
    let folded = try_fold(writes, rule, |address| Ok::<_, Infallible>(parent(address)));
    folded.unwrap_or_else(|never| match never {})
}

/// Folds like [`fold`] over a parent that may be unable to answer.
///
/// # Errors
/// Those of `parent`.
pub fn try_fold<E>(
    writes: &[(AccessIndex, Arc<WriteSet>)],
    rule: TouchRule,
    mut parent: impl FnMut(&Address) -> Result<Option<Account>, E>,
) -> Result<StateDiff, E> {
    let mut accounts = BTreeMap::<Address, (Option<Account>, AccountDiff)>::new();
    let mut codes = BTreeMap::new();
    for (_, set) in writes {
        for (address, write) in &set.accounts {
            let (_, diff) = match accounts.entry(*address) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let account = parent(address)?;
                    new.insert((account, AccountDiff { account, ..AccountDiff::default() }))
                }
            };
            diff.apply(write, rule);
        }
        codes.extend(set.codes.iter().cloned());
    }
    let accounts = accounts
        .into_iter()
        .filter(|(_, (parent, diff))| !diff.is_nothing(*parent))
        .map(|(address, (_, diff))| (address, diff))
        .collect();
    Ok(StateDiff { accounts, codes })
}

#[cfg(test)]
mod tests;
