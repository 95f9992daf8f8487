//! Digests of writes: how coordinator and shard find out whether they hold the same ones.
//!
//! BLAKE3 over a canonical form: keys sorted (as a [`WriteSet`] holds them), fixed width, Credits
//! unresolved, whatever coding a wire uses. A worker that stages something else than what it told
//! the coordinator is found out by it.

use crate::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    ids::AccessIndex,
};
use alloy_primitives::{Address, B256, U256};
use blake3::Hasher;

/// Returns the digest of one index's writes.
pub fn of_write_set(writes: &WriteSet) -> B256 {
    let mut bytes = Vec::with_capacity(128 * writes.accounts.len());
    count(&mut bytes, writes.accounts.len());
    for (address, write) in &writes.accounts {
        account(&mut bytes, address, write);
    }
    count(&mut bytes, writes.codes.len());
    for (hash, code) in &writes.codes {
        bytes.extend_from_slice(hash.as_slice());
        count(&mut bytes, code.len());
        bytes.extend_from_slice(code);
    }
    blake3::hash(&bytes).as_bytes().into()
}

/// Returns the digest of a shard's final writes from those of the single indices, ascending.
pub fn of_writes(writes: impl IntoIterator<Item = (AccessIndex, B256)>) -> B256 {
    let mut hasher = Hasher::new();
    for (index, digest) in writes {
        hasher.update(&index.position().to_be_bytes());
        hasher.update(digest.as_slice());
    }
    hasher.finalize().as_bytes().into()
}

fn account(bytes: &mut Vec<u8>, address: &Address, write: &AccountWrite) {
    bytes.extend_from_slice(address.as_slice());
    bytes.push(match write.wipe {
        None => 0,
        Some(Wipe::Destroyed) => 1,
        Some(Wipe::Storage) => 2,
    });
    match write.balance {
        None => bytes.push(0),
        Some(BalanceWrite::Set(balance)) => {
            bytes.push(1);
            word(bytes, balance);
        }
        Some(BalanceWrite::Credit(amount)) => {
            bytes.push(2);
            word(bytes, amount);
        }
    }
    option(bytes, write.nonce.map(|nonce| nonce.to_be_bytes()).as_ref().map(|nonce| &nonce[..]));
    option(bytes, write.code_hash.as_ref().map(|hash| hash.as_slice()));
    count(bytes, write.slots.len());
    for (slot, value) in &write.slots {
        word(bytes, *slot);
        word(bytes, *value);
    }
}

fn option(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(value.unwrap_or_default());
}

fn word(bytes: &mut Vec<u8>, word: U256) {
    bytes.extend_from_slice(&word.to_be_bytes::<32>());
}

fn count(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Bytes;

    fn set(change: impl FnOnce(&mut AccountWrite)) -> WriteSet {
        let mut writes = WriteSet::default();
        change(writes.account_mut(Address::repeat_byte(1)));
        writes
    }

    #[test]
    fn every_part_of_a_write_changes_the_digest() {
        let one = U256::from(1);
        let with_code = |code: &'static [u8]| {
            let codes = vec![(B256::repeat_byte(2), Bytes::from_static(code))];
            WriteSet { codes, ..set(|_| {}) }
        };
        let sets = [
            WriteSet::default(),
            set(|_| {}),
            set(|write| write.wipe = Some(Wipe::Destroyed)),
            set(|write| write.wipe = Some(Wipe::Storage)),
            set(|write| write.balance = Some(BalanceWrite::Set(one))),
            set(|write| write.balance = Some(BalanceWrite::Credit(one))),
            set(|write| write.nonce = Some(0)),
            set(|write| write.nonce = Some(1)),
            set(|write| write.code_hash = Some(B256::ZERO)),
            set(|write| write.slots = vec![(one, one)]),
            set(|write| write.slots = vec![(one, U256::ZERO)]),
            with_code(&[1]),
            with_code(&[1, 2]),
        ];
        let digests: std::collections::BTreeSet<_> = sets.iter().map(of_write_set).collect();
        assert_eq!(digests.len(), sets.len());
        assert_eq!(of_write_set(&sets[2]), of_write_set(&sets[2].clone()));
    }

    #[test]
    fn the_order_and_the_indices_of_writes_count() {
        let at = AccessIndex::new;
        let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let digest = of_writes([(at(1), one), (at(2), two)]);
        for other in [
            vec![(at(2), two), (at(1), one)],
            vec![(at(1), two), (at(2), one)],
            vec![(at(1), one)],
            vec![(at(1), one), (at(3), two)],
        ] {
            assert_ne!(of_writes(other), digest);
        }
    }
}
