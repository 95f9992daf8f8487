//! Blocks made from a seed: `workload:NAME?txs=…&blocks=…&accounts=…&hot=…&seed=…`.
//!
//! A [`WorkloadSpec`] is parsed from that text; [`generate`] gives the [`Genesis`] and the blocks
//! as [`DraftBlock`]s: everything that goes into a block, nothing that comes out of its execution.
//! The same specification gives the same bytes on every machine. What is drawn comes from named
//! streams of the seed, one for each purpose; nothing depends on time, threads or map order.

mod call;
mod edges;
mod fork;
mod generators;
mod genesis;
mod parallel;
mod parse;
mod population;
mod recipients;
mod rng;
mod seal;
mod spec;
#[cfg(test)]
mod tests;
mod token_book;
mod zipf;

pub use call::{CHAIN_ID, INITIAL_BASE_FEE};
pub use edges::Case;
pub use fork::Fork;
pub use genesis::{GENESIS_TIMESTAMP, Genesis, GenesisAccount};
pub use parse::{SpecError, WORKLOAD_PREFIX};
pub use seal::seal;
pub use spec::{
    ACCOUNTS_DEFAULT, ACCOUNTS_MAX, ACCOUNTS_MIN, BLOCKS_DEFAULT, BLOCKS_MAX, COMPUTE_GAS_DEFAULT,
    COMPUTE_GAS_MAX, COMPUTE_GAS_MIN, Distribution, HOT_ACCOUNTS, HYBRID_HOT_PERCENT_DEFAULT,
    POOLS_DEFAULT, POOLS_MAX, TRANSACTIONS_MAX, TXS_MAX, WorkloadKind, WorkloadSpec, ZipfExponent,
};

use alloy_consensus::TxEnvelope;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256};
use call::{Unsigned, sign_all};
use generators::generator;
use genesis::GenesisDraft;
use population::{Population, named_address};
use rng::{Rng, derive};

/// A workload's first state and its blocks.
#[derive(Clone, Debug)]
pub struct GeneratedWorkload {
    /// The parent of the first block.
    pub genesis: Genesis,
    /// The blocks in their order; the first has number 1.
    pub blocks: Vec<DraftBlock>,
}

/// What sealing a block needs: the header's attributes and the body. What execution decides, the
/// header's results, the oracle computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftBlock {
    /// Who is paid the fees.
    pub beneficiary: Address,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The header's gas limit: at least twice what the transactions may use.
    pub gas_limit: u64,
    /// The header's randomness.
    pub prevrandao: B256,
    /// What the system call of EIP-4788 stores, from Cancun on.
    pub parent_beacon_block_root: B256,
    /// The signed transactions in their order.
    pub transactions: Vec<TxEnvelope>,
    /// The withdrawals in their order; none before Shanghai.
    pub withdrawals: Vec<Withdrawal>,
}

/// Rules of the workloads that name none.
const FORK: Fork = Fork::Cancun;
const BLOCK_GAS_LIMIT_MIN: u64 = 30_000_000;
const SECONDS_PER_BLOCK: u64 = 12;
const BENEFICIARIES: u32 = 4;
const WITHDRAWALS_PER_BLOCK: u32 = 4;
/// At most a twentieth of a coin, in gwei.
const WITHDRAWAL_GWEI_MAX: u32 = 50_000_000;

