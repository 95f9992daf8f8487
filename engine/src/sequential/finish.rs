//! Third stage: receipts, blooms and roots.

use super::{Execution, InvalidBlock, Prepared, execute::Ran};
use crate::{
    access::WriteSet,
    chain::ChainSpec,
    fold::StateDiff,
    header::{BlockResults, assemble_receipts, block_results},
    ids::AccessIndex,
    outcome::TxReceipt,
};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{B256, logs_bloom};
use std::sync::Arc;

/// What a block produced when executed serially.
#[derive(Clone, Debug)]
pub struct SequentialOutcome {
    /// Receipts in order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Header fields; the state root is left to the caller, who has the whole state or has not.
    pub results: BlockResults,
    /// Final values of everything that was written. What was touched and is as it was may be
    /// there too; [`SerialState::normalise`](super::SerialState::normalise) leaves it out.
    pub post: StateDiff,
    /// What each index wrote, if that was to be recorded ([`Record`](super::Record)).
    pub writes: Option<Vec<(AccessIndex, Arc<WriteSet>)>>,
}

/// Turns an execution into receipts and header fields.
///
/// `roots` are the state roots after each transaction, for receipts before Byzantium; where they
/// are not known, the receipts root is not either.
///
/// # Errors
/// If a deposit log is not what EIP-6110 wants: the block is invalid.
pub fn finish(
    chain: &ChainSpec,
    prepared: &Prepared,
    execution: Execution,
    roots: Option<&[B256]>,
) -> Result<SequentialOutcome, InvalidBlock> {
    let Execution { attributes, transactions, requests, written, writes, .. } = execution;
    let receipts = assemble_receipts(transactions.into_iter().map(receipt).collect(), roots);
    let body = &prepared.block.transactions;
    let results = block_results(chain, &attributes, body, &receipts, &requests)
        .map_err(InvalidBlock::body)?;
    Ok(SequentialOutcome { receipts, results, post: written.into_diff(), writes })
}

fn receipt(ran: Ran) -> TxReceipt {
    let bloom = logs_bloom(&ran.logs);
    TxReceipt { tx_type: ran.tx_type, success: ran.success, gas: ran.gas, logs: ran.logs, bloom }
}
