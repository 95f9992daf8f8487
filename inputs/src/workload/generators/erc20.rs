//! W2: transfers of one token that every account holds.

use super::Generator;
use crate::{
    contracts::{token_balance_slot, token_transfer},
    workload::{
        call::{Call, access_list},
        genesis::GenesisDraft,
        population::{Population, named_address},
        recipients::Recipients,
        rng::Rng,
        spec::Distribution,
        token_book::{HOLDING, TokenBook},
    },
};
use alloy_primitives::{Address, U256};

/// A first transfer to somebody, with an access list: what wallets set, with room to spare.
const GAS_LIMIT: u64 = 65_000;

/// At most one token.
const VALUE_MAX: u64 = 1_000_000_000_000_000_000;

#[derive(Debug)]
pub(super) struct Erc20 {
    token: Address,
    recipients: Recipients,
    rng: Rng,
}

impl Erc20 {
    pub(super) fn new(
        seed: u64,
        hot_percent: u8,
        distribution: Distribution,
        population: &Population,
    ) -> Self {
        let mut rng = Rng::new(seed, "erc20");
        let recipients = Recipients::new(hot_percent, distribution, population, &mut rng);
        Self { token: named_address(seed, "erc20 token", 0), recipients, rng }
    }
}

impl Generator for Erc20 {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let recipient = self.recipients.next(sender, population, &mut self.rng);
        let recipient = population.address(recipient);
        let slots = [population.address(sender), recipient].map(token_balance_slot);
        Call {
            to: self.token,
            value: U256::ZERO,
            input: token_transfer(recipient, self.rng.amount(VALUE_MAX)),
            gas_limit: GAS_LIMIT,
            access_list: access_list([(self.token, slots.to_vec())]),
        }
    }

    fn add_to_genesis(&self, population: &Population, genesis: &mut GenesisDraft) {
        let mut book = TokenBook::new(self.token);
        population.addresses().iter().for_each(|&holder| book.set_balance(holder, HOLDING));
        book.add_to_genesis(genesis);
    }
}
