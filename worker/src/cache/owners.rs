//! Which shard owns an account: its address is hashed once, not once a key.

use alloy_primitives::{Address, map::HashMap};
use engine::{ids::ShardIndex, shard::ShardCount};

/// Owners of accounts, bounded by their number.
#[derive(Debug)]
pub(crate) struct Owners {
    count: ShardCount,
    known: HashMap<Address, ShardIndex>,
    len_max: usize,
}

impl Owners {
    pub(crate) fn new(count: ShardCount, len_max: usize) -> Self {
        Self { count, known: HashMap::default(), len_max }
    }

    /// Returns the shard that owns an account.
    pub(crate) fn owner(&mut self, address: &Address) -> ShardIndex {
        if self.count == ShardCount::ONE {
            return ShardIndex::new(0);
        }
        if let Some(owner) = self.known.get(address) {
            return *owner;
        }
        if self.known.len() >= self.len_max {
            // Cheaper than to know which of them is wanted again: each costs one hash.
            self.known.clear();
        }
        let owner = self.count.shard_of(address);
        self.known.insert(*address, owner);
        owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_the_one_that_the_address_hashes_to_known_or_not_and_few_are_kept() {
        for n_shards in [1, 2, 16] {
            let count = ShardCount::new(n_shards).unwrap();
            let mut owners = Owners::new(count, 7);
            for number in 0..300_u64 {
                let address = Address::left_padding_from(&(number % 20).to_be_bytes());
                for _ in 0..2 {
                    assert_eq!(owners.owner(&address), count.shard_of(&address));
                }
                assert!(owners.known.len() <= 7);
            }
        }
    }
}
