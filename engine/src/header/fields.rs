//! What a header's fields have to be, whatever came before: of its fork, within bounds.

use super::{RuleError, blobs::check_blob_gas_used, gas_limit};
use crate::chain::ChainSpec;
use alloy_consensus::Header;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};

/// What the extra data of the first blocks of the DAO's fork have to be, and how many blocks.
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";
const DAO_BLOCKS: u64 = 10;
/// Most bytes of a header's extra data.
const EXTRA_DATA_BYTES_MAX: usize = 32;

/// Checks a header by itself; a block's and an ommer's alike.
pub(super) fn check_fields(chain: &ChainSpec, header: &Header) -> Result<(), RuleError> {
    check_presence(chain, header)?;
    gas_limit::check_alone(header)?;
    if names_dao_fork(chain, header.number) && header.extra_data.as_ref() != DAO_EXTRA_DATA {
        return Err(RuleError::DaoExtraData);
    }
    if header.extra_data.len() > EXTRA_DATA_BYTES_MAX {
        let n_bytes = header.extra_data.len();
        return Err(RuleError::ExtraData { n_bytes, most: EXTRA_DATA_BYTES_MAX });
    }
    if chain.is_paris_active_at_block(header.number) {
        check_proof_of_stake(header)?;
    }
    check_blob_gas_used(chain, header)
}

/// Tells whether a block is one of the first after the DAO's fork. A chain that had it from
/// genesis on never saw the other side.
fn names_dao_fork(chain: &ChainSpec, number: u64) -> bool {
    match chain.ethereum_fork_activation(EthereumHardfork::Dao) {
        ForkCondition::Block(fork) if fork > 0 => {
            number.checked_sub(fork).is_some_and(|n_blocks| n_blocks < DAO_BLOCKS)
        }
        _ => false,
    }
}

fn check_presence(chain: &ChainSpec, header: &Header) -> Result<(), RuleError> {
    let time = header.timestamp;
    let london = chain.is_london_active_at_block(header.number);
    let shanghai = chain.is_shanghai_active_at_timestamp(time);
    let cancun = chain.is_cancun_active_at_timestamp(time);
    let prague = chain.is_prague_active_at_timestamp(time);
    let amsterdam = chain.is_amsterdam_active_at_timestamp(time);
    let fields = [
        ("base fee", header.base_fee_per_gas.is_some(), london),
        ("withdrawals root", header.withdrawals_root.is_some(), shanghai),
        ("blob gas used", header.blob_gas_used.is_some(), cancun),
        ("excess blob gas", header.excess_blob_gas.is_some(), cancun),
        ("parent beacon block root", header.parent_beacon_block_root.is_some(), cancun),
        ("requests hash", header.requests_hash.is_some(), prague),
        ("block access list hash", header.block_access_list_hash.is_some(), amsterdam),
        ("slot number", header.slot_number.is_some(), amsterdam),
    ];
    fields.into_iter().try_for_each(|(field, is_there, is_wanted)| {
        super::check_presence(field, is_there, is_wanted)
    })
}

fn check_proof_of_stake(header: &Header) -> Result<(), RuleError> {
    if !header.difficulty.is_zero() {
        return Err(RuleError::ProofOfStake { field: "difficulty" });
    }
    if !header.nonce.is_zero() {
        return Err(RuleError::ProofOfStake { field: "nonce" });
    }
    Ok(())
}
