//! The state that a workload starts from.

use super::{
    call::{CHAIN_ID, INITIAL_BASE_FEE},
    population::Population,
};
use alloy_eips::eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE};
use alloy_primitives::{Address, Bytes, U256};
use std::collections::BTreeMap;

/// When the genesis block was made.
pub const GENESIS_TIMESTAMP: u64 = 1_750_000_000;

/// One account of a genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Where it lies.
    pub address: Address,
    /// Its coins, in wei.
    pub balance: U256,
    /// Transactions it has sent; 1 for a contract.
    pub nonce: u64,
    /// Its code; empty for an account that is none.
    pub code: Bytes,
    /// Its slots that are not zero, sorted by slot.
    pub storage: Vec<(U256, U256)>,
}

/// A chain's first state and what its first header says.
///
/// The rules of Cancun hold from this block on, and none later: the beacon roots contract
/// (EIP-4788) is among the accounts, the contracts of Prague's system calls are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The chain that the transactions are signed for.
    pub chain_id: u64,
    /// All accounts, sorted by address, none of them empty.
    pub accounts: Vec<GenesisAccount>,
    /// Gas limit of the genesis block and of all that follow.
    pub gas_limit: u64,
    /// Base fee of the genesis block. It never rises: blocks are at most half full.
    pub base_fee: u64,
    /// Timestamp of the genesis block.
    pub timestamp: u64,
}

/// Coins of an account that takes part.
pub(super) const FUNDS: U256 = U256::from_limbs([0x1bce_cced_a100_0000, 0xd3c2, 0, 0]);

/// A genesis while contracts are added to it.
#[derive(Debug)]
pub(super) struct GenesisDraft(BTreeMap<Address, GenesisAccount>);

impl GenesisDraft {
    /// Every account of the population with its [`FUNDS`], and the beacon roots contract.
    pub(super) fn new(population: &Population) -> Self {
        let mut draft = Self(BTreeMap::new());
        population.addresses().iter().for_each(|&address| draft.fund(address));
        draft.add_contract(BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE.clone(), Vec::new());
        draft
    }

    fn fund(&mut self, address: Address) {
        let account = GenesisAccount { address, balance: FUNDS, ..Default::default() };
        self.0.insert(address, account);
    }

    /// Takes an account out: it does not exist until something is sent to it.
    pub(super) fn remove(&mut self, address: Address) {
        self.0.remove(&address);
    }

    pub(super) fn add_contract(
        &mut self,
        address: Address,
        code: Bytes,
        mut storage: Vec<(U256, U256)>,
    ) {
        storage.sort_unstable();
        let slots_are_distinct = storage.windows(2).all(|pair| pair[0].0 != pair[1].0);
        assert!(slots_are_distinct, "a slot of {address} was set twice");
        let account = GenesisAccount { address, balance: U256::ZERO, nonce: 1, code, storage };
        let earlier = self.0.insert(address, account);
        assert!(earlier.is_none(), "{address} is taken");
    }

    pub(super) fn finish(self, gas_limit: u64) -> Genesis {
        Genesis {
            chain_id: CHAIN_ID,
            accounts: self.0.into_values().collect(),
            gas_limit,
            base_fee: INITIAL_BASE_FEE,
            timestamp: GENESIS_TIMESTAMP,
        }
    }
}
