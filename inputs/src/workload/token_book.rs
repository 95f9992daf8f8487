//! Who holds how much of a token in genesis, and who may move it.

use super::genesis::GenesisDraft;
use crate::contracts::{TOKEN, TOKEN_SUPPLY_SLOT, token_allowance_slot, token_balance_slot};
use alloy_primitives::{Address, U256};
use std::collections::{BTreeMap, BTreeSet};

/// Tokens that an account starts with: ten million, of 18 decimals.
pub(super) const HOLDING: U256 = U256::from_limbs([0x1614_0148_4a00_0000, 0x8_4595, 0, 0]);

/// The storage of one token, by meaning.
#[derive(Debug)]
pub(super) struct TokenBook {
    pub(super) address: Address,
    balances: BTreeMap<Address, U256>,
    approvals: BTreeSet<(Address, Address)>,
}

impl TokenBook {
    pub(super) const fn new(address: Address) -> Self {
        Self { address, balances: BTreeMap::new(), approvals: BTreeSet::new() }
    }

    pub(super) fn set_balance(&mut self, holder: Address, balance: U256) {
        self.balances.insert(holder, balance);
    }

    /// Lets `spender` move what `owner` has, without limit.
    pub(super) fn approve(&mut self, owner: Address, spender: Address) {
        self.approvals.insert((owner, spender));
    }

    pub(super) fn add_to_genesis(&self, genesis: &mut GenesisDraft) {
        let supply = self.balances.values().sum();
        let balances =
            self.balances.iter().map(|(&holder, &balance)| (token_balance_slot(holder), balance));
        let approvals = self
            .approvals
            .iter()
            .map(|&(owner, spender)| (token_allowance_slot(owner, spender), U256::MAX));
        let storage = balances.chain(approvals).chain([(TOKEN_SUPPLY_SLOT, supply)]).collect();
        genesis.add_contract(self.address, TOKEN.runtime_bytecode.clone(), storage);
    }
}
