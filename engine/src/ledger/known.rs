//! What is known of the Snapshot, key by key, and who said so.

use crate::{
    account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue},
    ids::WorkerId,
};
use alloy_primitives::{
    Address, U256,
    map::{AddressMap, HashMap},
};
use std::collections::{BTreeMap, BTreeSet};

/// One value with those who vouch for it.
#[derive(Clone, Debug)]
struct Known<T> {
    value: T,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// Workers that reported this value: one, as a rule.
    Reported(WorkerId, Vec<WorkerId>),
    /// The state service said so itself.
    Settled,
}

/// What a report does to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// The value was not known.
    New,
    /// The value is the known one.
    Same,
    /// Workers disagree: nobody is believed until the state service has been asked.
    Disputed,
    /// The state service has said otherwise.
    Lie,
}

/// The Snapshot below a block, as far as it is known.
///
/// Workers report what their reads took from the Snapshot; what nobody reported, or what they
/// disagree on, has to be read from the state service.
#[derive(Clone, Debug, Default)]
pub struct KnownSnapshot {
    accounts: AddressMap<Known<Option<Account>>>,
    slots: HashMap<(Address, U256), Known<U256>>,
    /// Keys on which workers disagree, with what each said.
    disputes: BTreeMap<SnapshotKey, Vec<(WorkerId, SnapshotValue)>>,
    /// Keys that the Snapshot cannot answer.
    unanswerable: BTreeSet<SnapshotKey>,
}

impl KnownSnapshot {
    /// Returns an account of the Snapshot; `None` if it is not known.
    pub fn account(&self, address: &Address) -> Option<Option<Account>> {
        self.accounts.get(address).map(|known| known.value)
    }

    /// Returns a slot of the Snapshot; `None` if it is not known.
    pub fn slot(&self, address: &Address, slot: &U256) -> Option<U256> {
        self.slots.get(&(*address, *slot)).map(|known| known.value)
    }

    /// Tells whether the state service said that the Snapshot cannot answer a key.
    pub fn is_unanswerable(&self, key: &SnapshotKey) -> bool {
        self.unanswerable.contains(key)
    }

    /// Takes a worker's report in.
    pub(super) fn learn(&mut self, worker: WorkerId, report: SnapshotValue) -> Learned {
        let key = report.key();
        if let Some(said) = self.disputes.get_mut(&key) {
            said.push((worker, report));
            return Learned::Disputed;
        }
        let standing = match report {
            SnapshotValue::Account(address, account) => {
                vouch(self.accounts.get_mut(&address), &account, worker)
            }
            SnapshotValue::Slot(address, slot, value) => {
                vouch(self.slots.get_mut(&(address, slot)), &value, worker)
            }
        };
        match standing {
            Ok(Learned::New) => {
                self.insert(report, Source::Reported(worker, Vec::new()));
                Learned::New
            }
            Ok(learned) => learned,
            Err(others) => {
                let earlier = self.remove(&key).expect("a report differs from a known value only");
                let mut said: Vec<_> = others.into_iter().map(|other| (other, earlier)).collect();
                said.push((worker, report));
                self.disputes.insert(key, said);
                Learned::Disputed
            }
        }
    }

    /// Takes the state service's own answer in; returns the workers that reported another value.
    pub(super) fn settle(&mut self, key: SnapshotKey, answer: &SnapshotAnswer) -> Vec<WorkerId> {
        let truth = match (key, answer) {
            (
                SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address),
                SnapshotAnswer::Account { account, .. },
            ) => SnapshotValue::Account(address, *account),
            (SnapshotKey::Slot(address, slot), SnapshotAnswer::Slot(value)) => {
                SnapshotValue::Slot(address, slot, *value)
            }
            (SnapshotKey::Code(..), SnapshotAnswer::Code(_)) => return Vec::new(),
            // An answer of another kind than its question is no answer.
            _ => {
                self.unanswerable.insert(key);
                return Vec::new();
            }
        };
        let key = truth.key();
        let mut said = self.disputes.remove(&key).unwrap_or_default();
        if let Some(value) = self.value(&key) {
            said.extend(self.reporters(&key).into_iter().map(|worker| (worker, value)));
        }
        self.insert(truth, Source::Settled);
        said.into_iter().filter(|(_, value)| *value != truth).map(|(worker, _)| worker).collect()
    }

    /// Forgets what only this worker said; returns the keys that are unknown now.
    pub(super) fn forget(&mut self, worker: WorkerId) -> Vec<SnapshotKey> {
        let mut forgotten = Vec::new();
        self.accounts.retain(|address, known| {
            keep_without(worker, known, || forgotten.push(SnapshotKey::Account(*address)))
        });
        self.slots.retain(|(address, slot), known| {
            keep_without(worker, known, || forgotten.push(SnapshotKey::Slot(*address, *slot)))
        });
        for said in self.disputes.values_mut() {
            said.retain(|(other, _)| *other != worker);
        }
        forgotten.sort_unstable();
        forgotten
    }

    fn insert(&mut self, value: SnapshotValue, source: Source) {
        match value {
            SnapshotValue::Account(address, value) => {
                self.accounts.insert(address, Known { value, source });
            }
            SnapshotValue::Slot(address, slot, value) => {
                self.slots.insert((address, slot), Known { value, source });
            }
        }
    }

    fn value(&self, key: &SnapshotKey) -> Option<SnapshotValue> {
        match key {
            SnapshotKey::Account(address) => {
                self.account(address).map(|account| SnapshotValue::Account(*address, account))
            }
            SnapshotKey::Slot(address, slot) => {
                self.slot(address, slot).map(|value| SnapshotValue::Slot(*address, *slot, value))
            }
            SnapshotKey::AccountWithCode(_) | SnapshotKey::Code(..) => None,
        }
    }

    fn reporters(&self, key: &SnapshotKey) -> Vec<WorkerId> {
        let source = match key {
            SnapshotKey::Account(address) => self.accounts.get(address).map(|known| &known.source),
            SnapshotKey::Slot(address, slot) => {
                self.slots.get(&(*address, *slot)).map(|known| &known.source)
            }
            SnapshotKey::AccountWithCode(_) | SnapshotKey::Code(..) => None,
        };
        match source {
            Some(Source::Reported(first, others)) => all_of(*first, others),
            Some(Source::Settled) | None => Vec::new(),
        }
    }

    fn remove(&mut self, key: &SnapshotKey) -> Option<SnapshotValue> {
        let value = self.value(key);
        match key {
            SnapshotKey::Account(address) => drop(self.accounts.remove(address)),
            SnapshotKey::Slot(address, slot) => drop(self.slots.remove(&(*address, *slot))),
            SnapshotKey::AccountWithCode(_) | SnapshotKey::Code(..) => {}
        }
        value
    }
}

