//! A state whose answers come late: each distinct account and slot is paid for once.

use super::Delay;
use alloy_primitives::{Address, B256, U256};
use engine::sequential::{SerialState, StateError};
use revm::{
    Database,
    state::{AccountInfo, Bytecode},
};
use std::collections::HashSet;

/// The state as one serial execution of one block reads it from afar. What it read it keeps; code
/// comes in the same answer as its account, as the cluster's own reads do.
#[derive(Debug)]
pub(super) struct DelayedDatabase<'a> {
    state: &'a SerialState,
    delay: &'a Delay,
    accounts: HashSet<Address>,
    slots: HashSet<(Address, U256)>,
}

impl<'a> DelayedDatabase<'a> {
    pub(super) fn new(state: &'a SerialState, delay: &'a Delay) -> Self {
        Self { state, delay, accounts: HashSet::new(), slots: HashSet::new() }
    }
}

impl Database for DelayedDatabase<'_> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        if self.accounts.insert(address) {
            self.delay.pay();
        }
        self.state.basic(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        self.state.code_by_hash(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        if self.slots.insert((address, slot)) {
            self.delay.pay();
        }
        self.state.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.state.block_hash(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::clock::SystemClock;
    use engine::account::Account;
    use std::time::Duration;

    #[test]
    fn each_distinct_account_and_slot_is_paid_once_and_code_comes_with_its_account() {
        let (first, second) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut state = SerialState::default();
        state.insert_account(first, Account { nonce: 3, ..Account::default() }, []);
        let delay = Delay::new(Duration::from_nanos(1), SystemClock::shared());
        let mut database = DelayedDatabase::new(&state, &delay);

        for _ in 0..3 {
            assert_eq!(database.basic(first).unwrap().unwrap().nonce, 3);
            assert!(database.basic(second).unwrap().is_none());
            assert_eq!(database.storage(first, U256::from(7)).unwrap(), U256::ZERO);
            database.storage(second, U256::from(7)).unwrap();
            database.code_by_hash(revm::primitives::KECCAK_EMPTY).unwrap();
        }

        assert_eq!(delay.paid().n_answers, 4);
    }
}
