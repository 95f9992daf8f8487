//! The state that a workload starts from.

use super::{call::CHAIN_ID, fork::Fork, population::Population};
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
};
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
/// The rules of one fork hold from this block on, and none later. The contracts that its blocks
/// call are among the accounts: from Cancun on that of beacon roots (EIP-4788), from Prague on
/// those of hashes (EIP-2935) and requests (EIP-7002, EIP-7251).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The chain that the transactions are signed for.
    pub chain_id: u64,
    /// The last fork whose rules hold.
    pub fork: Fork,
    /// All accounts, sorted by address. Only edge cases have some that are empty.
    pub accounts: Vec<GenesisAccount>,
    /// Gas limit of the genesis block and of all that follow.
    pub gas_limit: u64,
    /// Base fee of the genesis block, from London on. It never rises: blocks are at most half full.
    pub base_fee: u64,
    /// Timestamp of the genesis block.
    pub timestamp: u64,
}

/// Coins of an account that takes part.
pub(super) const FUNDS: U256 = U256::from_limbs([0x1bce_cced_a100_0000, 0xd3c2, 0, 0]);

/// A genesis while contracts are added to it.
#[derive(Debug)]
pub(super) struct GenesisDraft {
    fork: Fork,
    accounts: BTreeMap<Address, GenesisAccount>,
}

impl GenesisDraft {
    /// Every account of the population with its [`FUNDS`], and what a fork's blocks call.
    pub(super) fn new(fork: Fork, population: &Population) -> Self {
        let mut draft = Self::bare(fork);
        population.addresses().iter().for_each(|&address| draft.fund(address));
        draft
    }

    /// The contracts that a fork's blocks call, and nobody else.
    pub(super) fn bare(fork: Fork) -> Self {
        let mut draft = Self { fork, accounts: BTreeMap::new() };
        for (since, address, code) in [
            (Fork::Cancun, BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE),
            (Fork::Prague, HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE),
            (
                Fork::Prague,
                WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
                &WITHDRAWAL_REQUEST_PREDEPLOY_CODE,
            ),
            (
                Fork::Prague,
                CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
                &CONSOLIDATION_REQUEST_PREDEPLOY_CODE,
            ),
        ] {
            if fork >= since {
                draft.add_contract(address, (*code).clone(), Vec::new());
            }
        }
        draft
    }

    pub(super) fn fund(&mut self, address: Address) {
        let account = GenesisAccount { address, balance: FUNDS, ..Default::default() };
        self.accounts.insert(address, account);
    }

    /// Puts an account in its place, which is free.
    pub(super) fn add(&mut self, mut account: GenesisAccount) {
        let address = account.address;
        account.storage.sort_unstable();
        let slots_are_distinct = account.storage.windows(2).all(|pair| pair[0].0 != pair[1].0);
        assert!(slots_are_distinct, "a slot of {address} was set twice");
        let earlier = self.accounts.insert(address, account);
        assert!(earlier.is_none(), "{address} is taken");
    }

    /// Takes an account out: it does not exist until something is sent to it.
    pub(super) fn remove(&mut self, address: Address) {
        self.accounts.remove(&address);
    }

    pub(super) fn add_contract(
        &mut self,
        address: Address,
        code: Bytes,
        storage: Vec<(U256, U256)>,
    ) {
        self.add(GenesisAccount { address, balance: U256::ZERO, nonce: 1, code, storage });
    }

    pub(super) fn finish(self, gas_limit: u64, base_fee: u64) -> Genesis {
        Genesis {
            chain_id: CHAIN_ID,
            fork: self.fork,
            accounts: self.accounts.into_values().collect(),
            gas_limit,
            base_fee,
            timestamp: GENESIS_TIMESTAMP,
        }
    }
}
