//! What an execution sees of state.

use crate::account::{Account, SnapshotKey};
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use std::fmt::Debug;

/// Why a view has no value for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewMiss {
    /// The value is not here yet; it has to be read from the Snapshot.
    Missing(SnapshotKey),
    /// The Snapshot cannot answer the key.
    Unavailable(SnapshotKey),
}

/// State as one index sees it: the block's writes below it over the Snapshot (rule 3).
pub trait StateView: Debug {
    /// Returns an account; `None` if there is none.
    ///
    /// # Errors
    /// If the value is not known.
    fn account(&self, address: &Address) -> Result<Option<Account>, ViewMiss>;

    /// Returns a storage slot, wipes applied (rule 4).
    ///
    /// # Errors
    /// If the value is not known.
    fn slot(&self, address: &Address, slot: &U256) -> Result<U256, ViewMiss>;

    /// Returns analysed code. `address` is an account that has it.
    ///
    /// # Errors
    /// If the code is not known.
    fn code(&self, address: &Address, hash: &B256) -> Result<Bytecode, ViewMiss>;
}
