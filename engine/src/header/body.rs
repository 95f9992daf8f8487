//! What a block has to be before it is worth executing: fields of its fork, ommers, size.

use crate::{block::Block, chain::ChainSpec};
use alloy_consensus::Header;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};

/// Least gas limit of a block.
const GAS_LIMIT_MIN: u64 = 5_000;
/// Largest gas limit of a block.
const GAS_LIMIT_MAX: u64 = (1 << 63) - 1;
/// What the extra data of the first blocks of the DAO's fork have to be, and how many blocks.
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";
const DAO_BLOCKS: u64 = 10;
/// Most bytes of a header's extra data.
const EXTRA_DATA_BYTES_MAX: usize = 32;
/// Most bytes of a block's RLP from Osaka on (EIP-7934): 10 MiB less 2 MiB for the beacon block.
const RLP_BYTES_MAX: usize = 8 << 20;
/// Most ommers of a block.
const OMMERS_MAX: usize = 2;
/// How many generations an ommer may be older than the block that names it.
const OMMER_DEPTH_MAX: u64 = 6;

/// Why a block is invalid whatever its transactions do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A field that the fork demands is not there.
    #[error("{field} is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field of a later fork is there.
    #[error("{field} is not known in this fork")]
    Unknown {
        /// The field's name.
        field: &'static str,
    },
    /// The header says that more gas was used than it allows.
    #[error("gas used {gas_used} is above the gas limit {gas_limit}")]
    GasUsed {
        /// Gas used.
        gas_used: u64,
        /// Gas limit.
        gas_limit: u64,
    },
    /// The gas limit is one that no block may have.
    #[error("gas limit {gas_limit} is not from {GAS_LIMIT_MIN} to {GAS_LIMIT_MAX}")]
    GasLimit {
        /// Gas limit.
        gas_limit: u64,
    },
    /// The extra data is not what tells the two sides of the DAO's fork apart.
    #[error("the extra data does not say `dao-hard-fork`")]
    DaoExtraData,
    /// The extra data is too long.
    #[error("extra data of {n_bytes} bytes is longer than {EXTRA_DATA_BYTES_MAX}")]
    ExtraData {
        /// Its length.
        n_bytes: usize,
    },
    /// Too many ommers; none are allowed from Paris on.
    #[error("{n_ommers} ommers are more than {allowed}")]
    Ommers {
        /// How many there are.
        n_ommers: usize,
        /// How many the fork allows.
        allowed: usize,
    },
    /// An ommer is no recent relative of the block.
    #[error("ommer {number} is not one of the {OMMER_DEPTH_MAX} generations before the block")]
    OmmerDepth {
        /// The ommer's number.
        number: u64,
    },
    /// A value that proof of stake fixes is another one (EIP-3675).
    #[error("{field} is not what proof of stake wants")]
    ProofOfStake {
        /// The field's name.
        field: &'static str,
    },
    /// The block is larger than its fork allows (EIP-7934).
    #[error("block of {n_bytes} bytes is larger than {RLP_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        n_bytes: usize,
    },
}

/// Checks what a block's bytes alone can tell, before anything is executed. `n_bytes` is the
/// length of the block's RLP. What needs the parent's header is not checked here.
///
/// # Errors
/// With the first rule that is broken: the block is invalid.
pub fn check_body(chain: &ChainSpec, block: &Block, n_bytes: usize) -> Result<(), BodyError> {
    let header = &block.header;
    check_fork_fields(chain, block)?;
    if header.gas_used > header.gas_limit {
        let Header { gas_used, gas_limit, .. } = *header;
        return Err(BodyError::GasUsed { gas_used, gas_limit });
    }
    if !(GAS_LIMIT_MIN..=GAS_LIMIT_MAX).contains(&header.gas_limit) {
        return Err(BodyError::GasLimit { gas_limit: header.gas_limit });
    }
    if names_dao_fork(chain, header.number) && header.extra_data.as_ref() != DAO_EXTRA_DATA {
        return Err(BodyError::DaoExtraData);
    }
    if header.extra_data.len() > EXTRA_DATA_BYTES_MAX {
        return Err(BodyError::ExtraData { n_bytes: header.extra_data.len() });
    }
    if chain.is_osaka_active_at_timestamp(header.timestamp) && n_bytes > RLP_BYTES_MAX {
        return Err(BodyError::TooLarge { n_bytes });
    }
    if chain.is_paris_active_at_block(header.number) {
        check_proof_of_stake(header)?;
    }
    check_ommers(chain, block)
}

/// Tells whether a block is one of the first after the DAO's fork. A chain that had it from
/// genesis on never saw the other side.
fn names_dao_fork(chain: &ChainSpec, number: u64) -> bool {
    match chain.ethereum_fork_activation(EthereumHardfork::Dao) {
        ForkCondition::Block(fork) if fork > 0 => (fork..fork + DAO_BLOCKS).contains(&number),
        _ => false,
    }
}

fn check_fork_fields(chain: &ChainSpec, block: &Block) -> Result<(), BodyError> {
    let header = &block.header;
    let time = header.timestamp;
    let london = chain.is_london_active_at_block(header.number);
    let shanghai = chain.is_shanghai_active_at_timestamp(time);
    let cancun = chain.is_cancun_active_at_timestamp(time);
    let prague = chain.is_prague_active_at_timestamp(time);
    let fields = [
        ("base fee", header.base_fee_per_gas.is_some(), london),
        ("withdrawals root", header.withdrawals_root.is_some(), shanghai),
        ("withdrawals", block.withdrawals.is_some(), shanghai),
        ("blob gas used", header.blob_gas_used.is_some(), cancun),
        ("excess blob gas", header.excess_blob_gas.is_some(), cancun),
        ("parent beacon block root", header.parent_beacon_block_root.is_some(), cancun),
        ("requests hash", header.requests_hash.is_some(), prague),
    ];
    fields.into_iter().try_for_each(|(field, is_there, is_wanted)| match (is_there, is_wanted) {
        (false, true) => Err(BodyError::Missing { field }),
        (true, false) => Err(BodyError::Unknown { field }),
        _ => Ok(()),
    })
}

fn check_proof_of_stake(header: &Header) -> Result<(), BodyError> {
    if !header.difficulty.is_zero() {
        return Err(BodyError::ProofOfStake { field: "difficulty" });
    }
    if !header.nonce.is_zero() {
        return Err(BodyError::ProofOfStake { field: "nonce" });
    }
    Ok(())
}

fn check_ommers(chain: &ChainSpec, block: &Block) -> Result<(), BodyError> {
    let allowed = if chain.is_paris_active_at_block(block.header.number) { 0 } else { OMMERS_MAX };
    let n_ommers = block.ommers.len();
    if n_ommers > allowed {
        return Err(BodyError::Ommers { n_ommers, allowed });
    }
    let is_recent = |number: u64| {
        let depth = block.header.number.checked_sub(number);
        depth.is_some_and(|depth| (1..=OMMER_DEPTH_MAX).contains(&depth))
    };
    match block.ommers.iter().find(|ommer| !is_recent(ommer.number)) {
        Some(ommer) => Err(BodyError::OmmerDepth { number: ommer.number }),
        None => Ok(()),
    }
}
