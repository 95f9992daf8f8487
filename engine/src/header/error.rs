//! Rules that a header or a body can break.

use super::{
    gas_limit::{GAS_LIMIT_MAX, GAS_LIMIT_MIN},
    ommers::DEPTH_MAX,
};

/// Why a block is invalid whatever its transactions do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
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
    /// A field is not what follows from the parent's header.
    #[error("{field} is {found}, and follows from the parent as {wanted}")]
    Follows {
        /// The field's name.
        field: &'static str,
        /// What the header says.
        found: String,
        /// What it has to say.
        wanted: String,
    },
    /// The block is not younger than its parent.
    #[error("timestamp {timestamp} is not after the parent's {parent}")]
    Timestamp {
        /// The block's, in seconds since the epoch.
        timestamp: u64,
        /// The parent's.
        parent: u64,
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
    /// The gas limit is too far from the parent's.
    #[error("gas limit {gas_limit} does not follow {parent}: it may change by less than 1/1024")]
    GasLimitStep {
        /// Gas limit.
        gas_limit: u64,
        /// The parent's; twice that for the first block of London.
        parent: u64,
    },
    /// Blob gas used that no block of this time can have (EIP-4844).
    #[error("blob gas used {blob_gas_used} is not whole blobs up to {most}")]
    BlobGasUsed {
        /// Blob gas used.
        blob_gas_used: u64,
        /// The most that the active schedule allows.
        most: u64,
    },
    /// The extra data is not what tells the two sides of the DAO's fork apart.
    #[error("the extra data does not say `dao-hard-fork`")]
    DaoExtraData,
    /// The extra data is too long.
    #[error("extra data of {n_bytes} bytes is longer than {most}")]
    ExtraData {
        /// Its length.
        n_bytes: usize,
        /// The longest that is allowed.
        most: usize,
    },
    /// A value that proof of stake fixes is another one (EIP-3675).
    #[error("{field} is not what proof of stake wants")]
    ProofOfStake {
        /// The field's name.
        field: &'static str,
    },
    /// The block is larger than its fork allows (EIP-7934).
    #[error("block of {n_bytes} bytes is larger than {most}")]
    TooLarge {
        /// Its size.
        n_bytes: usize,
        /// The largest that is allowed.
        most: usize,
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
    #[error("ommer {number} is not one of the {DEPTH_MAX} generations before the block")]
    OmmerDepth {
        /// The ommer's number.
        number: u64,
    },
    /// An ommer may not stand where it stands.
    #[error("ommer {offset} {reason}")]
    OmmerPlace {
        /// Its offset (from 0) among the block's ommers.
        offset: usize,
        /// Why not.
        reason: &'static str,
    },
    /// An ommer's own header breaks a rule.
    #[error("ommer {offset}: {broken}")]
    Ommer {
        /// Its offset (from 0) among the block's ommers.
        offset: usize,
        /// The rule.
        broken: Box<Self>,
    },
}
