//! Folding against a plain map that takes every index's writes one after the other.

use super::{StateDiff, fold, try_fold};
use crate::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{Account, TouchRule},
    ids::AccessIndex,
    memory::BlockMemory,
    trie::tests::rng::Rng,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use std::{collections::BTreeMap, sync::Arc};

const N_ADDRESSES: u64 = 8;
const N_SLOTS: u64 = 6;

/// A state as plain maps: balance, nonce, code hash and slots that are not zero.
#[derive(Clone, Debug, Default, PartialEq)]
struct Plain(BTreeMap<Address, Entry>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Entry {
    account: Account,
    slots: BTreeMap<U256, U256>,
}

impl Plain {
    /// Takes one index's write, by the rules' own words and not by the engine's function.
    fn take(&mut self, address: Address, write: &AccountWrite, rule: TouchRule) {
        if write.wipe == Some(Wipe::Destroyed) {
            self.0.remove(&address);
            return;
        }
        let entry = self.0.entry(address).or_default();
        if write.wipe == Some(Wipe::Storage) {
            entry.slots = BTreeMap::new();
        }
        match write.balance {
            Some(BalanceWrite::Credit(amount)) => entry.account.balance += amount,
            Some(BalanceWrite::Set(balance)) => entry.account.balance = balance,
            None => {}
        }
        entry.account.nonce = write.nonce.unwrap_or(entry.account.nonce);
        entry.account.code_hash = write.code_hash.unwrap_or(entry.account.code_hash);
        entry.slots.extend(write.slots.iter().copied());
        entry.slots.retain(|_, value| *value != U256::ZERO);
        if rule == TouchRule::Clears && entry.account == Account::default() {
            self.0.remove(&address);
        }
    }

    fn take_diff(&mut self, diff: &StateDiff) {
        for (address, changes) in &diff.accounts {
            let mut entry = self.0.remove(address).unwrap_or_default();
            if changes.wiped {
                entry.slots.clear();
            }
            entry.slots.extend(&changes.slots);
            entry.slots.retain(|_, value| *value != U256::ZERO);
            if let Some(account) = changes.account {
                entry.account = account;
                self.0.insert(*address, entry);
            }
        }
    }
}

fn address(rng: &mut Rng) -> Address {
    Address::with_last_byte(u8::try_from(rng.below(N_ADDRESSES)).unwrap())
}

fn code(rng: &mut Rng) -> Bytes {
    vec![u8::try_from(rng.below(3)).unwrap()].into()
}

/// Returns a number that additions in a test cannot overflow.
fn amount(rng: &mut Rng) -> U256 {
    rng.word() >> 64
}

fn parent(rng: &mut Rng) -> Plain {
    let mut plain = Plain::default();
    for _ in 0..rng.below(N_ADDRESSES) {
        let mut account = Account { balance: amount(rng), ..Account::default() };
        if rng.one_in(2) {
            account.nonce = rng.below(3);
            account.code_hash = keccak256(code(rng));
        }
        let slots = (0..rng.below(N_SLOTS)).map(|n| (U256::from(n), U256::from(1 + n))).collect();
        plain.0.insert(address(rng), Entry { account, slots });
    }
    plain
}

fn account_write(rng: &mut Rng, codes: &mut Vec<(B256, Bytes)>) -> AccountWrite {
    if rng.one_in(10) {
        return AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() };
    }
    if rng.one_in(4) {
        let amount = if rng.one_in(2) { U256::ZERO } else { amount(rng) };
        return AccountWrite::credit(amount);
    }
    let balance = match rng.below(4) {
        0 => Some(BalanceWrite::Credit(amount(rng))),
        1 => Some(BalanceWrite::Set(amount(rng))),
        2 => Some(BalanceWrite::Set(U256::ZERO)),
        _ => None,
    };
    let code_hash = rng.one_in(4).then(|| {
        let code = code(rng);
        codes.push((keccak256(&code), code.clone()));
        keccak256(code)
    });
    let mut slots = BTreeMap::new();
    for _ in 0..rng.below(4) {
        slots.insert(U256::from(rng.below(N_SLOTS)), rng.word());
    }
    AccountWrite {
        wipe: rng.one_in(8).then_some(Wipe::Storage),
        balance,
        nonce: rng.one_in(3).then(|| rng.below(3)),
        code_hash,
        slots: slots.into_iter().collect(),
    }
}

fn block(rng: &mut Rng) -> Vec<(AccessIndex, Arc<WriteSet>)> {
    let n_indices = u32::try_from(1 + rng.below(12)).unwrap();
    (0..n_indices)
        .map(|position| {
            let mut set = WriteSet::default();
            for _ in 0..rng.below(5) {
                let address = address(rng);
                *set.account_mut(address) = account_write(rng, &mut set.codes);
            }
            (AccessIndex::new(position), Arc::new(set))
        })
        .collect()
}

