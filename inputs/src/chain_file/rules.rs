//! The rules of a chain by the `config` of its genesis file.

use crate::{
    blobs::{self, BlobCounts},
    branches::Branches,
    error::InputError,
};
use alloy_genesis::ChainConfig;
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use alloy_primitives::Address;
use engine::chain::ChainSpec;
use serde_json::Value;
use std::collections::BTreeMap;

/// Forks with blob parameters, as the settings call them.
pub(super) const BLOB_FORKS: [(&str, EthereumHardfork); 8] = [
    ("cancun", EthereumHardfork::Cancun),
    ("prague", EthereumHardfork::Prague),
    ("osaka", EthereumHardfork::Osaka),
    ("bpo1", EthereumHardfork::Bpo1),
    ("bpo2", EthereumHardfork::Bpo2),
    ("bpo3", EthereumHardfork::Bpo3),
    ("bpo4", EthereumHardfork::Bpo4),
    ("bpo5", EthereumHardfork::Bpo5),
];

/// Returns the rules. The block at which proof of stake begins is found among the blocks.
pub(super) fn chain(
    path: &str,
    config: &ChainConfig,
    branches: &Branches,
) -> Result<ChainSpec, InputError> {
    let wrong =
        |field: &str, reason: &str| InputError::value(path, format!("$.config.{field}"), reason);
    if let Some(field) = other_rules(config) {
        return Err(wrong(field, "evmesh does not know these rules"));
    }
    if config.eip155_block != config.eip158_block {
        return Err(wrong("eip155Block", "EIP-155 and EIP-158 are one fork, Spurious Dragon"));
    }
    if let Err((field, reason)) = check_order(config) {
        return Err(wrong(field, &reason));
    }
    let forks: Vec<_> = by_block(config)
        .into_iter()
        .chain(merge(config, branches))
        .chain(by_time(config))
        .collect();
    let blobs = blobs::schedule(&forks, &blob_counts(config)).map_err(|(fork, reason)| {
        let name = BLOB_FORKS.iter().find(|(_, known)| *known == fork).map_or("", |(name, _)| name);
        wrong(&format!("blobSchedule.{name}"), reason)
    })?;
    // Without a contract there are no deposits: nothing that has code is at the zero address.
    let deposit_contract = config.deposit_contract_address.unwrap_or(Address::ZERO);
    Ok(ChainSpec::custom(config.chain_id, forks, blobs, Some(deposit_contract)))
}

/// Rules of other consensus engines and other chains, as clients write them.
const OTHER_RULES: [&str; 16] = [
    "aura",
    "authorityRound",
    "bor",
    "celo",
    "contractSizeLimit",
    "evmStackSize",
    "ibft",
    "ibft2",
    "isQuorum",
    "istanbul",
    "lineaOpcodesEnabled",
    "optimism",
    "qbft",
    "scroll",
    "taiko",
    "zeroBaseFee",
];

/// Returns a field that asks for rules that evmesh does not have: another engine's, or a fork's that
/// it does not know.
fn other_rules(config: &ChainConfig) -> Option<&str> {
    if config.clique.is_some() {
        return Some("clique");
    }
    if config.parlia.is_some() {
        return Some("parlia");
    }
    let begins = |field: &str| {
        let field = field.to_ascii_lowercase();
        (field.ends_with("block") || field.ends_with("time")) && field != "mergeforkblock"
    };
    let is_asked = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    let asks = |(field, value): (&String, &Value)| {
        let is_known_engine = OTHER_RULES.iter().any(|known| field.eq_ignore_ascii_case(known));
        is_asked(value) && (is_known_engine || begins(field))
    };
    let found = config.extra_fields.iter().find(|(field, value)| asks((field, value)));
    found.map(|(field, _)| field.as_str())
}

/// Checks that forks follow each other without a gap: each brings its own changes, and those of the
/// ones before it are taken for granted. Forks that change nothing but a bomb's or a blob's numbers
/// may be left out.
fn check_order(config: &ChainConfig) -> Result<(), (&'static str, String)> {
    let petersburg = config.petersburg_block.or(config.constantinople_block);
    let by_block = [
        ("homesteadBlock", config.homestead_block),
        ("eip150Block", config.eip150_block),
        ("eip158Block", config.eip158_block),
        ("byzantiumBlock", config.byzantium_block),
        ("constantinopleBlock", config.constantinople_block),
        ("petersburgBlock", petersburg),
        ("istanbulBlock", config.istanbul_block),
        ("berlinBlock", config.berlin_block),
        ("londonBlock", config.london_block),
    ];
    let by_time = [
        ("shanghaiTime", config.shanghai_time),
        ("cancunTime", config.cancun_time),
        ("pragueTime", config.prague_time),
        ("osakaTime", config.osaka_time),
    ];
    in_order(&by_block)?;
    in_order(&by_time)?;
    match (config.london_block, config.shanghai_time) {
        (None, Some(_)) => {
            Err(("londonBlock", "it is missing, and shanghaiTime is set".to_owned()))
        }
        _ if config.shanghai_time.is_some() && config.terminal_total_difficulty.is_none() => {
            let reason = "it is missing, and shanghaiTime is set".to_owned();
            Err(("terminalTotalDifficulty", reason))
        }
        _ => Ok(()),
    }
}

