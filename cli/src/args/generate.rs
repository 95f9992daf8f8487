//! Flags of `evmesh generate`.

use clap::Args;
use std::path::PathBuf;

/// Writes a workload's blocks as a chain that geth and other clients import.
///
/// DIR gets `genesis.json`, as `geth init` takes it, and `chain.rlp`, as `geth import` takes it.
/// `evmesh run DIR` executes them.
#[derive(Clone, Debug, Args)]
pub struct GenerateArgs {
    /// What to generate, as in `workload:erc20?txs=100&blocks=3&seed=7`
    #[arg(value_name = "SPEC")]
    pub spec: String,
    /// Folder to write into; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Packs the blocks: `chain.rlp.gz` instead of `chain.rlp`
    #[arg(long)]
    pub gzip: bool,
    /// Writes into a folder that is not empty; a chain and a genesis there are replaced
    #[arg(long)]
    pub force: bool,
}
