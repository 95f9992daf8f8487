//! A chain's rules.

use super::{
    At, DecodeError, Reason, Required,
    ids::{address, bytes_of, number, number_bytes},
};
use crate::wire::v1;
use alloy_eips::{eip7840::BlobParams, eip7892::BlobScheduleBlobParams};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use alloy_primitives::U256;
use bytes::Bytes;
use engine::chain::ChainSpec;

/// Most blobs of a block that a chain may allow; more of them than any gas could pay for.
const BLOBS_MAX: u64 = (1 << 32) - 1;

impl From<&ChainSpec> for v1::ChainSpec {
    fn from(chain: &ChainSpec) -> Self {
        Self {
            chain_id: chain.chain_id(),
            forks: chain.forks().map(|(fork, at)| fork_message(fork, at)).collect(),
            blobs: Some(chain.blob_schedule().into()),
            deposit_contract: chain.deposit_contract_address().map(bytes_of),
        }
    }
}

fn fork_message(fork: EthereumHardfork, at: ForkCondition) -> v1::Fork {
    use v1::fork::At;
    let at = match at {
        ForkCondition::Block(number) => Some(At::Block(number)),
        ForkCondition::Timestamp(time) => Some(At::Timestamp(time)),
        ForkCondition::TTD { activation_block_number, fork_block, total_difficulty } => {
            Some(At::TerminalDifficulty(v1::TerminalDifficulty {
                activation_block: activation_block_number,
                fork_block,
                total_difficulty: number_bytes(total_difficulty),
            }))
        }
        ForkCondition::Never => None,
    };
    v1::Fork { name: fork.name().to_owned(), at }
}

fn fork(wire: v1::Fork) -> Result<(EthereumHardfork, ForkCondition), DecodeError> {
    use v1::fork::At;
    let fork = EthereumHardfork::VARIANTS.iter().find(|fork| fork.name() == wire.name);
    let fork = *fork.ok_or_else(|| DecodeError::malformed("name", "fork", &wire.name))?;
    let at = match wire.at.required("at")? {
        At::Block(number) => ForkCondition::Block(number),
        At::Timestamp(time) => ForkCondition::Timestamp(time),
        At::TerminalDifficulty(merge) => ForkCondition::TTD {
            activation_block_number: merge.activation_block,
            fork_block: merge.fork_block,
            total_difficulty: number(&merge.total_difficulty, "total_difficulty")?,
        },
    };
    Ok((fork, at))
}

impl TryFrom<v1::ChainSpec> for ChainSpec {
    type Error = DecodeError;

    fn try_from(wire: v1::ChainSpec) -> Result<Self, DecodeError> {
        let mut forks = Vec::with_capacity(wire.forks.len());
        for (position, message) in wire.forks.into_iter().enumerate() {
            let (fork, at) = fork(message).at_position("forks", position)?;
            if forks.iter().any(|(earlier, _)| *earlier == fork) {
                return Err(DecodeError::new(format!("forks[{position}]"), Reason::Unexpected));
            }
            forks.push((fork, at));
        }
        let blobs = wire.blobs.required("blobs")?.try_into().at("blobs")?;
        let deposit_contract =
            wire.deposit_contract.map(|bytes| address(&bytes, "deposit_contract")).transpose()?;
        Ok(Self::custom(wire.chain_id, forks, blobs, deposit_contract))
    }
}

impl From<&BlobScheduleBlobParams> for v1::BlobSchedule {
    fn from(blobs: &BlobScheduleBlobParams) -> Self {
        let scheduled = blobs.scheduled.iter().map(|(timestamp, params)| v1::ScheduledBlobParams {
            timestamp: *timestamp,
            params: Some(params.into()),
        });
        Self {
            cancun: Some((&blobs.cancun).into()),
            prague: Some((&blobs.prague).into()),
            osaka: Some((&blobs.osaka).into()),
            scheduled: scheduled.collect(),
        }
    }
}

impl TryFrom<v1::BlobSchedule> for BlobScheduleBlobParams {
    type Error = DecodeError;

    fn try_from(wire: v1::BlobSchedule) -> Result<Self, DecodeError> {
        let mut scheduled = Vec::with_capacity(wire.scheduled.len());
        for (position, message) in wire.scheduled.into_iter().enumerate() {
            let params =
                blob_params(message.params, "params").at_position("scheduled", position)?;
            scheduled.push((message.timestamp, params));
        }
        Ok(Self {
            cancun: blob_params(wire.cancun, "cancun")?,
            prague: blob_params(wire.prague, "prague")?,
            osaka: blob_params(wire.osaka, "osaka")?,
            scheduled,
        })
    }
}

impl From<&BlobParams> for v1::BlobParams {
    fn from(params: &BlobParams) -> Self {
        Self {
            target_blob_count: params.target_blob_count,
            max_blob_count: params.max_blob_count,
            update_fraction: number_bytes(U256::from(params.update_fraction)),
            min_blob_fee: number_bytes(U256::from(params.min_blob_fee)),
            max_blobs_per_tx: params.max_blobs_per_tx,
            blob_base_cost: params.blob_base_cost,
        }
    }
}

fn blob_params(wire: Option<v1::BlobParams>, field: &str) -> Result<BlobParams, DecodeError> {
    let wire = wire.required(field)?;
    let update_fraction = narrow(&wire.update_fraction, "update_fraction").at(field)?;
    if update_fraction == 0 {
        return Err(DecodeError::new("update_fraction", Reason::Range { given: 0 })).at(field);
    }
    Ok(BlobParams {
        target_blob_count: count(wire.target_blob_count, "target_blob_count").at(field)?,
        max_blob_count: count(wire.max_blob_count, "max_blob_count").at(field)?,
        update_fraction,
        min_blob_fee: narrow(&wire.min_blob_fee, "min_blob_fee").at(field)?,
        max_blobs_per_tx: wire.max_blobs_per_tx,
        blob_base_cost: wire.blob_base_cost,
    })
}

/// Takes a number of blobs of a block whose gas can be counted.
fn count(given: u64, field: &str) -> Result<u64, DecodeError> {
    if given > BLOBS_MAX {
        return Err(DecodeError::new(field, Reason::Range { given }));
    }
    Ok(given)
}

/// Reads a number that has 128 bits at most.
fn narrow(bytes: &Bytes, field: &str) -> Result<u128, DecodeError> {
    let too_large = |_| DecodeError::malformed(field, "number", "it has more than 128 bits");
    number(bytes, field)?.try_into().map_err(too_large)
}
