//! A chain's rules: which fork is active where, and what blobs cost.

use alloy_eips::{eip7840::BlobParams, eip7892::BlobScheduleBlobParams};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_hardforks::{EthereumChainHardforks, EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::{Address, address};
use revm::primitives::hardfork::SpecId;
use std::sync::Arc;

/// Deposit contract of mainnet, EIP-6110.
const MAINNET_DEPOSIT_CONTRACT: Address = address!("00000000219ab540356cbb839cbe05303d7705fa");
/// Deposit contract of Sepolia.
const SEPOLIA_DEPOSIT_CONTRACT: Address = address!("7f02c3e3c98b133055b8b348b2ac625669ed295d");
/// Deposit contract of Holesky.
const HOLESKY_DEPOSIT_CONTRACT: Address = address!("4242424242424242424242424242424242424242");

/// Ethereum's mainnet.
pub const MAINNET_ID: u64 = 1;
/// The Sepolia test chain.
pub const SEPOLIA_ID: u64 = 11_155_111;
/// The Holesky test chain.
pub const HOLESKY_ID: u64 = 17_000;

/// The rules of one chain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ChainSpec(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    chain_id: u64,
    forks: EthereumChainHardforks,
    blobs: BlobScheduleBlobParams,
    deposit_contract: Option<Address>,
}

impl ChainSpec {
    /// Returns Ethereum's mainnet.
    pub fn mainnet() -> Self {
        Self::known(MAINNET_ID, EthereumHardfork::mainnet(), MAINNET_DEPOSIT_CONTRACT)
    }

    /// Returns the Sepolia test chain.
    pub fn sepolia() -> Self {
        Self::known(SEPOLIA_ID, EthereumHardfork::sepolia(), SEPOLIA_DEPOSIT_CONTRACT)
    }

    /// Returns the Holesky test chain.
    pub fn holesky() -> Self {
        Self::known(HOLESKY_ID, EthereumHardfork::holesky(), HOLESKY_DEPOSIT_CONTRACT)
    }

    /// Returns a chain that evmesh knows by its id.
    pub fn by_id(chain_id: u64) -> Option<Self> {
        match chain_id {
            MAINNET_ID => Some(Self::mainnet()),
            SEPOLIA_ID => Some(Self::sepolia()),
            HOLESKY_ID => Some(Self::holesky()),
            _ => None,
        }
    }

    /// Returns a chain with a fork schedule of its own; a fork that is not named is never active.
    pub fn custom(
        chain_id: u64,
        forks: impl IntoIterator<Item = (EthereumHardfork, ForkCondition)>,
        blobs: BlobScheduleBlobParams,
        deposit_contract: Option<Address>,
    ) -> Self {
        let forks = EthereumChainHardforks::new(forks);
        Self(Arc::new(Rules { chain_id, forks, blobs, deposit_contract }))
    }

    /// Returns a chain on which every fork up to `last` is active from genesis on.
    pub fn up_to(chain_id: u64, last: EthereumHardfork) -> Self {
        let forks = EthereumHardfork::VARIANTS
            .iter()
            .filter(|fork| **fork <= last)
            .map(|fork| (*fork, genesis_condition(*fork)));
        Self::custom(chain_id, forks, BlobScheduleBlobParams::mainnet(), None)
    }

    fn known(
        chain_id: u64,
        forks: impl IntoIterator<Item = (EthereumHardfork, ForkCondition)>,
        deposit_contract: Address,
    ) -> Self {
        let forks = EthereumChainHardforks::new(forks);
        let scheduled = [
            (EthereumHardfork::Bpo1, BlobParams::bpo1()),
            (EthereumHardfork::Bpo2, BlobParams::bpo2()),
        ];
        let scheduled = scheduled.into_iter().filter_map(|(fork, params)| {
            forks.ethereum_fork_activation(fork).as_timestamp().map(|at| (at, params))
        });
        let blobs = BlobScheduleBlobParams::mainnet().with_scheduled(scheduled);
        Self(Arc::new(Rules { chain_id, forks, blobs, deposit_contract: Some(deposit_contract) }))
    }

    /// Returns the chain's id (EIP-155).
    pub fn chain_id(&self) -> u64 {
        self.0.chain_id
    }

