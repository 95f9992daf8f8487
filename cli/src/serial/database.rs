//! States as serial execution reads them: as they are, from afar, or noting what was read.

use super::Delay;
use alloy_primitives::{Address, B256, U256};
use engine::{
    account::Account,
    fold::StateDiff,
    sequential::{SerialState, StateError},
    trie::StateTrie,
};
use revm::{
    Database,
    state::{AccountInfo, Bytecode},
};
use std::collections::HashSet;

/// A state below a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Below<'a> {
    /// By plain key, as fast as it can be.
    Flat(&'a SerialState),
    /// By hashed key; perhaps of a witness.
    Trie(&'a StateTrie),
}

impl Database for Below<'_> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        match self {
            Self::Flat(state) => state.basic(address),
            Self::Trie(state) => state.basic(address),
        }
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        match self {
            Self::Flat(state) => state.code_by_hash(hash),
            Self::Trie(state) => state.code_by_hash(hash),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        match self {
            Self::Flat(state) => state.storage(address, slot),
            Self::Trie(state) => state.storage(address, slot),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        match self {
            Self::Flat(state) => state.block_hash(number),
            Self::Trie(state) => state.block_hash(number),
        }
    }
}

/// The state as one serial execution of one block reads it from afar. What it read it keeps; code
/// comes in the same answer as its account, as the cluster's own reads do.
#[derive(Debug)]
pub(super) struct DelayedDatabase<'a, S> {
    state: S,
    delay: &'a Delay,
    accounts: HashSet<Address>,
    slots: HashSet<(Address, U256)>,
}

impl<'a, S> DelayedDatabase<'a, S> {
    pub(super) fn new(state: S, delay: &'a Delay) -> Self {
        Self { state, delay, accounts: HashSet::new(), slots: HashSet::new() }
    }
}

impl<S: Database> Database for DelayedDatabase<'_, S> {
    type Error = S::Error;

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

/// A state that notes what is read of it, so that the same part can be compared by plain key.
#[derive(Debug)]
pub(super) struct NotingDatabase<'a, S> {
    state: S,
    read: &'a mut StateDiff,
}

impl<'a, S> NotingDatabase<'a, S> {
    pub(super) const fn new(state: S, read: &'a mut StateDiff) -> Self {
        Self { state, read }
    }
}

impl<S: Database> Database for NotingDatabase<'_, S> {
    type Error = S::Error;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        let info = self.state.basic(address)?;
        if let Some(info) = &info {
            let AccountInfo { balance, nonce, code_hash, .. } = *info;
            let noted = self.read.accounts.entry(address).or_default();
            noted.account = Some(Account { balance, nonce, code_hash });
        }
        Ok(info)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        let code = self.state.code_by_hash(hash)?;
        self.read.codes.insert(hash, code.original_bytes());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        let value = self.state.storage(address, slot)?;
        // revm reads an account before its slots; one that is not there has none.
        if let Some(noted) = self.read.accounts.get_mut(&address) {
            noted.slots.insert(slot, value);
        }
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.state.block_hash(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::clock::SystemClock;
    use std::time::Duration;

    fn state_of_one(address: Address) -> SerialState {
        let mut state = SerialState::default();
        let account = Account { nonce: 3, ..Account::default() };
        state.insert_account(address, account, [(U256::from(7), U256::from(70))]);
        state
    }

    #[test]
    fn each_distinct_account_and_slot_is_paid_once_and_code_comes_with_its_account() {
        let (first, second) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let state = state_of_one(first);
        let delay = Delay::new(Duration::from_nanos(1), SystemClock::shared());
        let mut database = DelayedDatabase::new(&state, &delay);

        for _ in 0..3 {
            assert_eq!(database.basic(first).unwrap().unwrap().nonce, 3);
            assert!(database.basic(second).unwrap().is_none());
            assert_eq!(database.storage(first, U256::from(7)).unwrap(), U256::from(70));
            database.storage(second, U256::from(7)).unwrap();
            database.code_by_hash(revm::primitives::KECCAK_EMPTY).unwrap();
        }

        assert_eq!(delay.paid().n_answers, 4);
    }

    #[test]
    fn what_is_read_is_noted_and_nothing_else() {
        let (first, second) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let state = state_of_one(first);
        let mut read = StateDiff::default();
        let mut database = NotingDatabase::new(&state, &mut read);

        database.basic(first).unwrap();
        database.basic(second).unwrap();
        database.storage(first, U256::from(7)).unwrap();

        let mut part = SerialState::default();
        part.apply(&read);
        assert_eq!(part.account(&first), state.account(&first));
        assert_eq!(part.account(&second), None);
        assert_eq!(part.slot(&first, &U256::from(7)), U256::from(70));
        assert_eq!(part.accounts().count(), 1);
    }
}
