//! What a workload is: its kind and sizes, with the bounds of each.

use super::{edges::Case, fork::Fork};
use std::fmt;

/// Transactions a block.
pub const TXS_MAX: u32 = 100_000;
/// Blocks of one workload.
pub const BLOCKS_MAX: u32 = 10_000;
/// Transactions of all blocks: what is generated is kept in memory.
pub const TRANSACTIONS_MAX: u64 = 2_000_000;
/// Fewest accounts in genesis: the hot ones and as many others.
pub const ACCOUNTS_MIN: u32 = 2 * HOT_ACCOUNTS;
/// Most accounts in genesis.
pub const ACCOUNTS_MAX: u32 = 2_000_000;
/// Accounts that receive what is hot.
pub const HOT_ACCOUNTS: u32 = 8;
/// Pools of the swap workloads.
pub const POOLS_MAX: u32 = 4_096;
/// Least gas of a compute transaction: what one pairing needs, with the transaction itself.
pub const COMPUTE_GAS_MIN: u64 = 200_000;
/// Most gas of a compute transaction, below what EIP-7825 allows.
pub const COMPUTE_GAS_MAX: u64 = 16_000_000;

/// Accounts in genesis unless said otherwise.
pub const ACCOUNTS_DEFAULT: u32 = 100_000;
/// Blocks unless said otherwise.
pub const BLOCKS_DEFAULT: u32 = 1;
/// Pools unless said otherwise.
pub const POOLS_DEFAULT: u32 = 64;
/// Percent of a hybrid block's transactions that are hot unless said otherwise.
pub const HYBRID_HOT_PERCENT_DEFAULT: u8 = 30;
/// Gas of a compute transaction unless said otherwise.
pub const COMPUTE_GAS_DEFAULT: u64 = 2_000_000;

/// Everything that decides what a workload's blocks are. Its text is the input's name:
/// `workload:NAME?txs=…&blocks=…&accounts=…&seed=…` and what the kind adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadSpec {
    /// What the transactions do.
    pub kind: WorkloadKind,
    /// Transactions a block, at most [`TXS_MAX`].
    pub txs: u32,
    /// Number of blocks, at most [`BLOCKS_MAX`].
    pub blocks: u32,
    /// Accounts in genesis, from [`ACCOUNTS_MIN`] to [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// Percent of the transactions that go to a few hot recipients, or to the first pool.
    pub hot_percent: u8,
    /// Where all pseudo-random numbers start.
    pub seed: u64,
}

/// What the transactions of a workload do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkloadKind {
    /// Plain transfers of the chain's coin.
    Transfers,
    /// Transfers of one ERC-20 token.
    Erc20 {
        /// How recipients are chosen.
        recipients: Distribution,
    },
    /// Swaps in constant-product pools.
    Swaps {
        /// Number of pools; with one, all swaps depend on each other.
        pools: u32,
    },
    /// Plain transfers, each of what the one before brought.
    Chain,
    /// Transfers, token transfers and swaps, 60 to 20 to 20.
    Hybrid {
        /// Number of pools.
        pools: u32,
    },
    /// Loops over hashes, modular powers and pairings.
    Compute {
        /// Gas of one transaction, about.
        gas: u64,
    },
    /// Mints of one collection of tokens, whose counter all of them read and write.
    Mint,
    /// What parallel executors get wrong.
    Edges {
        /// The rules of the chain.
        fork: Fork,
        /// The only case that is played, if it is one.
        case: Option<Case>,
    },
}

/// How the accounts that take part are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// By Zipf's law.
    Zipf(ZipfExponent),
}

/// The exponent of Zipf's law in thousandths, so that specifications compare exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZipfExponent(u32);

impl ZipfExponent {
    /// 1.1: of 100,000 recipients the first gets 13 %.
    pub const DEFAULT: Self = Self(1_100);
    /// Smallest exponent, in thousandths.
    pub const THOUSANDTHS_MIN: u32 = 100;
    /// Largest exponent, in thousandths.
    pub const THOUSANDTHS_MAX: u32 = 3_000;

    /// The exponent, if it is within the bounds.
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        if thousandths < Self::THOUSANDTHS_MIN || thousandths > Self::THOUSANDTHS_MAX {
            return None;
        }
        Some(Self(thousandths))
    }

    /// The exponent times 1,000.
    pub const fn thousandths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ZipfExponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:03}", self.0 % 1_000);
        let digits = fraction.trim_end_matches('0');
        write!(f, "{}.{}", self.0 / 1_000, if digits.is_empty() { "0" } else { digits })
    }
}

impl WorkloadKind {
    /// Names of all kinds, in the order of the contract.
    pub const NAMES: [&str; 8] =
        ["transfers", "erc20", "swaps", "chain", "hybrid", "compute", "mint", "edges"];

