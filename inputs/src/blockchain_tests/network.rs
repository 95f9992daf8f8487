//! The rules that a test's `network` names: a fork from genesis on, and perhaps one more later.

use super::{
    NotRun,
    file::{BlobFile, Config},
};
use crate::{
    blobs::{self, BlobCounts},
    entries::Entries,
    text::Text,
};
use alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS;
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use alloy_primitives::U256;
use engine::chain::{ChainSpec, MAINNET_ID};
use std::collections::BTreeMap;

/// A network, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// Active from genesis on, with all that came before it.
    first: EthereumHardfork,
    later: Option<(EthereumHardfork, When)>,
}

/// When the second fork begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Block(u64),
    Time(u64),
    /// At this total difficulty.
    Difficulty(U256),
}

impl Network {
    /// Reads `Fork`, `ForkToForkAt5`, `ForkToForkAtTime15k` or `ForkToForkAtDiffC0000`. `None` if
    /// it is not one that is known.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let Some((first, rest)) = name.split_once("To") else {
            return Some(Self { first: fork(name)?, later: None });
        };
        let (later, when) = rest.split_once("At")?;
        let when = match (when.strip_prefix("Time"), when.strip_prefix("Diff")) {
            (Some(time), _) => When::Time(seconds(time)?),
            (_, Some(difficulty)) => When::Difficulty(U256::from_str_radix(difficulty, 16).ok()?),
            _ => When::Block(when.parse().ok()?),
        };
        Some(Self { first: fork(first)?, later: Some((fork(later)?, when)) })
    }

    /// Returns why tests of this network are not run.
    pub(super) fn not_run(&self) -> Option<NotRun> {
        let last = self.later.map_or(self.first, |(fork, _)| fork);
        if last >= EthereumHardfork::Amsterdam {
            Some(NotRun::Amsterdam)
        } else if [self.first, last].contains(&EthereumHardfork::Constantinople) {
            Some(NotRun::Constantinople)
        } else {
            None
        }
    }

    /// Returns the total difficulty at which proof of stake begins, where it is one.
    pub(super) const fn terminal_difficulty(&self) -> Option<U256> {
        match self.later {
            Some((_, When::Difficulty(difficulty))) => Some(difficulty),
            _ => None,
        }
    }

    /// Returns the chain's rules; `merge` is the first block of proof of stake, if it is not
    /// active from genesis on. Fails with the field of `config` that is wrong.
    pub(super) fn chain(
        &self,
        config: Option<&Config<'_>>,
        merge: Option<u64>,
    ) -> Result<ChainSpec, (String, String)> {
        let at_genesis = ChainSpec::up_to(MAINNET_ID, self.first);
        let mut forks: Vec<(EthereumHardfork, ForkCondition)> = at_genesis.forks().collect();
        if let Some((last, when)) = self.later {
            let condition = condition(when, merge);
            forks.extend(newly_active(self.first, last).map(|fork| (fork, condition)));
        }
        let chain_id = match config.and_then(|config| config.chain_id.as_ref()) {
            Some(text) => text.small_number().map_err(|reason| ("chainid".to_owned(), reason))?,
            None => MAINNET_ID,
        };
        let given = config.and_then(|config| config.blob_schedule.as_ref());
        let counts = given.map(blob_counts).transpose()?.unwrap_or_default();
        let blobs = blobs::schedule(&forks, &counts).map_err(|(fork, reason)| {
            (format!("blobSchedule.{}", name(fork)), reason.to_owned())
        })?;
        Ok(ChainSpec::custom(chain_id, forks, blobs, Some(MAINNET_DEPOSIT_CONTRACT_ADDRESS)))
    }
}

/// Forks between two, the last one included. The DAO's is no step to a later one: it is active
/// only where it is named.
fn newly_active(
    first: EthereumHardfork,
    last: EthereumHardfork,
) -> impl Iterator<Item = EthereumHardfork> {
    let between = EthereumHardfork::VARIANTS.iter().copied();
    between
        .filter(move |fork| first < *fork && *fork <= last)
        .filter(move |fork| *fork != EthereumHardfork::Dao || last == EthereumHardfork::Dao)
}

const fn condition(when: When, merge: Option<u64>) -> ForkCondition {
    match when {
        When::Block(number) => ForkCondition::Block(number),
        When::Time(time) => ForkCondition::Timestamp(time),
        When::Difficulty(total_difficulty) => ForkCondition::TTD {
            // One that is never reached begins with no block that can be.
            activation_block_number: match merge {
                Some(number) => number,
                None => u64::MAX,
            },
            fork_block: merge,
            total_difficulty,
        },
    }
}

/// Reads the blob parameters that a file gives, by fork; of forks that evmesh does not know it
/// may say what it likes.
fn blob_counts(
    given: &Entries<Text<'_>, BlobFile<'_>>,
) -> Result<BTreeMap<EthereumHardfork, BlobCounts>, (String, String)> {
    let Entries(given) = given;
    let mut counts = BTreeMap::new();
    for (name, file) in given {
        let number = |field: &str, text: &Text<'_>| {
            text.small_number().map_err(|reason| (format!("blobSchedule.{name}.{field}"), reason))
        };
        let read = BlobCounts {
            target: number("target", &file.target)?,
            max: number("max", &file.max)?,
            update_fraction: number("baseFeeUpdateFraction", &file.base_fee_update_fraction)?
                .into(),
        };
        if let Some(fork) = fork(name.as_str()) {
            counts.insert(fork, read);
        }
    }
    Ok(counts)
}

/// Reads seconds; `k` stands for three zeroes.
fn seconds(text: &str) -> Option<u64> {
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1_000),
        None => text.parse().ok(),
    }
}

/// Forks as the tests call them, some by two names.
const NAMES: [(&str, EthereumHardfork); 28] = [
    ("Frontier", EthereumHardfork::Frontier),
    ("Homestead", EthereumHardfork::Homestead),
    ("Dao", EthereumHardfork::Dao),
    ("DAO", EthereumHardfork::Dao),
    ("EIP150", EthereumHardfork::Tangerine),
    ("EIP158", EthereumHardfork::SpuriousDragon),
    ("Byzantium", EthereumHardfork::Byzantium),
    ("Constantinople", EthereumHardfork::Constantinople),
    ("ConstantinopleFix", EthereumHardfork::Petersburg),
    ("Petersburg", EthereumHardfork::Petersburg),
    ("Istanbul", EthereumHardfork::Istanbul),
    ("MuirGlacier", EthereumHardfork::MuirGlacier),
    ("Berlin", EthereumHardfork::Berlin),
    ("London", EthereumHardfork::London),
    ("ArrowGlacier", EthereumHardfork::ArrowGlacier),
    ("GrayGlacier", EthereumHardfork::GrayGlacier),
    ("Merge", EthereumHardfork::Paris),
    ("Paris", EthereumHardfork::Paris),
    ("Shanghai", EthereumHardfork::Shanghai),
    ("Cancun", EthereumHardfork::Cancun),
    ("Prague", EthereumHardfork::Prague),
    ("Osaka", EthereumHardfork::Osaka),
    ("BPO1", EthereumHardfork::Bpo1),
    ("BPO2", EthereumHardfork::Bpo2),
    ("BPO3", EthereumHardfork::Bpo3),
    ("BPO4", EthereumHardfork::Bpo4),
    ("BPO5", EthereumHardfork::Bpo5),
    ("Amsterdam", EthereumHardfork::Amsterdam),
];

fn fork(name: &str) -> Option<EthereumHardfork> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, fork)| *fork)
}

fn name(fork: EthereumHardfork) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == fork).map_or("?", |(name, _)| name)
}
