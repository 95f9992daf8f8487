//! States as plain maps, copied whole for every Snapshot: what the shard is compared with.

use super::rng::Rng;
use crate::snapshot::Snapshot;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use engine::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{Account, SnapshotAnswer, SnapshotKey, TouchRule},
    block::Code,
    digest,
    fold::StateDiff,
    ids::{AccessIndex, Incarnation},
    trie::state_root,
};
use proto::state::{AccountState, StateValues};
use std::{collections::BTreeMap, sync::Arc};

const N_ADDRESSES: u64 = 6;
const N_SLOTS: u64 = 4;
const N_CODES: u64 = 3;

/// Final writes of a block.
pub(crate) type Writes = Vec<(AccessIndex, Arc<WriteSet>)>;

/// A whole state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plain {
    accounts: BTreeMap<Address, (Account, BTreeMap<U256, U256>)>,
    codes: BTreeMap<B256, Bytes>,
}

impl Plain {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self::random_of(N_ADDRESSES, rng)
    }

    /// Makes a random state of some of the first so many addresses.
    pub(crate) fn random_of(n_addresses: u64, rng: &mut Rng) -> Self {
        let mut plain = Self::default();
        for number in 0..n_addresses {
            if rng.one_in(2) {
                continue;
            }
            let mut account = Account { balance: rng.word(), nonce: 1, ..Account::default() };
            let mut slots = BTreeMap::new();
            if rng.one_in(2) {
                let code = code(rng);
                account.code_hash = keccak256(&code);
                plain.codes.insert(account.code_hash, code);
                slots = (0..rng.below(N_SLOTS)).map(|n| (U256::from(n), U256::ONE)).collect();
            }
            plain.accounts.insert(address(number), (account, slots));
        }
        plain
    }

    pub(crate) fn values(&self) -> StateValues {
        let accounts = self.accounts.iter().map(|(address, (account, slots))| AccountState {
            address: *address,
            account: *account,
            storage: slots.iter().map(|(slot, value)| (*slot, *value)).collect(),
        });
        let codes =
            self.codes.iter().map(|(hash, bytes)| Code { hash: *hash, bytes: bytes.clone() });
        StateValues { accounts: accounts.collect(), codes: codes.collect() }
    }

    pub(crate) fn root(&self) -> B256 {
        state_root(
            self.accounts
                .iter()
                .map(|(address, (account, slots))| (*address, *account, slots.clone())),
        )
    }

    /// Returns the state after a block, index by index, by the rules' own words.
    pub(crate) fn after(&self, writes: &Writes, rule: TouchRule) -> Self {
        let mut after = self.clone();
        for (_, set) in writes {
            for (address, write) in &set.accounts {
                after.take(*address, write, rule);
            }
            after.codes.extend(set.codes.iter().cloned());
        }
        after
    }

    fn take(&mut self, address: Address, write: &AccountWrite, rule: TouchRule) {
        let (mut account, mut slots) = self.accounts.remove(&address).unwrap_or_default();
        match write.wipe {
            Some(Wipe::Destroyed) => return,
            Some(Wipe::Storage) => slots.clear(),
            None => {}
        }
        match write.balance {
            Some(BalanceWrite::Set(balance)) => account.balance = balance,
            Some(BalanceWrite::Credit(amount)) => account.balance += amount,
            None => {}
        }
        account.nonce = write.nonce.unwrap_or(account.nonce);
        account.code_hash = write.code_hash.unwrap_or(account.code_hash);
        slots.extend(write.slots.iter().copied());
        slots.retain(|_, value| !value.is_zero());
        if rule == TouchRule::Creates || account != Account::default() {
            self.accounts.insert(address, (account, slots));
        }
    }

    /// Returns the state after what a feed tells of a block.
    pub(crate) fn after_diff(&self, diff: &StateDiff) -> Self {
        let mut after = self.clone();
        for (address, changes) in &diff.accounts {
            let (_, mut slots) = after.accounts.remove(address).unwrap_or_default();
            if changes.wiped {
                slots.clear();
            }
            slots.extend(changes.slots.iter().map(|(slot, value)| (*slot, *value)));
            slots.retain(|_, value| !value.is_zero());
            if let Some(account) = changes.account {
                after.accounts.insert(*address, (account, slots));
            }
        }
        after.codes.extend(diff.codes.clone());
        after
    }

    /// Returns every key that a test can know of, with its answer.
    pub(crate) fn answers(&self) -> Vec<(SnapshotKey, SnapshotAnswer)> {
        let mut answers = self.account_answers(N_ADDRESSES);
        for number in 0..N_CODES {
            let bytes = numbered_code(number);
            let hash = keccak256(&bytes);
            let known = self.codes.contains_key(&hash);
            let answer =
                if known { SnapshotAnswer::Code(bytes) } else { SnapshotAnswer::Unavailable };
            answers.push((SnapshotKey::Code(Address::ZERO, hash), answer));
        }
        let no_code = Account::default().code_hash;
        let key = SnapshotKey::Code(Address::ZERO, no_code);
        answers.push((key, SnapshotAnswer::Code(Bytes::new())));
        answers
    }

    /// Returns every key of the first so many addresses with its answer; codes of those who have
    /// them only.
    pub(crate) fn account_answers(&self, n_addresses: u64) -> Vec<(SnapshotKey, SnapshotAnswer)> {
        let mut answers = Vec::new();
        for address in (0..=n_addresses).map(address) {
            let entry = self.accounts.get(&address);
            let account = entry.map(|(account, _)| *account);
            let code = account.and_then(|account| {
                let bytes = self.codes.get(&account.code_hash)?.clone();
                Some(Code { hash: account.code_hash, bytes })
            });
            let plain = SnapshotAnswer::Account { account, code: None };
            answers.push((SnapshotKey::Account(address), plain));
            if let Some(Code { hash, bytes }) = code.clone() {
                answers.push((SnapshotKey::Code(address, hash), SnapshotAnswer::Code(bytes)));
            }
            let with_code = SnapshotAnswer::Account { account, code };
            answers.push((SnapshotKey::AccountWithCode(address), with_code));
            for slot in (0..=N_SLOTS).map(U256::from) {
                let value = entry.and_then(|(_, slots)| slots.get(&slot)).copied();
                let answer = SnapshotAnswer::Slot(value.unwrap_or_default());
                answers.push((SnapshotKey::Slot(address, slot), answer));
            }
        }
        answers
    }

    /// Fails if a Snapshot answers any key otherwise.
    pub(crate) fn assert_is(&self, snapshot: &Snapshot, context: &str) {
        let (keys, answers): (Vec<_>, Vec<_>) = self.answers().into_iter().unzip();
        assert_eq!(snapshot.answers(&keys), answers, "{context}");
    }
}