    /// The kind of this name with its own parameters at their defaults.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "transfers" => Self::Transfers,
            "erc20" => Self::Erc20 { recipients: Distribution::Uniform },
            "swaps" => Self::Swaps { pools: POOLS_DEFAULT },
            "chain" => Self::Chain,
            "hybrid" => Self::Hybrid { pools: POOLS_DEFAULT },
            "compute" => Self::Compute { gas: COMPUTE_GAS_DEFAULT },
            "mint" => Self::Mint,
            "edges" => Self::Edges { fork: Fork::LATEST, case: None },
            _ => return None,
        })
    }

    /// The name in the input's text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Erc20 { .. } => "erc20",
            Self::Swaps { .. } => "swaps",
            Self::Chain => "chain",
            Self::Hybrid { .. } => "hybrid",
            Self::Compute { .. } => "compute",
            Self::Mint => "mint",
            Self::Edges { .. } => "edges",
        }
    }

    /// The names of the parameters that this kind takes.
    pub const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Transfers | Self::Mint => &["txs", "blocks", "accounts", "seed", "hot"],
            Self::Erc20 { .. } => &["txs", "blocks", "accounts", "seed", "hot", "dist", "zipf"],
            Self::Swaps { .. } | Self::Hybrid { .. } => {
                &["txs", "blocks", "accounts", "seed", "hot", "pools"]
            }
            Self::Chain => &["txs", "blocks", "accounts", "seed"],
            Self::Compute { .. } => &["txs", "blocks", "accounts", "seed", "gas"],
            Self::Edges { .. } => &["txs", "blocks", "accounts", "seed", "fork", "case"],
        }
    }

    const fn txs_default(self) -> u32 {
        match self {
            Self::Transfers => 10_000,
            Self::Erc20 { .. } | Self::Hybrid { .. } => 5_000,
            Self::Swaps { .. } | Self::Chain => 1_000,
            Self::Compute { .. } | Self::Edges { .. } => 200,
            Self::Mint => 2_000,
        }
    }

    const fn hot_percent_default(self) -> u8 {
        match self {
            Self::Hybrid { .. } => HYBRID_HOT_PERCENT_DEFAULT,
            _ => 0,
        }
    }
}

impl WorkloadSpec {
    /// A workload of the standard size with seed 0.
    pub const fn new(kind: WorkloadKind) -> Self {
        Self {
            kind,
            txs: kind.txs_default(),
            blocks: BLOCKS_DEFAULT,
            accounts: ACCOUNTS_DEFAULT,
            hot_percent: kind.hot_percent_default(),
            seed: 0,
        }
    }

    /// Whether every size is within the bounds of this module, as it is after parsing.
    pub fn is_within_bounds(&self) -> bool {
        let kind_is = match self.kind {
            WorkloadKind::Swaps { pools } | WorkloadKind::Hybrid { pools } => {
                (1..=POOLS_MAX).contains(&pools)
            }
            WorkloadKind::Compute { gas } => (COMPUTE_GAS_MIN..=COMPUTE_GAS_MAX).contains(&gas),
            WorkloadKind::Transfers
            | WorkloadKind::Erc20 { .. }
            | WorkloadKind::Chain
            | WorkloadKind::Mint => true,
            WorkloadKind::Edges { fork, case } => {
                case.is_none_or(|case| case.forks().contains(&fork))
            }
        };
        kind_is
            && (1..=TXS_MAX).contains(&self.txs)
            && (1..=BLOCKS_MAX).contains(&self.blocks)
            && (ACCOUNTS_MIN..=ACCOUNTS_MAX).contains(&self.accounts)
            && self.hot_percent <= 100
            && self.transactions() <= TRANSACTIONS_MAX
    }

    /// Transactions of all blocks.
    pub const fn transactions(&self) -> u64 {
        // Two 32-bit numbers: cannot overflow.
        (self.txs as u64) * (self.blocks as u64)
    }
}

/// The whole specification, defaults written out; parsing it gives the same one.
impl fmt::Display for WorkloadSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, txs, blocks, accounts, hot_percent, seed } = self;
        write!(f, "workload:{}?txs={txs}&blocks={blocks}", kind.name())?;
        write!(f, "&accounts={accounts}&seed={seed}")?;
        if kind.parameters().contains(&"hot") {
            write!(f, "&hot={hot_percent}")?;
        }
        match kind {
            WorkloadKind::Erc20 { recipients: Distribution::Uniform } => write!(f, "&dist=uniform"),
            WorkloadKind::Erc20 { recipients: Distribution::Zipf(exponent) } => {
                write!(f, "&dist=zipf&zipf={exponent}")
            }
            WorkloadKind::Swaps { pools } | WorkloadKind::Hybrid { pools } => {
                write!(f, "&pools={pools}")
            }
            WorkloadKind::Compute { gas } => write!(f, "&gas={gas}"),
            WorkloadKind::Edges { fork, case } => {
                write!(f, "&fork={}", fork.name())?;
                case.map_or(Ok(()), |case| write!(f, "&case={}", case.name()))
            }
            WorkloadKind::Transfers | WorkloadKind::Chain | WorkloadKind::Mint => Ok(()),
        }
    }
}
