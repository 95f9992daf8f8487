//! W7: mints of one collection, whose counter each of them reads and writes.

use super::Generator;
use crate::{
    contracts::{NFT, NFT_SUPPLY_SLOT, nft_balance_slot, nft_mint, nft_owner_slot},
    workload::{
        call::{Call, access_list},
        genesis::GenesisDraft,
        population::{Population, named_address},
        recipients::Recipients,
        rng::Rng,
        spec::Distribution,
    },
};
use alloy_primitives::{Address, U256};

/// A first mint for somebody, with an access list: two new slots and the counter.
const GAS_LIMIT: u64 = 90_000;

/// Tokens that were minted before genesis. The first mint costs what all others do.
const MINTED_BEFORE: u64 = 1_000;

/// Everybody mints for somebody: there is one counter, an owner of each token, and how many each
/// account has.
#[derive(Debug)]
pub(super) struct Mint {
    collection: Address,
    recipients: Recipients,
    n_minted: u64,
    rng: Rng,
}

impl Mint {
    pub(super) fn new(seed: u64, hot_percent: u8, population: &Population) -> Self {
        let mut rng = Rng::new(seed, "mint");
        let recipients = Recipients::new(hot_percent, Distribution::Uniform, population, &mut rng);
        let collection = named_address(seed, "collection", 0);
        Self { collection, recipients, n_minted: MINTED_BEFORE, rng }
    }
}

impl Generator for Mint {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let recipient = self.recipients.next(sender, population, &mut self.rng);
        let recipient = population.address(recipient);
        let owner = nft_owner_slot(U256::from(self.n_minted));
        self.n_minted += 1;
        let slots = vec![NFT_SUPPLY_SLOT, owner, nft_balance_slot(recipient)];
        Call {
            to: self.collection,
            value: U256::ZERO,
            input: nft_mint(recipient),
            gas_limit: GAS_LIMIT,
            access_list: access_list([(self.collection, slots)]),
        }
    }

    fn add_to_genesis(&self, _: &Population, genesis: &mut GenesisDraft) {
        let storage = vec![(NFT_SUPPLY_SLOT, U256::from(MINTED_BEFORE))];
        genesis.add_contract(self.collection, NFT.runtime_bytecode.clone(), storage);
    }
}