/// Returns the order of writes, all of one incarnation, and their digest.
pub(crate) fn ordered(
    writes: &Writes,
    incarnation: u32,
) -> (Vec<(AccessIndex, Incarnation)>, B256) {
    let order = writes.iter().map(|(index, _)| (*index, Incarnation::new(incarnation)));
    let digests = writes.iter().map(|(index, set)| (*index, digest::of_write_set(set)));
    (order.collect(), digest::of_writes(digests))
}

/// Makes a random block's writes.
pub(crate) fn writes(rng: &mut Rng) -> Writes {
    writes_to(N_ADDRESSES, rng)
}

/// Makes a random block's writes to some of the first so many addresses.
pub(crate) fn writes_to(n_addresses: u64, rng: &mut Rng) -> Writes {
    (0..1 + rng.below(4))
        .map(|position| {
            let mut set = WriteSet::default();
            for _ in 0..rng.below(1 + n_addresses / 2) {
                let address = address(rng.below(n_addresses));
                *set.account_mut(address) = account_write(rng, &mut set.codes);
            }
            (AccessIndex::new(u32::try_from(position).unwrap()), Arc::new(set))
        })
        .collect()
}

fn account_write(rng: &mut Rng, codes: &mut Vec<(B256, Bytes)>) -> AccountWrite {
    match rng.below(6) {
        0 => AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() },
        1 => AccountWrite::credit(U256::ZERO),
        2 => AccountWrite::credit(rng.word()),
        3 => AccountWrite {
            balance: Some(BalanceWrite::Set(rng.word())),
            nonce: Some(rng.below(3)),
            ..AccountWrite::default()
        },
        _ => {
            let code = code(rng);
            codes.push((keccak256(&code), code.clone()));
            AccountWrite {
                wipe: rng.one_in(2).then_some(Wipe::Storage),
                balance: None,
                nonce: Some(1),
                code_hash: Some(keccak256(code)),
                slots: vec![(U256::from(rng.below(N_SLOTS)), rng.word())],
            }
        }
    }
}

fn address(number: u64) -> Address {
    Address::with_last_byte(u8::try_from(number).unwrap())
}

fn code(rng: &mut Rng) -> Bytes {
    numbered_code(rng.below(N_CODES))
}

fn numbered_code(number: u64) -> Bytes {
    vec![0x60, u8::try_from(number).unwrap()].into()
}
