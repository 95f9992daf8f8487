//! A chain's rules written down as the `config` of a genesis file.

use super::rules::BLOB_FORKS;
use alloy_eips::{eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7840::BlobParams};
use alloy_genesis::{ChainConfig, EthashConfig};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::U256;
use engine::chain::ChainSpec;
use std::collections::BTreeMap;

/// Returns the settings that stand for a chain's rules.
pub(super) fn settings(chain: &ChainSpec) -> ChainConfig {
    use EthereumHardfork as Fork;
    let at = |fork| chain.ethereum_fork_activation(fork);
    let block = |fork| match at(fork) {
        ForkCondition::Block(number) => Some(number),
        _ => None,
    };
    let time = |fork| at(fork).as_timestamp();
    // A chain that had it from genesis on never saw the other side; by these settings its first
    // blocks would have to say so.
    let dao = block(Fork::Dao).filter(|number| *number > 0);
    ChainConfig {
        chain_id: chain.chain_id(),
        homestead_block: block(Fork::Homestead),
        dao_fork_block: dao,
        dao_fork_support: dao.is_some(),
        eip150_block: block(Fork::Tangerine),
        eip155_block: block(Fork::SpuriousDragon),
        eip158_block: block(Fork::SpuriousDragon),
        byzantium_block: block(Fork::Byzantium),
        constantinople_block: block(Fork::Constantinople),
        petersburg_block: block(Fork::Petersburg),
        istanbul_block: block(Fork::Istanbul),
        muir_glacier_block: block(Fork::MuirGlacier),
        berlin_block: block(Fork::Berlin),
        london_block: block(Fork::London),
        arrow_glacier_block: block(Fork::ArrowGlacier),
        gray_glacier_block: block(Fork::GrayGlacier),
        shanghai_time: time(Fork::Shanghai),
        cancun_time: time(Fork::Cancun),
        prague_time: time(Fork::Prague),
        osaka_time: time(Fork::Osaka),
        bpo1_time: time(Fork::Bpo1),
        bpo2_time: time(Fork::Bpo2),
        bpo3_time: time(Fork::Bpo3),
        bpo4_time: time(Fork::Bpo4),
        bpo5_time: time(Fork::Bpo5),
        terminal_total_difficulty: Some(terminal_difficulty(at(Fork::Paris))),
        terminal_total_difficulty_passed: matches!(
            at(Fork::Paris),
            ForkCondition::TTD { activation_block_number: 0, .. }
        ),
        ethash: Some(EthashConfig {}),
        // Where a chain names none it is mainnet's; a genesis file that names none has no deposits.
        deposit_contract_address: chain
            .deposit_contract()
            .or(Some(MAINNET_DEPOSIT_CONTRACT_ADDRESS)),
        blob_schedule: blob_schedule(chain),
        ..ChainConfig::default()
    }
}

/// A difficulty that no chain reaches stands for one whose work never ends; clients want some.
const NEVER: U256 = U256::from_limbs([u64::MAX, 0, 0, 0]);

const fn terminal_difficulty(paris: ForkCondition) -> U256 {
    match paris {
        ForkCondition::TTD { total_difficulty, .. } => total_difficulty,
        _ => NEVER,
    }
}

/// Returns the blob parameters of every fork that is ever active.
fn blob_schedule(chain: &ChainSpec) -> BTreeMap<String, BlobParams> {
    let active = BLOB_FORKS.iter().filter_map(|(name, fork)| {
        let time = chain.ethereum_fork_activation(*fork).as_timestamp()?;
        let own = match fork {
            EthereumHardfork::Cancun => chain.blob_schedule().cancun,
            EthereumHardfork::Prague => chain.blob_schedule().prague,
            EthereumHardfork::Osaka => chain.blob_schedule().osaka,
            _ => chain.blob_params_at(time)?,
        };
        Some(((*name).to_owned(), own))
    });
    active.collect()
}
