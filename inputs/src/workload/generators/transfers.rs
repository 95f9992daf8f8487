//! W1: plain transfers.

use super::Generator;
use crate::workload::{
    call::Call, genesis::GenesisDraft, population::Population, recipients::Recipients, rng::Rng,
    spec::Distribution,
};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::Bytes;

/// Gas of a transaction that does nothing but move value.
pub(super) const TRANSFER_GAS: u64 = 21_000;

/// At most a hundredth of a coin.
const VALUE_MAX: u64 = 10_000_000_000_000_000;

#[derive(Debug)]
pub(super) struct Transfers {
    recipients: Recipients,
    rng: Rng,
}

impl Transfers {
    pub(super) fn new(seed: u64, hot_percent: u8, population: &Population) -> Self {
        let mut rng = Rng::new(seed, "transfers");
        let recipients = Recipients::new(hot_percent, Distribution::Uniform, population, &mut rng);
        Self { recipients, rng }
    }
}

impl Generator for Transfers {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let recipient = self.recipients.next(sender, population, &mut self.rng);
        Call {
            to: population.address(recipient),
            value: self.rng.amount(VALUE_MAX),
            input: Bytes::new(),
            gas_limit: TRANSFER_GAS,
            access_list: AccessList::default(),
        }
    }

    fn add_to_genesis(&self, _: &Population, _: &mut GenesisDraft) {}
}
