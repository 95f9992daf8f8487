//! A chain's blob parameters: those that it names, else its forks' own.

use alloy_eips::{eip7840::BlobParams, eip7892::BlobScheduleBlobParams};
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use std::collections::BTreeMap;

/// What a chain may say of a fork's blobs (EIP-7840).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobCounts {
    /// Blobs of a block at which the price stays.
    pub(crate) target: u64,
    /// Most blobs of a block.
    pub(crate) max: u64,
    /// How slowly the price follows.
    pub(crate) update_fraction: u128,
}

/// Most blobs of a block whose gas can be counted.
const BLOBS_MAX: u64 = u32::MAX as u64;

/// Returns the parameters of every fork. Fails with a fork whose parameters nobody knows or no block
/// can have, and why.
pub(crate) fn schedule(
    forks: &[(EthereumHardfork, ForkCondition)],
    given: &BTreeMap<EthereumHardfork, BlobCounts>,
) -> Result<BlobScheduleBlobParams, (EthereumHardfork, &'static str)> {
    for (fork, counts) in given {
        counts.check().map_err(|reason| (*fork, reason))?;
    }
    let of = |fork: EthereumHardfork, own: BlobParams| match given.get(&fork) {
        Some(counts) => counts.of_fork(own),
        None => own,
    };
    let mut scheduled = Vec::new();
    for fork in EthereumHardfork::bpo_variants() {
        let active = forks.iter().find(|(active, _)| active == fork);
        let Some(time) = active.and_then(|(_, condition)| condition.as_timestamp()) else {
            continue;
        };
        let own = match fork {
            EthereumHardfork::Bpo1 => BlobParams::bpo1(),
            EthereumHardfork::Bpo2 => BlobParams::bpo2(),
            // The later ones are not Ethereum's yet: a chain has to say what they are.
            _ if given.contains_key(fork) => BlobParams::osaka(),
            _ => return Err((*fork, "it is missing")),
        };
        scheduled.push((time, of(*fork, own)));
    }
    Ok(BlobScheduleBlobParams {
        cancun: of(EthereumHardfork::Cancun, BlobParams::cancun()),
        prague: of(EthereumHardfork::Prague, BlobParams::prague()),
        osaka: of(EthereumHardfork::Osaka, BlobParams::osaka()),
        scheduled,
    })
}

impl BlobCounts {
    const fn check(&self) -> Result<(), &'static str> {
        if self.update_fraction == 0 {
            return Err("its update fraction is 0");
        }
        if self.target > BLOBS_MAX || self.max > BLOBS_MAX {
            return Err("there are more blobs than a block's gas can count");
        }
        Ok(())
    }

    /// Puts the counts in place of a fork's own. A transaction may hold as many blobs as a block,
    /// before Osaka.
    const fn of_fork(&self, own: BlobParams) -> BlobParams {
        let is_capped = own.max_blobs_per_tx != own.max_blob_count;
        BlobParams {
            target_blob_count: self.target,
            max_blob_count: self.max,
            update_fraction: self.update_fraction,
            max_blobs_per_tx: if is_capped { own.max_blobs_per_tx } else { self.max },
            ..own
        }
    }
}
