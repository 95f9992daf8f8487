//! W4: each transaction spends what the one before brought, and could not be paid without it.

use super::{Generator, transfers::TRANSFER_GAS};
use crate::workload::{
    call::{Call, GAS_PRICE_MAX},
    genesis::{FUNDS, GenesisDraft},
    population::Population,
};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Bytes, U256};

/// The senders pass one fortune around in the order of their indices; each keeps what its fee
/// may cost at most. Only the first has coins in genesis, the others do not exist there.
#[derive(Debug)]
pub(super) struct Chain {
    passed_on: U256,
}

impl Chain {
    pub(super) const fn new() -> Self {
        Self { passed_on: FUNDS }
    }
}

impl Generator for Chain {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let recipient = (sender + 1) % population.senders();
        self.passed_on -= U256::from(TRANSFER_GAS) * U256::from(GAS_PRICE_MAX);
        Call {
            to: population.address(recipient),
            value: self.passed_on,
            input: Bytes::new(),
            gas_limit: TRANSFER_GAS,
            access_list: AccessList::default(),
        }
    }

    fn add_to_genesis(&self, population: &Population, genesis: &mut GenesisDraft) {
        (1..population.senders()).for_each(|index| genesis.remove(population.address(index)));
    }
}
