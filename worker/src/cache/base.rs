//! Values of one committed Snapshot, bounded: whatever was not used since the older half was new
//! makes room.

use crate::prefetch::KnownKey;
use alloy_primitives::{Address, U256, map::HashMap};
use engine::{account::Account, fold::StateDiff};

/// A value of a Snapshot that is kept across jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// An account; `None` where there is none.
    Account(Option<Account>),
    /// A storage slot; zero where it was never set.
    Slot(U256),
}

/// Bytes of an entry: a map has up to as many free places as it has entries.
pub(super) const ENTRY_BYTES: usize = 2 * size_of::<(KnownKey, Kept)>();

#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    value: Cached,
    /// How many wipes there were when the value was known to be right.
    n_wipes: u64,
}

/// Values by key, in two halves: what is used goes to the young one; when that is full it becomes
/// the old one, and what was left in the old one is gone.
#[derive(Debug)]
pub(super) struct Base {
    young: HashMap<KnownKey, Kept>,
    old: HashMap<KnownKey, Kept>,
    half_len_max: usize,
    /// Accounts whose storage was emptied, with the number of that wipe: older slots are void.
    wipes: HashMap<Address, u64>,
    n_wipes: u64,
    /// How many wipes there were when the young half began.
    n_wipes_before_young: u64,
}

impl Base {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            half_len_max: (bytes_max / ENTRY_BYTES / 2).max(1),
            wipes: HashMap::default(),
            n_wipes: 0,
            n_wipes_before_young: 0,
        }
    }

    /// Returns a value, which is thereby used.
    pub(super) fn get(&mut self, key: &KnownKey) -> Option<Cached> {
        if let Some(kept) = self.young.get(key) {
            return self.is_valid(key, kept).then_some(kept.value);
        }
        let kept = self.old.remove(key)?;
        if !self.is_valid(key, &kept) {
            return None;
        }
        self.put(*key, kept.value);
        Some(kept.value)
    }

    /// Keeps a value that is right now.
    pub(super) fn put(&mut self, key: KnownKey, value: Cached) {
        if self.young.len() >= self.half_len_max && !self.young.contains_key(&key) {
            self.turn();
        }
        self.young.insert(key, Kept { value, n_wipes: self.n_wipes });
    }

    /// Becomes the Snapshot after a block.
    pub(super) fn apply(&mut self, diff: &StateDiff) {
        for (address, account) in &diff.accounts {
            if account.wiped {
                self.wipe(*address);
            }
            self.put(KnownKey::Account(*address), Cached::Account(account.account));
            for (slot, value) in &account.slots {
                self.put(KnownKey::Slot(*address, *slot), Cached::Slot(*value));
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.wipes.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        (self.young.len() + self.old.len()) * ENTRY_BYTES
    }

    fn is_valid(&self, key: &KnownKey, kept: &Kept) -> bool {
        match key {
            KnownKey::Slot(address, _) if !self.wipes.is_empty() => {
                self.wipes.get(address).is_none_or(|wipe| *wipe <= kept.n_wipes)
            }
            _ => true,
        }
    }

    fn wipe(&mut self, address: Address) {
        if self.wipes.len() >= self.half_len_max {
            self.clear();
        }
        self.n_wipes += 1;
        self.wipes.insert(address, self.n_wipes);
    }

    /// Forgets the old half. Wipes from before the young one began concern nothing any more.
    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        let before = self.n_wipes_before_young;
        self.wipes.retain(|_, wipe| *wipe > before);
        self.n_wipes_before_young = self.n_wipes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::fold::AccountDiff;
    use std::collections::BTreeMap;

    const OWNER: Address = Address::repeat_byte(1);

    fn slot(number: usize) -> KnownKey {
        KnownKey::Slot(OWNER, U256::from(number))
    }

    fn value(number: usize) -> Cached {
        Cached::Slot(U256::from(number))
    }

    #[test]
    fn the_bound_holds_and_what_is_used_stays() {
        let bytes_max = 64 * ENTRY_BYTES;
        let mut base = Base::new(bytes_max);
        base.put(slot(0), value(7));
        for number in 1..1_000 {
            base.put(slot(number), value(number));
            assert!(base.bytes() <= bytes_max, "{} after {number}", base.bytes());
            assert_eq!(base.get(&slot(0)), Some(value(7)), "used all the time, after {number}");
        }
        assert_eq!(base.get(&slot(1)), None);
        assert_eq!(base.get(&slot(999)), Some(value(999)));
    }

    #[test]
    fn a_wipe_voids_older_slots_of_its_account_in_both_halves_and_no_others() {
        for n_between in [0, 3, 6] {
            let mut base = Base::new(16 * ENTRY_BYTES);
            let other = KnownKey::Slot(Address::repeat_byte(2), U256::ZERO);
            base.put(slot(0), value(5));
            base.put(other, value(6));
            (100..100 + n_between).for_each(|number| base.put(slot(number), value(number)));
            let account = AccountDiff {
                account: None,
                wiped: true,
                slots: BTreeMap::from([(U256::ONE, U256::from(9))]),
            };
            let accounts = BTreeMap::from([(OWNER, account)]);

            base.apply(&StateDiff { accounts, ..StateDiff::default() });

            assert_eq!(base.get(&slot(0)), None, "{n_between} between");
            assert_eq!(base.get(&slot(1)), Some(value(9)), "written after the wipe");
            assert_eq!(base.get(&other), Some(value(6)));
            base.put(slot(0), value(8));
            assert_eq!(base.get(&slot(0)), Some(value(8)), "read after the wipe");
        }
    }

    #[test]
    fn wipes_are_forgotten_with_what_they_void_and_are_bounded() {
        let mut base = Base::new(16 * ENTRY_BYTES);
        for number in 0..1_000_u64 {
            let owner = Address::left_padding_from(&number.to_be_bytes());
            let key = KnownKey::Slot(owner, U256::ZERO);
            base.put(key, Cached::Slot(U256::ONE));
            base.wipe(owner);
            assert!(base.wipes.len() <= 8, "{}", base.wipes.len());
            assert_eq!(base.get(&key), None, "{number}");
        }
    }
}