    /// Returns every fork that is ever active, with its condition, in order.
    pub fn forks(&self) -> impl Iterator<Item = (EthereumHardfork, ForkCondition)> {
        let all = EthereumHardfork::VARIANTS.iter();
        all.map(|fork| (*fork, self.0.forks.ethereum_fork_activation(*fork)))
            .filter(|(_, condition)| *condition != ForkCondition::Never)
    }

    /// Returns the contract whose logs are deposits (EIP-6110), if the chain has one.
    pub fn deposit_contract(&self) -> Option<Address> {
        self.0.deposit_contract
    }

    /// Returns the blob limits and prices by fork and time.
    pub fn blob_schedule(&self) -> &BlobScheduleBlobParams {
        &self.0.blobs
    }

    /// Returns the rules that revm applies at a block.
    pub fn spec_at(&self, number: u64, timestamp: u64) -> SpecId {
        alloy_evm::spec_by_timestamp_and_block_number(self, timestamp, number)
    }

    /// Tells whether a block has the rules of Constantinople without Petersburg. revm does not have
    /// its price of storage (EIP-1283), so such a block runs with Petersburg's rules, which are the
    /// same but for that price: it comes out right or with other gas than its header says.
    pub fn is_eip1283_active_at(&self, number: u64) -> bool {
        let is_active = |fork| self.0.forks.ethereum_fork_activation(fork).active_at_block(number);
        is_active(EthereumHardfork::Constantinople) && !is_active(EthereumHardfork::Petersburg)
    }

    /// Returns the same rules with proof of stake from a block on.
    #[must_use]
    pub fn with_paris_from(&self, number: u64) -> Self {
        let moved = |(fork, condition)| match condition {
            ForkCondition::TTD { total_difficulty, .. } => {
                let (activation_block_number, fork_block) = (number, Some(number));
                let moved =
                    ForkCondition::TTD { activation_block_number, fork_block, total_difficulty };
                (fork, moved)
            }
            other => (fork, other),
        };
        let Rules { chain_id, blobs, deposit_contract, .. } = self.0.as_ref();
        Self::custom(*chain_id, self.forks().map(moved), blobs.clone(), *deposit_contract)
    }

    /// Returns the blob limits and prices at a time (EIP-7840, EIP-7892); none before Cancun.
    pub fn blob_params_at(&self, timestamp: u64) -> Option<BlobParams> {
        let blobs = &self.0.blobs;
        if let Some(params) = blobs.active_scheduled_params_at_timestamp(timestamp) {
            return Some(*params);
        }
        if self.is_osaka_active_at_timestamp(timestamp) {
            Some(blobs.osaka)
        } else if self.is_prague_active_at_timestamp(timestamp) {
            Some(blobs.prague)
        } else if self.is_cancun_active_at_timestamp(timestamp) {
            Some(blobs.cancun)
        } else {
            None
        }
    }
}

fn genesis_condition(fork: EthereumHardfork) -> ForkCondition {
    if fork < EthereumHardfork::Paris {
        ForkCondition::Block(0)
    } else if fork == EthereumHardfork::Paris {
        ForkCondition::TTD {
            activation_block_number: 0,
            fork_block: Some(0),
            total_difficulty: alloy_primitives::U256::ZERO,
        }
    } else {
        ForkCondition::Timestamp(0)
    }
}

impl EthereumHardforks for ChainSpec {
    /// Petersburg's rules begin no later than Constantinople's
    /// ([`ChainSpec::is_eip1283_active_at`]).
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        let own = self.0.forks.ethereum_fork_activation(fork);
        if fork != EthereumHardfork::Petersburg {
            return own;
        }
        let before = self.0.forks.ethereum_fork_activation(EthereumHardfork::Constantinople);
        match (before, own) {
            (ForkCondition::Block(before), ForkCondition::Block(own)) if own <= before => {
                ForkCondition::Block(own)
            }
            (ForkCondition::Block(before), _) => ForkCondition::Block(before),
            _ => own,
        }
    }
}

impl EthExecutorSpec for ChainSpec {
    fn deposit_contract_address(&self) -> Option<Address> {
        self.0.deposit_contract
    }
}
