//! W5: transfers, token transfers and swaps in one block.

use super::{Erc20, Generator, Swaps, Transfers};
use crate::workload::{call::Call, genesis::GenesisDraft, population::Population, rng::Rng};

const TRANSFERS_PERCENT: u32 = 60;
const ERC20_PERCENT: u32 = 20;

#[derive(Debug)]
pub(super) struct Hybrid {
    transfers: Transfers,
    erc20: Erc20,
    swaps: Swaps,
    rng: Rng,
}

impl Hybrid {
    pub(super) fn new(seed: u64, transfers: Transfers, erc20: Erc20, swaps: Swaps) -> Self {
        Self { transfers, erc20, swaps, rng: Rng::new(seed, "hybrid") }
    }
}

impl Generator for Hybrid {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let drawn = self.rng.below(100);
        if drawn < TRANSFERS_PERCENT {
            self.transfers.next_call(sender, population)
        } else if drawn < TRANSFERS_PERCENT + ERC20_PERCENT {
            self.erc20.next_call(sender, population)
        } else {
            self.swaps.next_call(sender, population)
        }
    }

    fn add_to_genesis(&self, population: &Population, genesis: &mut GenesisDraft) {
        self.transfers.add_to_genesis(population, genesis);
        self.erc20.add_to_genesis(population, genesis);
        self.swaps.add_to_genesis(population, genesis);
    }
}
