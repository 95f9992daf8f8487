//! W6: work for the processor, in three kinds by turns.

use super::Generator;
use crate::{
    contracts::{COMPUTE, ComputeLoop},
    workload::{
        call::Call,
        genesis::GenesisDraft,
        population::{Population, named_address},
        rng::derive,
    },
};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, U256};

/// What a loop's gas is made of. Measured; a test holds the transactions' gas against it.
#[derive(Clone, Copy, Debug)]
struct GasModel {
    fixed: u64,
    per_round: u64,
}

const fn gas_model(kind: ComputeLoop) -> GasModel {
    match kind {
        ComputeLoop::Hash => GasModel { fixed: 44_200, per_round: 109 },
        ComputeLoop::Modexp => GasModel { fixed: 50_200, per_round: 87_470 },
        ComputeLoop::Pairing => GasModel { fixed: 44_500, per_round: 119_940 },
    }
}

#[derive(Debug)]
pub(super) struct Compute {
    seed: u64,
    contract: Address,
    gas: u64,
    n_calls: u64,
}

impl Compute {
    pub(super) fn new(seed: u64, gas: u64) -> Self {
        Self { seed, contract: named_address(seed, "compute", 0), gas, n_calls: 0 }
    }

    fn rounds(&self, kind: ComputeLoop) -> u64 {
        let GasModel { fixed, per_round } = gas_model(kind);
        ((self.gas - fixed) / per_round).max(1)
    }
}

impl Generator for Compute {
    fn next_call(&mut self, _: u32, _: &Population) -> Call {
        let turn = usize::try_from(self.n_calls % 3).expect("one of three");
        let kind = ComputeLoop::ALL[turn];
        self.n_calls += 1;
        let seed = derive(self.seed, "compute seed", self.n_calls);
        Call {
            to: self.contract,
            value: U256::ZERO,
            input: kind.call_data(seed, self.rounds(kind)),
            gas_limit: self.gas + self.gas / 20,
            access_list: AccessList::default(),
        }
    }

    fn add_to_genesis(&self, _: &Population, genesis: &mut GenesisDraft) {
        genesis.add_contract(self.contract, COMPUTE.runtime_bytecode.clone(), Vec::new());
    }
}
