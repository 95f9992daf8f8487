//! What of a block's gas is left for the next transaction.

use crate::{block::BlockAttributes, chain::ChainSpec};
use alloy_consensus::{Transaction, TxEnvelope};

/// Why a transaction does not fit in its block any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Its gas limit is more than the transactions before it left.
    #[error("transaction gas limit {gas_limit} is more than the {left} gas left in the block")]
    Gas {
        /// The transaction's gas limit.
        gas_limit: u64,
        /// What is left.
        left: u64,
    },
    /// Its blobs are more than the transactions before it left (EIP-4844).
    #[error("transaction blob gas {blob_gas} is more than the {left} blob gas left in the block")]
    BlobGas {
        /// The transaction's blob gas.
        blob_gas: u64,
        /// What is left.
        left: u64,
    },
}

/// Gas that is left while a block's transactions are taken in order.
///
/// A transaction is admitted before it runs, and spends after it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasLeft {
    /// Gas.
    pub gas: u64,
    /// Blob gas; `None` before Cancun, where no transaction has blobs.
    pub blob_gas: Option<u64>,
}

impl GasLeft {
    /// Returns what is left before a block's first transaction.
    pub fn new(chain: &ChainSpec, attributes: &BlockAttributes) -> Self {
        let blobs = chain.blob_params_at(attributes.header.timestamp);
        Self {
            gas: attributes.header.gas_limit,
            blob_gas: blobs.map(|params| params.max_blob_gas_per_block()),
        }
    }

    /// Checks that a transaction fits.
    ///
    /// # Errors
    /// If it does not: its block is invalid.
    pub fn admit(&self, transaction: &TxEnvelope) -> Result<(), LimitError> {
        let gas_limit = transaction.gas_limit();
        if gas_limit > self.gas {
            return Err(LimitError::Gas { gas_limit, left: self.gas });
        }
        let blob_gas = transaction.blob_gas_used().unwrap_or(0);
        match self.blob_gas {
            Some(left) if blob_gas > left => Err(LimitError::BlobGas { blob_gas, left }),
            _ => Ok(()),
        }
    }

    /// Takes away what a transaction used.
    pub fn spend(&mut self, transaction: &TxEnvelope, gas_used: u64) {
        self.gas = self.gas.saturating_sub(gas_used);
        let blob_gas = transaction.blob_gas_used().unwrap_or(0);
        self.blob_gas = self.blob_gas.map(|left| left.saturating_sub(blob_gas));
    }
}
