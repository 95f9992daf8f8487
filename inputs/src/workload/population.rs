//! The accounts of a workload: those that send have keys, the others only addresses.

use super::{parallel, rng::derive, spec::HOT_ACCOUNTS};
use alloy_primitives::Address;
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use std::ops::Range;

/// All accounts by index: first those that send, last the hot recipients.
#[derive(Debug)]
pub(super) struct Population {
    addresses: Vec<Address>,
    sender_keys: Vec<SecretKey>,
}

impl Population {
    /// Derives `accounts` addresses from the seed. Only `senders` of them get a key: a key costs
    /// a hundred times what a hash does.
    pub(super) fn new(seed: u64, accounts: u32, senders: u32) -> Self {
        let indices: Vec<u32> = (0..senders).collect();
        let pairs = parallel::map(&indices, |&index| {
            let key = secret_key(seed, index);
            (key, address_of(&key))
        });
        let (sender_keys, mut addresses): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        addresses.extend((senders..accounts).map(|index| named_address(seed, "account", index)));
        Self { addresses, sender_keys }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.addresses.len()).expect("at most ACCOUNTS_MAX accounts")
    }

    pub(super) fn address(&self, index: u32) -> Address {
        self.addresses[index as usize]
    }

    pub(super) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    pub(super) fn sender_key(&self, index: u32) -> &SecretKey {
        &self.sender_keys[index as usize]
    }

    pub(super) fn senders(&self) -> u32 {
        u32::try_from(self.sender_keys.len()).expect("at most ACCOUNTS_MAX senders")
    }

    /// The accounts that are not hot.
    pub(super) fn cold(&self) -> Range<u32> {
        0..self.len() - HOT_ACCOUNTS
    }

    /// The accounts that receive what is hot.
    pub(super) fn hot(&self) -> Range<u32> {
        self.cold().end..self.len()
    }
}

/// The address of an account that never sends.
pub(super) fn named_address(seed: u64, name: &str, number: u32) -> Address {
    Address::from_word(derive(seed, name, u64::from(number)))
}

/// The key of an account that sends.
pub(super) fn secret_key(seed: u64, index: u32) -> SecretKey {
    let scalar = derive(seed, "key", u64::from(index));
    SecretKey::from_byte_array(&scalar.0)
        .expect("no hash that was ever seen is zero or above the group's order")
}

/// The address that a key signs for.
pub(super) fn address_of(key: &SecretKey) -> Address {
    let public = PublicKey::from_secret_key(SECP256K1, key).serialize_uncompressed();
    Address::from_raw_public_key(&public[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn addresses_are_distinct_and_the_number_of_senders_moves_no_senders_address() {
        let many = Population::new(1, 200, 100);
        let few = Population::new(1, 200, 10);
        assert_eq!(many.addresses().iter().collect::<HashSet<_>>().len(), 200);
        assert_eq!(many.addresses()[..10], few.addresses()[..10]);
        assert_eq!(many.addresses()[100..], few.addresses()[100..]);
        assert_eq!((few.senders(), few.len(), few.hot()), (10, 200, 192..200));
        assert_ne!(few.address(0), Population::new(2, 200, 1).address(0));
    }
}
