//! Changing big storage tries in parts, for whoever has more than one core.
//!
//! A trie is one branch over sixteen tries that have nothing in common, one for each first nibble.
//! Each of them can be changed by itself; joined, they are what changing the whole comes to.

use super::{
    map::Trie,
    missing::{Missing, Work},
    node::{Branch, Node},
    path::nibble,
    state::{StateTrie, hashed_slots, set_slots},
};
use crate::fold::{AccountDiff, StateDiff};
use alloy_primitives::{B256, U256, keccak256};
use alloy_trie::TrieMask;
use std::{
    array,
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

/// What stands below each first nibble of a trie's keys.
pub(super) type Nibbles<V> = [Trie<V>; 16];

/// Slots of one account that begin with one nibble, and what they become.
pub struct ChangePart {
    account: B256,
    nibble: usize,
    storage: Trie<U256>,
    /// By hashed slot, ascending, each once; zero takes a slot away.
    slots: Vec<(B256, U256)>,
}

/// A [`ChangePart`] that has run.
pub struct ChangedPart {
    account: B256,
    nibble: usize,
    storage: Trie<U256>,
    work: Work,
}

/// Storage tries that were changed in parts, by hashed address.
#[derive(Debug, Default)]
pub(super) struct Prepared(BTreeMap<B256, Vec<ChangedPart>>);

impl ChangePart {
    /// Changes the part.
    ///
    /// # Errors
    /// If a blind node would have to change, or to move.
    pub fn run(self) -> Result<ChangedPart, Missing> {
        let Self { account, nibble, mut storage, slots } = self;
        let mut work = Work::default();
        set_slots(&mut storage, &slots, &mut work).map_err(|node| node.in_storage_of(&account))?;
        Ok(ChangedPart { account, nibble, storage, work })
    }
}

impl StateTrie {
    /// Divides what a block changes of big storage tries into parts, none of which needs another.
    /// The storage of an account of which fewer than `changed_min` slots change is not divided.
    /// When all have run, [`apply_changed`](Self::apply_changed) does the rest.
    ///
    /// # Errors
    /// If an account whose storage would be divided is blind.
    pub fn change_parts(
        &self,
        diff: &StateDiff,
        changed_min: usize,
    ) -> Result<Vec<ChangePart>, Missing> {
        let mut parts = Vec::new();
        let is_big =
            |changes: &AccountDiff| changes.account.is_some() && changes.slots.len() >= changed_min;
        for (address, changes) in diff.accounts.iter().filter(|(_, changes)| is_big(changes)) {
            let account = keccak256(address);
            let storage = self.storage_below(&account, changes)?;
            let Some(below) = storage.divide() else { continue };
            let slots = hashed_slots(changes.slots.iter().map(|(slot, value)| (*slot, *value)));
            let of_nibble =
                slots.chunk_by(|(one, _), (other, _)| nibble(one, 0) == nibble(other, 0));
            parts.extend(of_nibble.map(|slots| {
                let nibble = usize::from(nibble(&slots[0].0, 0));
                let storage = below[nibble].clone();
                ChangePart { account, nibble, storage, slots: slots.to_vec() }
            }));
        }
        Ok(parts)
    }
}

impl Prepared {
    pub(super) fn new(parts: Vec<ChangedPart>, work: &mut Work) -> Self {
        let mut by_account = BTreeMap::<_, Vec<_>>::new();
        for part in parts {
            work.add(part.work);
            by_account.entry(part.account).or_default().push(part);
        }
        Self(by_account)
    }

    /// Returns an account's storage with its parts in place, if it was divided. `before` is what it
    /// was divided of.
    pub(super) fn take(
        &mut self,
        account: &B256,
        before: &Trie<U256>,
    ) -> Result<Option<Trie<U256>>, Missing> {
        let Some(parts) = self.0.remove(account) else { return Ok(None) };
        let Some(mut below) = before.divide() else { return Ok(None) };
        for part in parts {
            below[part.nibble] = part.storage;
        }
        Trie::unite(below).map(Some)
    }
}

impl<V: Clone> Trie<V> {
    /// Returns what stands below each first nibble; `None` where keys do not part there.
    pub(super) fn divide(&self) -> Option<Nibbles<V>> {
        let branch = match &self.root {
            None => return Some(array::from_fn(|_| Self::default())),
            Some(Node::Branch(branch)) if branch.depth() == 0 => branch,
            Some(_) => return None,
        };
        let child = |nibble| u8::try_from(nibble).ok().and_then(|nibble| branch.child(nibble));
        Some(array::from_fn(|nibble| Self { root: child(nibble).cloned() }))
    }

    /// Makes one trie of what stands below each first nibble.
    ///
    /// # Errors
    /// If only one of them is left, and is a blind node of unknown kind.
    pub(super) fn unite(below: Nibbles<V>) -> Result<Self, Missing> {
        let mut mask = TrieMask::default();
        let mut children = Vec::new();
        for (nibble, trie) in (0..).zip(below) {
            if let Some(root) = trie.root {
                mask.set_bit(nibble);
                children.push(root);
            }
        }
        if children.len() > 1 {
            let prefix = *children[0].some_key();
            let reference = OnceLock::new();
            let branch = Branch { prefix, depth: 0, mask, children, reference };
            return Ok(Self { root: Some(Node::Branch(Arc::new(branch))) });
        }
        let mut last = children.pop();
        if let Some(node) = &mut last {
            node.moved()?;
        }
        Ok(Self { root: last })
    }
}

impl fmt::Debug for ChangePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePart").field("n_slots", &self.slots.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ChangedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedPart").field("work", &self.work).finish_non_exhaustive()
    }
}
