//! Flags of `evmesh proof`.

use alloy_primitives::{Address, B256, U256};
use clap::Args;

/// Proves what the state of a running cluster says of an account (EIP-1186).
#[derive(Clone, Debug, Args)]
pub struct ProofArgs {
    /// The account
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// Slots of it, as 0x hex or decimal numbers
    #[arg(value_name = "SLOT")]
    pub slots: Vec<U256>,
    /// Hash of the committed block after which the state is meant [default: the head]
    #[arg(long, value_name = "HASH")]
    pub block: Option<B256>,
    /// Where the coordinator is [default: `http://127.0.0.1:7410`]
    #[arg(long, value_name = "URL")]
    pub coordinator: Option<String>,
    /// Prints one line instead of indented JSON
    #[arg(long)]
    pub json: bool,
}
