//! What the block itself says of gas and dependencies.

use super::cut::{CutShape, Piecework};
use crate::{ids::AccessIndex, task::SignedBy};
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_primitives::{Address, TxKind, map::AddressMap};

/// Predicted gas of the steps before and after the transactions.
pub const BLOCK_STEP_GAS: u64 = 50_000;

/// Gas that every transaction costs.
const TX_GAS: u64 = 21_000;
/// Gas of a byte of input that is not zero; one that is zero costs a quarter.
const INPUT_BYTE_GAS: u64 = 16;
/// Gas that a creation costs on top.
const CREATE_GAS: u64 = 32_000;
/// Gas of an entry of an access list, its keys left out.
const ACCESS_LIST_ADDRESS_GAS: u64 = 2_400;
/// Gas of a key of an access list.
const ACCESS_LIST_KEY_GAS: u64 = 1_900;
/// Gas of an authorization (EIP-7702).
const AUTHORIZATION_GAS: u64 = 25_000;
/// Gas limits above the intrinsic gas are believed up to here.
const BELIEVED_GAS: u64 = 500_000;
/// What is above is counted as one part of so many.
const DOUBT: u64 = 8;

/// Predicts the gas of a transaction from what the block says of it.
///
/// Its gas limit is what the sender was willing to risk: close to what calls use where a wallet
/// estimated it, far above where somebody wrote "30 million". So what comes on top of the intrinsic
/// gas is believed up to half a million, and one part in eight of what is above; a payment without
/// input is believed to run no code.
pub fn predicted_gas(transaction: &TxEnvelope) -> u64 {
    let input = transaction.input();
    let n_zeroes = input.iter().filter(|byte| **byte == 0).count() as u64;
    let n_others = input.len() as u64 - n_zeroes;
    let creates = transaction.kind() == TxKind::Create;
    let list = transaction.access_list().map_or(0, |list| {
        let n_keys: usize = list.iter().map(|entry| entry.storage_keys.len()).sum();
        list.len() as u64 * ACCESS_LIST_ADDRESS_GAS + n_keys as u64 * ACCESS_LIST_KEY_GAS
    });
    let n_authorizations = transaction.authorization_list().map_or(0, <[_]>::len) as u64;
    let intrinsic = TX_GAS
        + n_others * INPUT_BYTE_GAS
        + n_zeroes * INPUT_BYTE_GAS / 4
        + if creates { CREATE_GAS } else { 0 }
        + list
        + n_authorizations * AUTHORIZATION_GAS;
    if input.is_empty() {
        return intrinsic;
    }
    let on_top = transaction.gas_limit().saturating_sub(intrinsic);
    intrinsic + on_top.min(BELIEVED_GAS) + on_top.saturating_sub(BELIEVED_GAS) / DOUBT
}

/// Returns a block's transactions as work to be cut: those of one sender belong together, and as
/// far as balance allows those that pay each other without calling code.
pub(super) fn piecework(transactions: &[SignedBy], shape: CutShape) -> Vec<Piecework> {
    let gas: Vec<u64> = transactions.iter().map(|it| predicted_gas(&it.transaction)).collect();
    let bound = shape.slice_gas_for(gas.iter().sum());
    let mut groups = Groups::default();
    for (signed, gas) in transactions.iter().zip(&gas) {
        groups.add(signed.sender, *gas);
    }
    for recipient in transactions.iter().filter_map(|it| Some((it.sender, paid(it)?))) {
        groups.join(recipient, bound);
    }
    let work = transactions.iter().zip(gas).enumerate().map(|(offset, (signed, gas))| Piecework {
        index: AccessIndex::of_transaction(offset),
        gas,
        group: groups.of(signed.sender),
    });
    work.collect()
}

/// Returns who is paid by a transaction that most likely calls no code.
fn paid(signed: &SignedBy) -> Option<Address> {
    let transaction = &signed.transaction;
    let is_payment = transaction.input().is_empty() && !transaction.value().is_zero();
    transaction.to().filter(|_| is_payment)
}

/// Accounts that belong together, with the gas of their transactions.
#[derive(Debug, Default)]
struct Groups {
    numbers: AddressMap<usize>,
    parents: Vec<usize>,
    gas: Vec<u64>,
}

impl Groups {
    fn number(&mut self, account: Address) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(account).or_insert(next);
        if number == next {
            self.parents.push(next);
            self.gas.push(0);
        }
        self.root(number)
    }

    fn add(&mut self, account: Address, gas: u64) {
        let root = self.number(account);
        self.gas[root] += gas;
    }

    /// Joins the groups of two accounts, unless both together would be too much for a slice.
    fn join(&mut self, (one, other): (Address, Address), bound: u64) {
        let (one, other) = (self.number(one), self.number(other));
        if one == other || self.gas[one] + self.gas[other] > bound {
            return;
        }
        let (low, high) = (one.min(other), one.max(other));
        self.parents[high] = low;
        self.gas[low] += self.gas[high];
    }

    fn of(&mut self, account: Address) -> usize {
        self.number(account)
    }

    fn root(&mut self, of: usize) -> usize {
        let mut root = of;
        while self.parents[root] != root {
            self.parents[root] = self.parents[self.parents[root]];
            root = self.parents[root];
        }
        root
    }
}
