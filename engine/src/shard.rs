//! Which state shard owns an account: ranges of hashed addresses, cut at the first nibble.

use crate::{
    access::{AccountWrite, WriteSet},
    ids::ShardIndex,
};
use alloy_primitives::{Address, keccak256};
use std::{ops::Range, sync::Arc};

/// Number of state shards of a cluster: 1, 2, 4, 8 or 16, so that each first nibble of a hashed
/// address belongs to one shard and root nodes can be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount(u16);

/// A number of state shards that would share a nibble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} state shards are not possible: 1, 2, 4, 8 or 16 are")]
pub struct ShardCountInvalid {
    /// What was given.
    pub given: usize,
}

impl ShardCount {
    /// One shard, which owns everything.
    pub const ONE: Self = Self(1);

    /// Checks a number of shards.
    ///
    /// # Errors
    /// If it is not 1, 2, 4, 8 or 16.
    pub const fn new(given: usize) -> Result<Self, ShardCountInvalid> {
        match given {
            1 => Ok(Self(1)),
            2 => Ok(Self(2)),
            4 => Ok(Self(4)),
            8 => Ok(Self(8)),
            16 => Ok(Self(16)),
            _ => Err(ShardCountInvalid { given }),
        }
    }

    /// Returns the plain number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the shards' indices, ascending.
    pub fn indices(self) -> impl Iterator<Item = ShardIndex> {
        (0..self.0).map(ShardIndex::new)
    }

    /// Returns the shard that owns an account with all its storage.
    pub fn shard_of(self, address: &Address) -> ShardIndex {
        if self == Self::ONE {
            return ShardIndex::new(0);
        }
        let nibble = u16::from(keccak256(address)[0] >> 4);
        ShardIndex::new(nibble * self.0 / 16)
    }

    /// Returns the first nibbles of hashed addresses that a shard owns; none if there is no such
    /// shard.
    pub fn nibbles_of(self, shard: ShardIndex) -> Range<u8> {
        let cut = |shard: u16| {
            u8::try_from((u32::from(shard) * 16 / u32::from(self.0)).min(16)).expect("at most 16")
        };
        cut(shard.get())..cut(shard.get().saturating_add(1))
    }

    /// Cuts one index's writes into the shards' parts, ascending by shard; shards that own none of
    /// the accounts are left out. A code goes wherever an account has it now.
    pub fn split(self, writes: &Arc<WriteSet>) -> Vec<(ShardIndex, Arc<WriteSet>)> {
        if writes.accounts.is_empty() {
            return Vec::new();
        }
        if self == Self::ONE {
            return vec![(ShardIndex::new(0), Arc::clone(writes))];
        }
        let owned: Vec<_> =
            writes.accounts.iter().map(|entry| (self.shard_of(&entry.0), entry)).collect();
        let mut parts = Vec::new();
        for shard in self.indices() {
            let accounts: Vec<_> = owned
                .iter()
                .filter(|(owner, _)| *owner == shard)
                .map(|(_, entry)| (*entry).clone())
                .collect();
            if !accounts.is_empty() {
                let codes = codes_of(&accounts, writes);
                parts.push((shard, Arc::new(WriteSet { accounts, codes })));
            }
        }
        parts
    }
}

/// Returns the codes of a write set that some of its accounts have.
fn codes_of(
    accounts: &[(Address, AccountWrite)],
    writes: &WriteSet,
) -> Vec<(alloy_primitives::B256, alloy_primitives::Bytes)> {
    let is_theirs = |hash| accounts.iter().any(|(_, write)| write.code_hash == Some(hash));
    writes.codes.iter().filter(|(hash, _)| is_theirs(*hash)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, Bytes};

    fn address(number: u64) -> Address {
        Address::left_padding_from(&number.to_be_bytes())
    }

    #[test]
    fn only_numbers_that_divide_the_nibbles_are_taken() {
        let possible: Vec<_> = (0..40).filter(|given| ShardCount::new(*given).is_ok()).collect();
        assert_eq!(possible, [1, 2, 4, 8, 16]);
    }

    #[test]
    fn every_first_nibble_belongs_to_one_shard_and_each_shard_has_some() {
        for given in [1, 2, 4, 8, 16] {
            let count = ShardCount::new(given).unwrap();
            let mut owner_of_nibble = [None; 16];
            for number in 0..1_000 {
                let nibble = usize::from(keccak256(address(number))[0] >> 4);
                let owner = count.shard_of(&address(number));
                assert!(usize::from(count.nibbles_of(owner).start) <= nibble);
                assert!(nibble < usize::from(count.nibbles_of(owner).end));
                assert_eq!(*owner_of_nibble[nibble].get_or_insert(owner), owner);
            }
            let owners: std::collections::BTreeSet<_> =
                owner_of_nibble.into_iter().flatten().collect();
            assert_eq!(owners, count.indices().collect());
            let nibbles: Vec<u8> = count.indices().flat_map(|it| count.nibbles_of(it)).collect();
            assert_eq!(nibbles, (0..16).collect::<Vec<u8>>());
            assert!(count.nibbles_of(ShardIndex::new(count.get())).is_empty());
        }
    }

    #[test]
    fn parts_hold_every_account_once_and_codes_where_they_are_used() {
        let hash = |number: u8| B256::repeat_byte(number);
        let mut writes = WriteSet::default();
        for number in 0..50_u64 {
            let write = writes.account_mut(address(number));
            write.nonce = Some(number);
            write.code_hash = (number % 10 == 0).then(|| hash(u8::from(number >= 20)));
        }
        writes.codes =
            vec![(hash(0), Bytes::from_static(&[0])), (hash(1), Bytes::from_static(&[1]))];
        let writes = Arc::new(writes);
        for given in [1, 2, 4, 8, 16] {
            let count = ShardCount::new(given).unwrap();
            let parts = count.split(&writes);
            let mut all: Vec<_> =
                parts.iter().flat_map(|(_, part)| part.accounts.clone()).collect();
            all.sort_by_key(|(address, _)| *address);
            assert_eq!(all, writes.accounts);
            for (shard, part) in &parts {
                for (address, write) in &part.accounts {
                    assert_eq!(count.shard_of(address), *shard);
                    let code = write.code_hash;
                    assert!(
                        code.is_none_or(|code| part.codes.iter().any(|(hash, _)| *hash == code))
                    );
                }
            }
        }
    }
}
