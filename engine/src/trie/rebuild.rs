//! Roots built from nothing, by other code than the tries in memory: what these are checked with.

use crate::account::Account;
use alloy_primitives::{Address, B256, U256};
use alloy_trie::{TrieAccount, root};

/// Returns the root of a state: accounts that exist, each once, with their slots. Slots that are
/// zero are passed over.
pub fn state_root<S>(accounts: impl IntoIterator<Item = (Address, Account, S)>) -> B256
where
    S: IntoIterator<Item = (U256, U256)>,
{
    root::state_root_unhashed(accounts.into_iter().map(|(address, account, slots)| {
        let Account { balance, nonce, code_hash } = account;
        (address, TrieAccount::new(nonce, balance, storage_root(slots), code_hash))
    }))
}

/// Returns the root of one account's storage. Slots that are zero are passed over.
pub fn storage_root(slots: impl IntoIterator<Item = (U256, U256)>) -> B256 {
    root::storage_root_unhashed(
        slots
            .into_iter()
            .filter(|(_, value)| !value.is_zero())
            .map(|(slot, value)| (B256::from(slot), value)),
    )
}
