//! The forks that a workload's chain can be of.

use alloy_hardforks::EthereumHardfork;

/// A fork whose rules hold from genesis on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fork {
    /// 2015.
    Frontier,
    /// 2016: DELEGATECALL (EIP-7), creation fails if its code cannot be paid (EIP-2).
    Homestead,
    /// 2016: gas prices (EIP-150).
    Tangerine,
    /// 2016: touched empty accounts go (EIP-161), signatures name the chain (EIP-155).
    Spurious,
    /// 2017: REVERT, receipts without state roots.
    Byzantium,
    /// 2019: CREATE2, EXTCODEHASH.
    Petersburg,
    /// 2019: SELFBALANCE, gas prices.
    Istanbul,
    /// 2021: access lists (EIP-2930).
    Berlin,
    /// 2021: the base fee (EIP-1559).
    London,
    /// 2022: proof of stake.
    Paris,
    /// 2023: withdrawals (EIP-4895).
    Shanghai,
    /// 2024: SELFDESTRUCT only destroys what its transaction created (EIP-6780).
    Cancun,
    /// 2025: delegations (EIP-7702), requests.
    Prague,
    /// 2025: the cap on a transaction's gas (EIP-7825).
    Osaka,
}

impl Fork {
    /// All of them, oldest first.
    pub const ALL: [Self; 14] = [
        Self::Frontier,
        Self::Homestead,
        Self::Tangerine,
        Self::Spurious,
        Self::Byzantium,
        Self::Petersburg,
        Self::Istanbul,
        Self::Berlin,
        Self::London,
        Self::Paris,
        Self::Shanghai,
        Self::Cancun,
        Self::Prague,
        Self::Osaka,
    ];
    /// The newest.
    pub const LATEST: Self = Self::Osaka;

    /// The fork of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fork| fork.name() == name)
    }

    /// Its name in a workload's text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frontier => "frontier",
            Self::Homestead => "homestead",
            Self::Tangerine => "tangerine",
            Self::Spurious => "spurious",
            Self::Byzantium => "byzantium",
            Self::Petersburg => "petersburg",
            Self::Istanbul => "istanbul",
            Self::Berlin => "berlin",
            Self::London => "london",
            Self::Paris => "paris",
            Self::Shanghai => "shanghai",
            Self::Cancun => "cancun",
            Self::Prague => "prague",
            Self::Osaka => "osaka",
        }
    }

    /// The last of the hard forks whose rules hold.
    pub const fn hardfork(self) -> EthereumHardfork {
        match self {
            Self::Frontier => EthereumHardfork::Frontier,
            Self::Homestead => EthereumHardfork::Homestead,
            Self::Tangerine => EthereumHardfork::Tangerine,
            Self::Spurious => EthereumHardfork::SpuriousDragon,
            Self::Byzantium => EthereumHardfork::Byzantium,
            Self::Petersburg => EthereumHardfork::Petersburg,
            Self::Istanbul => EthereumHardfork::Istanbul,
            Self::Berlin => EthereumHardfork::Berlin,
            Self::London => EthereumHardfork::London,
            Self::Paris => EthereumHardfork::Paris,
            Self::Shanghai => EthereumHardfork::Shanghai,
            Self::Cancun => EthereumHardfork::Cancun,
            Self::Prague => EthereumHardfork::Prague,
            Self::Osaka => EthereumHardfork::Osaka,
        }
    }
}