/// Checks that each of some forks that is ever active is active no earlier than the one before it.
fn in_order(forks: &[(&'static str, Option<u64>)]) -> Result<(), (&'static str, String)> {
    for pair in forks.windows(2) {
        let [(before, begins_before), (fork, begins)] = pair else { continue };
        match (begins_before, begins) {
            (None, Some(_)) => return Err((before, format!("it is missing, and {fork} is set"))),
            (Some(one), Some(other)) if other < one => {
                return Err((fork, format!("it is {other}, and {before} is {one}")));
            }
            _ => {}
        }
    }
    Ok(())
}

type Condition = (EthereumHardfork, ForkCondition);

fn by_block(config: &ChainConfig) -> Vec<Condition> {
    let dao = config.dao_fork_block.filter(|_| config.dao_fork_support);
    // Without a block of its own Petersburg is part of Constantinople.
    let petersburg = config.petersburg_block.or(config.constantinople_block);
    let forks = [
        (EthereumHardfork::Frontier, Some(0)),
        (EthereumHardfork::Homestead, config.homestead_block),
        (EthereumHardfork::Dao, dao),
        (EthereumHardfork::Tangerine, config.eip150_block),
        (EthereumHardfork::SpuriousDragon, config.eip158_block),
        (EthereumHardfork::Byzantium, config.byzantium_block),
        (EthereumHardfork::Constantinople, config.constantinople_block),
        (EthereumHardfork::Petersburg, petersburg),
        (EthereumHardfork::Istanbul, config.istanbul_block),
        (EthereumHardfork::MuirGlacier, config.muir_glacier_block),
        (EthereumHardfork::Berlin, config.berlin_block),
        (EthereumHardfork::London, config.london_block),
        (EthereumHardfork::ArrowGlacier, config.arrow_glacier_block),
        (EthereumHardfork::GrayGlacier, config.gray_glacier_block),
    ];
    let active = |(fork, block): (_, Option<u64>)| Some((fork, ForkCondition::Block(block?)));
    forks.into_iter().filter_map(active).collect()
}

/// Returns when proof of stake begins, if the settings say that it ever does.
fn merge(config: &ChainConfig, branches: &Branches) -> Option<Condition> {
    let total_difficulty = config.terminal_total_difficulty?;
    let first = branches.first_after(total_difficulty);
    let condition = ForkCondition::TTD {
        activation_block_number: first.unwrap_or(u64::MAX),
        fork_block: first,
        total_difficulty,
    };
    Some((EthereumHardfork::Paris, condition))
}

fn by_time(config: &ChainConfig) -> Vec<Condition> {
    let forks = [
        (EthereumHardfork::Shanghai, config.shanghai_time),
        (EthereumHardfork::Cancun, config.cancun_time),
        (EthereumHardfork::Prague, config.prague_time),
        (EthereumHardfork::Osaka, config.osaka_time),
        (EthereumHardfork::Bpo1, config.bpo1_time),
        (EthereumHardfork::Bpo2, config.bpo2_time),
        (EthereumHardfork::Bpo3, config.bpo3_time),
        (EthereumHardfork::Bpo4, config.bpo4_time),
        (EthereumHardfork::Bpo5, config.bpo5_time),
    ];
    let active = |(fork, time): (_, Option<u64>)| Some((fork, ForkCondition::Timestamp(time?)));
    forks.into_iter().filter_map(active).collect()
}

fn blob_counts(config: &ChainConfig) -> BTreeMap<EthereumHardfork, BlobCounts> {
    let given = BLOB_FORKS.iter().filter_map(|(name, fork)| {
        let params = config.blob_schedule.get(*name)?;
        let counts = BlobCounts {
            target: params.target_blob_count,
            max: params.max_blob_count,
            update_fraction: params.update_fraction,
        };
        Some((*fork, counts))
    });
    given.collect()
}