/// Adds a worker's word for a value; fails with those who said something else.
fn vouch<T: PartialEq>(
    known: Option<&mut Known<T>>,
    value: &T,
    worker: WorkerId,
) -> Result<Learned, Vec<WorkerId>> {
    let Some(known) = known else { return Ok(Learned::New) };
    let same = known.value == *value;
    match &mut known.source {
        Source::Settled => Ok(if same { Learned::Same } else { Learned::Lie }),
        Source::Reported(first, others) if same => {
            if *first != worker && !others.contains(&worker) {
                others.push(worker);
            }
            Ok(Learned::Same)
        }
        Source::Reported(first, others) => Err(all_of(*first, others)),
    }
}

/// Takes a worker's word away; tells whether the value is still known.
fn keep_without<T>(worker: WorkerId, known: &mut Known<T>, forgotten: impl FnOnce()) -> bool {
    let Source::Reported(first, others) = &mut known.source else { return true };
    others.retain(|other| *other != worker);
    if *first == worker {
        match others.pop() {
            Some(other) => *first = other,
            None => {
                forgotten();
                return false;
            }
        }
    }
    true
}

fn all_of(first: WorkerId, others: &[WorkerId]) -> Vec<WorkerId> {
    std::iter::once(first).chain(others.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HONEST: WorkerId = WorkerId::new(1);
    const LIAR: WorkerId = WorkerId::new(2);
    const ADDRESS: Address = Address::repeat_byte(7);
    const SLOT: U256 = U256::ZERO;
    const KEY: SnapshotKey = SnapshotKey::Slot(ADDRESS, SLOT);

    fn value(number: u64) -> SnapshotValue {
        SnapshotValue::Slot(ADDRESS, SLOT, U256::from(number))
    }

    fn truth() -> SnapshotAnswer {
        SnapshotAnswer::Slot(U256::from(1))
    }

    #[test]
    fn nobody_is_believed_on_a_disputed_key_until_it_is_settled() {
        let mut known = KnownSnapshot::default();
        assert_eq!(known.learn(LIAR, value(9)), Learned::New);
        assert_eq!(known.learn(HONEST, value(1)), Learned::Disputed);
        assert_eq!(known.slot(&ADDRESS, &SLOT), None);

        assert_eq!(known.settle(KEY, &truth()), [LIAR]);
        assert_eq!(known.slot(&ADDRESS, &SLOT), Some(U256::from(1)));
    }

    #[test]
    fn whoever_contradicts_the_state_service_lies() {
        let mut known = KnownSnapshot::default();
        assert!(known.settle(KEY, &truth()).is_empty());
        assert_eq!(known.learn(HONEST, value(1)), Learned::Same);
        assert_eq!(known.learn(LIAR, value(9)), Learned::Lie);
        assert_eq!(known.slot(&ADDRESS, &SLOT), Some(U256::from(1)));
    }

    #[test]
    fn whoever_vouched_for_a_wrong_value_is_named_when_it_is_settled() {
        let mut known = KnownSnapshot::default();
        known.learn(LIAR, value(9));
        known.learn(WorkerId::new(3), value(9));
        assert_eq!(known.settle(KEY, &truth()), [LIAR, WorkerId::new(3)]);
    }

    #[test]
    fn what_only_a_dropped_worker_said_is_unknown_again() {
        let mut known = KnownSnapshot::default();
        known.learn(LIAR, value(9));
        assert_eq!(known.forget(LIAR), [KEY]);
        assert_eq!(known.slot(&ADDRESS, &SLOT), None);

        known.learn(LIAR, value(1));
        known.learn(HONEST, value(1));
        assert!(known.forget(LIAR).is_empty(), "somebody else vouches for it");
        assert_eq!(known.slot(&ADDRESS, &SLOT), Some(U256::from(1)));
    }

    #[test]
    fn a_key_that_cannot_be_answered_is_remembered_as_such() {
        let mut known = KnownSnapshot::default();
        assert!(known.settle(KEY, &SnapshotAnswer::Unavailable).is_empty());
        assert!(known.is_unanswerable(&KEY));
        assert_eq!(known.slot(&ADDRESS, &SLOT), None);
    }
}
