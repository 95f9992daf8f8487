//! The states that serial execution goes on from, by the block that each is after: blocks may be of
//! several branches.

use super::database::Below;
use alloy_primitives::B256;
use engine::{
    fold::StateDiff,
    ids::ShardIndex,
    sequential::SerialState,
    shard::ShardCount,
    trie::{StateTrie, WitnessError},
};
use inputs::ParentState;
use std::collections::{BTreeMap, VecDeque};

/// States that are kept; of more, the oldest goes. Blocks on a state that went are not executed
/// serially.
const STATES_MAX: usize = 1_024;

/// States by the block that they are after.
#[derive(Debug)]
pub(super) struct States {
    /// The last one of the first branch, by plain key: fast to read. A witness has none.
    flat: Option<(B256, SerialState)>,
    /// All of them. Copies share what they have in common.
    tries: BTreeMap<B256, StateTrie>,
    oldest_first: VecDeque<B256>,
    /// Whether these are whole states, which have roots.
    has_roots: bool,
}

/// The state below a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct StateBelow<'a> {
    /// By plain key, if that is kept.
    pub(super) flat: Option<&'a SerialState>,
    /// The same by hashed key.
    pub(super) trie: &'a StateTrie,
    /// Whether it has a root.
    pub(super) has_root: bool,
}

impl<'a> StateBelow<'a> {
    /// Returns the state as it is read.
    pub(super) fn database(&self) -> Below<'a> {
        self.flat.map_or(Below::Trie(self.trie), Below::Flat)
    }
}

impl States {
    /// Starts with one state; `block` is what it is after.
    ///
    /// # Errors
    /// If a witness is none.
    pub(super) fn new(parent: &ParentState, block: B256) -> Result<Self, WitnessError> {
        let trie = match parent {
            ParentState::Genesis { state, .. } | ParentState::Values(state) => state.to_trie(),
            ParentState::Witness(witness) => {
                StateTrie::from_witness(witness, ShardCount::ONE, ShardIndex::new(0))?
            }
        };
        // Hashes are kept: without them the first block would pay for the whole state.
        trie.hash();
        Ok(Self {
            flat: parent.values().map(|values| (block, values.to_serial_state())),
            tries: BTreeMap::from([(block, trie)]),
            oldest_first: VecDeque::from([block]),
            has_roots: !matches!(parent, ParentState::Values(_)),
        })
    }

    /// Returns the state after a block, if it is kept.
    pub(super) fn after(&self, block: &B256) -> Option<StateBelow<'_>> {
        let flat = self.flat.as_ref().filter(|(at, _)| at == block).map(|(_, state)| state);
        let trie = self.tries.get(block)?;
        Some(StateBelow { flat, trie, has_root: self.has_roots })
    }

    /// Keeps the state after a block, which differs from its parent's by `post`; `trie` is it, where
    /// somebody has made it.
    pub(super) fn add(
        &mut self,
        (parent, block): (B256, B256),
        post: &StateDiff,
        trie: Option<StateTrie>,
    ) {
        let Some(trie) = trie.or_else(|| self.made(&parent, post)) else { return };
        if let Some((at, state)) = &mut self.flat
            && *at == parent
        {
            state.apply(post);
            *at = block;
        }
        if self.tries.insert(block, trie).is_none() {
            self.oldest_first.push_back(block);
        }
        if self.oldest_first.len() > STATES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.tries.remove(&oldest);
        }
    }

    fn made(&self, parent: &B256, post: &StateDiff) -> Option<StateTrie> {
        let mut trie = self.tries.get(parent)?.clone();
        trie.apply(post).ok().map(|_| trie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use engine::{account::Account, fold::AccountDiff};
    use std::sync::Arc;

    const ADDRESS: Address = Address::repeat_byte(7);

    fn block(number: usize) -> B256 {
        B256::from(U256::from(number + 1))
    }

    fn pays(balance: u64) -> StateDiff {
        let account = Account { balance: U256::from(balance), ..Account::default() };
        let diff = AccountDiff { account: Some(account), ..AccountDiff::default() };
        StateDiff { accounts: [(ADDRESS, diff)].into(), ..StateDiff::default() }
    }

    fn add(states: &mut States, parent: usize, child: usize, balance: u64) {
        states.add((block(parent), block(child)), &pays(balance), None);
    }

    fn balance(states: &States, after: usize) -> Option<U256> {
        let below = states.after(&block(after))?;
        let by_hash = below.trie.account(&ADDRESS).unwrap().map(|account| account.balance);
        if let Some(flat) = below.flat {
            assert_eq!(flat.account(&ADDRESS).map(|account| account.balance), by_hash);
        }
        by_hash
    }

    #[test]
    fn every_branch_goes_on_from_its_own_state() {
        let empty = ParentState::Values(Arc::default());
        let mut states = States::new(&empty, block(0)).unwrap();
        add(&mut states, 0, 1, 10);
        add(&mut states, 0, 2, 20);
        add(&mut states, 1, 3, 30);
        add(&mut states, 2, 4, 40);

        let found: Vec<_> = (0..6).map(|it| balance(&states, it)).collect();

        let wanted = [None, Some(10), Some(20), Some(30), Some(40), None];
        assert_eq!(found, wanted.map(|balance| balance.map(U256::from)));
        assert!(states.after(&block(3)).unwrap().flat.is_some(), "the first branch is flat");
        assert!(states.after(&block(4)).unwrap().flat.is_none());
    }

    #[test]
    fn of_too_many_states_the_oldest_goes() {
        let empty = ParentState::Values(Arc::default());
        let mut states = States::new(&empty, block(0)).unwrap();
        for child in 1..=STATES_MAX {
            add(&mut states, child - 1, child, 1);
        }

        assert!(states.after(&block(0)).is_none());
        assert!(states.after(&block(1)).is_some());
        assert!(states.after(&block(STATES_MAX)).is_some());
    }
}
