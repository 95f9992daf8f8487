//! What each kind of workload sends and what it needs in genesis.

mod chain;
mod compute;
mod erc20;
mod hybrid;
mod mint;
mod swaps;
mod transfers;

use super::{
    call::Call,
    genesis::GenesisDraft,
    population::Population,
    spec::{Distribution, WorkloadKind, WorkloadSpec},
};
use chain::Chain;
use compute::Compute;
use erc20::Erc20;
use hybrid::Hybrid;
use mint::Mint;
use swaps::Swaps;
use transfers::Transfers;

/// One kind of workload at work. Calls are drawn first, in the order of the blocks; genesis comes
/// last, so that it can hold what the calls turned out to need.
pub(super) trait Generator {
    /// The next transaction, sent by this account.
    fn next_call(&mut self, sender: u32, population: &Population) -> Call;

    /// Adds the contracts, and whatever else the calls drawn so far rely on.
    fn add_to_genesis(&self, population: &Population, genesis: &mut GenesisDraft);
}

pub(super) fn generator(spec: &WorkloadSpec, population: &Population) -> Box<dyn Generator> {
    let (seed, hot_percent) = (spec.seed, spec.hot_percent);
    match spec.kind {
        WorkloadKind::Transfers => Box::new(Transfers::new(seed, hot_percent, population)),
        WorkloadKind::Erc20 { recipients } => {
            Box::new(Erc20::new(seed, hot_percent, recipients, population))
        }
        WorkloadKind::Swaps { pools } => Box::new(Swaps::new(seed, hot_percent, pools)),
        WorkloadKind::Chain => Box::new(Chain::new()),
        WorkloadKind::Hybrid { pools } => Box::new(Hybrid::new(
            seed,
            Transfers::new(seed, hot_percent, population),
            Erc20::new(seed, hot_percent, Distribution::Uniform, population),
            Swaps::new(seed, hot_percent, pools),
        )),
        WorkloadKind::Edges { .. } => unreachable!("edge cases are not made of calls"),
        WorkloadKind::Mint => Box::new(Mint::new(seed, hot_percent, population)),
        WorkloadKind::Compute { gas } => Box::new(Compute::new(seed, gas)),
    }
}