#[test]
fn folding_a_block_equals_taking_its_indices_one_after_the_other() {
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let rule = *rng.pick(&[TouchRule::Creates, TouchRule::Clears]);
        let parent = parent(&mut rng);
        let writes = block(&mut rng);
        let mut expected = parent.clone();
        for (address, write) in writes.iter().flat_map(|(_, set)| &set.accounts) {
            expected.take(*address, write, rule);
        }

        let diff = fold(&writes, rule, |address| parent.0.get(address).map(|entry| entry.account));

        let mut folded = parent.clone();
        folded.take_diff(&diff);
        assert_eq!(folded, expected, "seed {seed}, {rule:?}");
        let deployed = writes.iter().flat_map(|(_, set)| set.codes.clone()).collect();
        assert_eq!(diff.codes, deployed, "seed {seed}");
    }
}

#[test]
fn a_diff_names_what_changed_and_nothing_that_was_only_touched() {
    let mut n_touches = 0;
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let rule = *rng.pick(&[TouchRule::Creates, TouchRule::Clears]);
        let parent = parent(&mut rng);
        let writes = block(&mut rng);
        let before = |address: &Address| parent.0.get(address).map(|entry| entry.account);

        let diff = fold(&writes, rule, before);

        for (address, changes) in &diff.accounts {
            let same = changes.account == before(address);
            assert!(!same || changes.wiped || !changes.slots.is_empty(), "seed {seed}, {address}");
            let absent = changes.account.is_none();
            assert!(!absent || changes.wiped, "seed {seed}, {address}: absent with its storage");
            assert!(!absent || changes.slots.is_empty(), "seed {seed}, {address}");
        }
        let written = writes.iter().flat_map(|(_, set)| &set.accounts);
        n_touches += written.filter(|(address, _)| !diff.accounts.contains_key(address)).count();
    }
    assert!(n_touches > 100, "only {n_touches} touches changed nothing");
}

#[test]
fn a_diff_holds_what_a_reader_above_the_last_index_would_see() {
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let rule = *rng.pick(&[TouchRule::Creates, TouchRule::Clears]);
        let parent = parent(&mut rng);
        let writes = block(&mut rng);
        let mut memory = BlockMemory::new(rule);
        for (index, set) in &writes {
            memory.put(*index, set.clone());
        }
        let above = AccessIndex::post_block(writes.len());

        let diff = fold(&writes, rule, |address| parent.0.get(address).map(|entry| entry.account));

        for (address, changes) in &diff.accounts {
            let base = || Some(parent.0.get(address).map(|entry| entry.account));
            assert_eq!(memory.account(address, above, base), Some(changes.account), "seed {seed}");
            // Where a fork clears empty accounts, storage of one is out of any reader's reach.
            if rule == TouchRule::Creates {
                for (slot, value) in &changes.slots {
                    let seen = memory.slot(address, slot, above, || None);
                    assert_eq!(seen, Some(*value), "seed {seed}, {address}");
                }
            }
        }
    }
}

#[test]
fn a_parent_that_cannot_answer_ends_the_fold() {
    let accounts = vec![(Address::ZERO, AccountWrite::default())];
    let set = Arc::new(WriteSet { accounts, codes: Vec::new() });
    let writes = [(AccessIndex::new(1), set)];
    let folded = try_fold(&writes, TouchRule::Clears, |address| Err(*address));
    assert_eq!(folded, Err(Address::ZERO));
}

fn one(writes: Vec<(u32, AccountWrite)>, rule: TouchRule, account: Option<Account>) -> StateDiff {
    let writes: Vec<_> = writes
        .into_iter()
        .map(|(position, write)| {
            let accounts = vec![(Address::ZERO, write)];
            (AccessIndex::new(position), Arc::new(WriteSet { accounts, codes: Vec::new() }))
        })
        .collect();
    fold(&writes, rule, |_| account)
}

#[test]
fn an_account_destroyed_and_made_again_keeps_only_its_new_slots() {
    let slots = |value: u64| vec![(U256::ZERO, U256::from(value)), (U256::from(value), U256::ONE)];
    let write = |value| AccountWrite { slots: slots(value), ..AccountWrite::credit(U256::ONE) };
    let destroyed = AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() };
    let account = Account { balance: U256::from(9), ..Account::default() };

    let diff =
        one(vec![(1, write(5)), (2, destroyed), (3, write(6))], TouchRule::Clears, Some(account));

    let changes = &diff.accounts[&Address::ZERO];
    assert_eq!(changes.account, Some(Account { balance: U256::ONE, ..Account::default() }));
    assert!(changes.wiped);
    assert_eq!(changes.slots, slots(6).into_iter().collect());
}

#[test]
fn a_credit_of_zero_makes_an_absent_account_or_clears_an_empty_one_by_the_forks_rule() {
    let touch = || vec![(1, AccountWrite::credit(U256::ZERO))];
    let empty = Some(Account::default());

    let created = one(touch(), TouchRule::Creates, None);
    assert_eq!(created.accounts[&Address::ZERO].account, empty);
    assert!(one(touch(), TouchRule::Creates, empty).accounts.is_empty());
    let cleared = one(touch(), TouchRule::Clears, empty);
    assert_eq!(cleared.accounts[&Address::ZERO].account, None);
    assert!(cleared.accounts[&Address::ZERO].wiped);
    assert!(one(touch(), TouchRule::Clears, None).accounts.is_empty());
}
