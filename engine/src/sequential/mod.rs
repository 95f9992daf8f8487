//! The judge: a block executed by plain revm, one transaction after the other.
//!
//! revm's own mainnet handler and instructions, no hooks, fees paid at once; nothing here is shared
//! with the parallel executor but the block's decoding, senders and header fields. It comes in
//! three stages that a caller can time apart: [`prepare()`] (decode, recover senders),
//! [`execute()`] and [`finish()`] (receipts, blooms, roots). [`run`] does all three.
//!
//! State comes from any [`revm::Database`]; [`SerialState`] is one in memory, and a
//! [`StateTrie`](crate::trie::StateTrie), which may be made of a witness, is another.

mod error;
mod execute;
mod finish;
mod overlay;
mod post_block;
mod pre_block;
mod prepare;
mod state;
mod system_call;
#[cfg(test)]
mod tests;
mod trie_state;
mod write_log;

pub use error::{InvalidBlock, PrepareError, Stop};
pub use execute::{Execution, Record, execute};
pub use finish::{SequentialOutcome, finish};
pub use prepare::{Prepared, prepare};
pub use state::{SerialState, StateError};

use crate::{block::AncestorHashes, chain::ChainSpec, lineage::Lineage};
use revm::Database;

/// Executes a block from its RLP on the state that `db` answers with. Before Byzantium its receipts
/// root stays unknown.
///
/// # Errors
/// If the block is invalid, if the lineage is another block's, or the state cannot answer.
pub fn run<DB: Database>(
    chain: &ChainSpec,
    block_rlp: &[u8],
    lineage: &Lineage,
    ancestors: &AncestorHashes,
    db: DB,
) -> Result<SequentialOutcome, Stop<DB::Error>> {
    let prepared = prepare(chain, block_rlp, lineage)?;
    let execution = execute(chain, &prepared, ancestors, db, Record::Nothing)?;
    Ok(finish(chain, &prepared, execution, None)?)
}