/// Generates the blocks of a workload and the state before the first.
///
/// # Panics
/// If the specification was not parsed and is out of bounds.
pub fn generate(spec: &WorkloadSpec) -> GeneratedWorkload {
    assert!(spec.is_within_bounds(), "{spec} is out of bounds");
    if let WorkloadKind::Edges { fork, case } = spec.kind {
        return edges::generate(spec, fork, case);
    }
    let population = Population::new(spec.seed, spec.accounts, n_senders(spec));
    let mut generator = generator(spec, &population);
    let mut rng = Rng::new(spec.seed, "envelopes");
    let mut nonces = vec![0_u64; population.senders() as usize];
    let mut senders = (0..population.senders()).cycle();
    let mut next_unsigned = || {
        let sender = senders.next().expect("a cycle of at least one sender");
        let call = generator.next_call(sender, &population);
        let nonce = &mut nonces[sender as usize];
        *nonce += 1;
        Unsigned::new(call, sender, *nonce - 1, &mut rng)
    };
    let bodies: Vec<Vec<Unsigned>> =
        (0..spec.blocks).map(|_| (0..spec.txs).map(|_| next_unsigned()).collect()).collect();

    let gas_limit = gas_limit(&bodies);
    let mut attributes = Attributes::new(spec, gas_limit);
    let blocks = bodies
        .into_iter()
        .map(|body| attributes.next_block(sign_all(&body, &population), &population))
        .collect();
    let mut genesis = GenesisDraft::new(FORK, &population);
    generator.add_to_genesis(&population, &mut genesis);
    GeneratedWorkload { genesis: genesis.finish(gas_limit, INITIAL_BASE_FEE), blocks }
}

/// As many senders as transactions if there are accounts enough: the senders take turns, so that
/// those of one block are distinct and each sends as few as possible.
fn n_senders(spec: &WorkloadSpec) -> u32 {
    let wanted = u32::try_from(spec.transactions()).unwrap_or(u32::MAX);
    match spec.kind {
        // The last one only receives.
        WorkloadKind::Chain => wanted.saturating_add(1).min(spec.accounts),
        _ => wanted.min(spec.accounts - HOT_ACCOUNTS),
    }
}

/// Twice the gas of the largest block, so that the base fee never rises.
fn gas_limit(bodies: &[Vec<Unsigned>]) -> u64 {
    let gas = |body: &Vec<Unsigned>| body.iter().map(Unsigned::gas_limit).sum::<u64>();
    let largest = bodies.iter().map(gas).max().unwrap_or(0);
    (2 * largest).max(BLOCK_GAS_LIMIT_MIN)
}

/// Draws what a block has beside its transactions.
struct Attributes {
    seed: u64,
    /// The senders of a chain have nothing but what the transaction before brought.
    pays_population: bool,
    gas_limit: u64,
    number: u64,
    n_withdrawals: u64,
    rng: Rng,
}

impl Attributes {
    fn new(spec: &WorkloadSpec, gas_limit: u64) -> Self {
        Self {
            seed: spec.seed,
            pays_population: spec.kind != WorkloadKind::Chain,
            gas_limit,
            number: 0,
            n_withdrawals: 0,
            rng: Rng::new(spec.seed, "attributes"),
        }
    }

    fn next_block(&mut self, transactions: Vec<TxEnvelope>, population: &Population) -> DraftBlock {
        let block = self.next();
        let beneficiary = self.rng.below(BENEFICIARIES);
        DraftBlock {
            beneficiary: named_address(self.seed, "beneficiary", beneficiary),
            transactions,
            withdrawals: (0..WITHDRAWALS_PER_BLOCK)
                .map(|_| self.next_withdrawal(population))
                .collect(),
            ..block
        }
    }

    /// Returns the next block with nobody in it.
    fn next(&mut self) -> DraftBlock {
        self.number += 1;
        DraftBlock {
            beneficiary: Address::ZERO,
            timestamp: GENESIS_TIMESTAMP + SECONDS_PER_BLOCK * self.number,
            gas_limit: self.gas_limit,
            prevrandao: derive(self.seed, "prevrandao", self.number),
            parent_beacon_block_root: derive(self.seed, "beacon root", self.number),
            transactions: Vec::new(),
            withdrawals: Vec::new(),
        }
    }

    fn next_withdrawal(&mut self, population: &Population) -> Withdrawal {
        let validator = self.rng.below(population.len());
        let address = if self.pays_population {
            population.address(validator)
        } else {
            named_address(self.seed, "validator", validator)
        };
        self.n_withdrawals += 1;
        Withdrawal {
            index: self.n_withdrawals - 1,
            validator_index: u64::from(validator),
            address,
            amount: u64::from(1 + self.rng.below(WITHDRAWAL_GWEI_MAX)),
        }
    }
}
